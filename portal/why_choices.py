"""Whom and what a reader of *Why can they?* may ask about, and the form's choices (DOMAIN §5, §14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import access, catalogue, search
from portal.access import Rights
from portal.catalogue import Capability
from portal.meanings import MEANINGS
from portal.models import Pair, Scope, ScopeGrant, Tenant, TenantGrant, User

_MOST_FOUND = 10
_OURSELVES = "tenant"

#: The actions by what they are about, as people look for them; the key is what the capability's name begins with.
_PARTS = (
    (gettext_lazy("People and the organisation"), ("account", "users", "roles", "licences", "groups", "guests")),
    (gettext_lazy("Partners"), ("partners", "gdap.approve", "gdap.remove_roles", "agreement")),
    (
        gettext_lazy("Subscriptions and service requests"),
        ("subscriptions.view", "subscriptions.manage", "service_requests"),
    ),
    (gettext_lazy("Azure scopes"), ("azure",)),
    (gettext_lazy("Devices and rooms"), ("devices.view", "devices.manage", "rooms")),
    (gettext_lazy("Security and settings"), ("audit", "elevated", "organisation", "domains", "partner_profile.manage")),
)


@dataclass(frozen=True)
class Hit:
    """One choice of a finder."""

    value: str
    label: str
    hint: str = ""
    is_chosen: bool = False


@dataclass
class Choices:
    """What one reader may choose from, on a tenant's page or on the partner's own side."""

    reader: User
    tenant: Tenant
    rights: Rights
    is_partner_side: bool

    @property
    def is_on_behalf(self) -> bool:
        """A partner's person in a customer's pages."""
        return self.reader.tenant_id != self.tenant.pk

    # ── people ──

    @property
    def may_ask_about_others(self) -> bool:
        """Or only about oneself."""
        if self.is_partner_side:
            return self.rights.allows(Capability.ACCESS_REVIEW)
        sees_users = not self.is_on_behalf and self.rights.allows(Capability.USERS_VIEW)
        return sees_users or self.rights.allows(Capability.PARTNERS_VIEW)

    def people(self, text: str) -> QuerySet[User]:
        """Whom one may ask about; of a partner who is in a group that holds something here, or is named in full."""
        found = Q(pk__in=[])
        if self.is_partner_side or self.is_on_behalf:
            if self.may_ask_about_others:
                found = Q(tenant_id=self.reader.tenant_id)
        else:
            if self.rights.allows(Capability.USERS_VIEW):
                found |= Q(tenant=self.tenant)
            if self.rights.allows(Capability.PARTNERS_VIEW):
                found |= self._outside(text)
        return User.objects.filter(found | Q(pk=self.reader.pk), deleted_at__isnull=True).select_related("tenant")

    def _outside(self, text: str) -> Q:
        pairs = Pair.objects.filter(customer=self.tenant, started_at__isnull=False)
        in_force = pairs.filter(ended_at__isnull=True)
        mine = {"group__memberships__user_id": OuterRef("pk"), "pair__in": pairs}
        holds = Q(Exists(TenantGrant.objects.filter(**mine))) | Q(Exists(ScopeGrant.objects.filter(**mine)))
        is_named = Q(sign_in_name__iexact=text.strip(), tenant__in=in_force.values("partner"))
        return (Q(tenant__in=pairs.values("partner")) & holds) | is_named

    def person_hits(self, text: str, chosen: User | None) -> list[Hit]:
        """The chosen one first, then whom the words find; oneself where there are none."""
        rows = self.people(text)
        if text.strip():
            tenants = [self.reader.tenant_id, self.tenant.pk, *self._partners()]
            matching = search.matching(rows, {key for key in tenants if key}, text)
            found = list(
                (matching | rows.filter(sign_in_name__iexact=text.strip())).order_by("name_key", "pk")[:_MOST_FOUND]
            )
        else:
            found = [self.reader]
        people = dict.fromkeys([*([chosen] if chosen else []), *found])
        return [
            Hit(str(one.pk), one.display_name, self._of(one), is_chosen=chosen is not None and one.pk == chosen.pk)
            for one in people
        ]

    def _partners(self) -> Iterable[UUID]:
        if self.is_partner_side or self.is_on_behalf or not self.rights.allows(Capability.PARTNERS_VIEW):
            return ()
        pairs = Pair.objects.filter(customer=self.tenant, started_at__isnull=False)
        return pairs.values_list("partner_id", flat=True)

    def _of(self, person: User) -> str:
        own = person.tenant_id == self.tenant.pk
        return str(person) if own else f"{person} · {person.home.display_name}"

    def person(self, key: str, text: str) -> User | None:
        """The chosen person, if it is one of them; oneself where nobody was chosen."""
        if not key:
            return self.reader
        try:
            named = User.objects.filter(pk=key).values_list("sign_in_name", flat=True).first()
            return self.people(named or text).filter(pk=key).first()
        except (ValidationError, ValueError):
            return None

    # ── actions ──

    def actions(self) -> list[dict[str, Any]]:
        """Every action in words, by what it is about."""
        parts: list[dict[str, Any]] = [{"label": str(label), "actions": self._part(names)} for label, names in _PARTS]
        if self.tenant.partner_profile is not None and not self.is_on_behalf:
            own = [can for can in Capability if catalogue.rules()[can].is_partner_side]
            parts.append({"label": _("As a partner"), "actions": [_action(can) for can in own]})
        return parts

    def _part(self, names: tuple[str, ...]) -> list[dict[str, str]]:
        return [
            _action(can)
            for can in Capability
            if not catalogue.rules()[can].is_partner_side
            and any(can == name or can.startswith(f"{name}.") for name in names)
        ]

    def action(self, key: str) -> Capability | None:
        """The chosen one, if it is offered."""
        offered = {action["key"] for part in self.actions() for action in part["actions"]}
        return Capability(key) if key in offered else None

    # ── objects ──

    def ourselves(self) -> Hit:
        """The organisation whose page it is."""
        return Hit(_OURSELVES, self.tenant.display_name, _("the organisation itself"))

    def object_hits(self, text: str, chosen: str) -> list[Hit]:
        """The organisation itself, what is chosen, and what the words find, a few of each kind."""
        found = [self.ourselves()]
        if chosen not in ("", _OURSELVES) and (obj := self.object(chosen)) is not None:
            found.append(_hit(obj))
        if text.strip():
            found += [_hit(row) for rows in self._objects(text) for row in rows[:_MOST_FOUND]]
        unique = {hit.value: hit for hit in found}
        wanted = chosen or _OURSELVES
        return [Hit(hit.value, hit.label, hit.hint, hit.value == wanted) for hit in unique.values()]

    def _objects(self, text: str) -> Iterable[QuerySet[Any]]:
        if self.is_partner_side:
            yield search.matching(self._pairs(), [self.tenant.pk], text).order_by("customer_key", "pk")
        else:
            yield search.matching(self._persons(), [self.tenant.pk], text).order_by("name_key", "pk")
        yield self._scopes().filter(name__icontains=text.strip()).order_by("name", "pk")

    def _persons(self) -> QuerySet[User]:
        rows = User.objects.filter(tenant=self.tenant, deleted_at__isnull=True)
        return rows if self.rights.allows(Capability.USERS_VIEW) else rows.filter(pk=self.reader.pk)

    def _pairs(self) -> QuerySet[Pair]:
        rows = Pair.objects.filter(partner=self.tenant, started_at__isnull=False)
        return access.allowing(rows, self.reader, Capability.CUSTOMERS_VIEW)

    def _scopes(self) -> QuerySet[Scope]:
        """On the partner's side those at which its own groups and people hold a role."""
        rows = Scope.objects.filter(deleted_at__isnull=True).select_related("tenant")
        if self.is_partner_side:
            given = ScopeGrant.objects.filter(content_object_id=OuterRef("pk"), pair__partner=self.tenant)
            is_reviewed = Exists(given) if self.may_ask_about_others else Q(pk__in=[])
            seen = access.allowing(rows.exclude(tenant=self.tenant), self.reader, Capability.AZURE_VIEW)
            return rows.filter(is_reviewed | Q(pk__in=seen.values("pk")))
        rows = rows.filter(tenant=self.tenant)
        if not self.is_on_behalf and self.rights.allows(Capability.PARTNERS_VIEW):
            return rows
        return access.allowing(rows, self.reader, Capability.AZURE_VIEW)

    def object(self, key: str) -> Any:
        """What was chosen, if this reader may ask about it; None else."""
        if key in ("", _OURSELVES):
            return self.tenant
        kind, _colon, number = key.partition(":")
        offered: dict[str, Any] = {"scope": self._scopes}
        offered |= {"pair": self._pairs} if self.is_partner_side else {"person": self._persons}
        try:
            return offered[kind]().filter(pk=number).first() if kind in offered else None
        except (ValidationError, ValueError):
            return None


def _action(can: Capability) -> dict[str, str]:
    return {"key": str(can), "label": str(MEANINGS[can] if can in MEANINGS else catalogue.rules()[can].meaning)}


def _hit(obj: Model) -> Hit:
    if isinstance(obj, User):
        return Hit(f"person:{obj.pk}", obj.display_name, str(obj))
    if isinstance(obj, Pair):
        return Hit(f"pair:{obj.pk}", obj.customer_name, obj.customer_domain)
    if isinstance(obj, Scope):
        return Hit(f"scope:{obj.pk}", scope_name(obj), f"{obj.get_kind_display()} · {obj.tenant.display_name}")
    raise TypeError(obj)


def scope_name(scope: Scope) -> str:
    """The root has no name that anybody chose."""
    return str(scope.get_kind_display()) if scope.kind == Scope.Kind.ROOT else scope.name


def unfit(capability: Capability, obj: Model) -> str:
    """Why the action can't be asked about the object; empty if it can."""
    rule = catalogue.rules()[capability]
    if rule.is_scope_side and not isinstance(obj, Scope):
        return _("This action is about an Azure scope: search for a subscription, resource group or resource.")
    if not rule.is_scope_side and isinstance(obj, Scope):
        return _("This action isn't about an Azure scope: choose something else.")
    if rule.is_partner_side and isinstance(obj, User):
        return _("This action is what partners do: choose the organisation itself.")
    return ""
