"""Reads about pairs for pages: what a partner may do, what it keeps, what happened (DOMAIN §4, §9)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from delegation.models import DapGrant
from portal import access, catalogue, clock, hooks, lists
from portal.access import Rights
from portal.catalogue import Capability as Can
from portal.models import AuditEntry, Domain, Membership, Pair, PairGrant, RoleAssignment, Tenant, TenantGrant, User
from relationships.models import CUSTOMER_DOMAIN, DeviceConsent, Invitation, InvitationAnswer, Relationship

MOST_LISTED = 20
#: The services of a customer's tenant that this version has: (name, route, capability).
_PAGES = (
    ("account", Can.ACCOUNT_VIEW),
    ("users", Can.USERS_VIEW),
    ("service-requests", Can.SERVICE_REQUESTS_VIEW),
    ("partner-relationships", Can.PARTNERS_VIEW),
    ("audit-log", Can.AUDIT_VIEW),
)


def active_dap(pair: Pair) -> DapGrant | None:
    """The pair's DAP grant in force, if there is one."""
    return DapGrant.objects.filter(pair=pair, ended_at__isnull=True).first()


def standing(pair: Pair) -> dict[str, str]:
    """What the partner has already, as part of what an acceptance page shows."""
    grant = active_dap(pair)
    return {"dap": str(grant.pk)} if grant else {}


# ── a page of pairs: batched look-ups, a fixed number of queries ──


def add_types_and_dap(pairs: list[Any]) -> None:
    """Set `types` (names; the last ones after the end) and `dap` (the grant in force or None) on a page's pairs."""
    types: dict[UUID, dict[str, None]] = defaultdict(dict)
    rows = Relationship.objects.filter(pair__in=pairs).order_by("started_at", "id")
    is_over = {pair.pk: pair.ended_at is not None for pair in pairs}
    for row in rows.only("pair_id", "partner_type", "ended_at"):
        if is_over[row.pair_id] or row.ended_at is None:
            types[row.pair_id][row.type_name] = None
    grants = {grant.pair_id: grant for grant in DapGrant.objects.filter(pair__in=pairs, ended_at__isnull=True)}
    for pair in pairs:
        pair.types, pair.dap = list(types[pair.pk]), grants.get(pair.pk)


def add_dap_requests(pairs: list[Any]) -> None:
    """Set `dap_asked_until`: when the open invitation with DAP to one of the customer's domains ends, or None."""
    names = {pair.customer_id: {pair.customer_domain.lower()} for pair in pairs}
    verified = Domain.objects.filter(tenant__in=names, verified_at__isnull=False)
    for customer, name in verified.values_list("tenant_id", "name"):
        names[customer].add(name.lower())
    asked = (
        Invitation.objects.open_at(clock.now())
        .filter(partner__in={pair.partner_id for pair in pairs}, with_dap=True, is_open_link=False)
        .annotate(domain=CUSTOMER_DOMAIN)
        .filter(domain__in=set().union(*names.values()))
        .order_by("expires_at")
    )
    ends = {(partner, domain): at for partner, domain, at in asked.values_list("partner_id", "domain", "expires_at")}
    for pair in pairs:
        known = [at for name in names[pair.customer_id] if (at := ends.get((pair.partner_id, name)))]
        pair.dap_asked_until = None if getattr(pair, "dap", None) else max(known, default=None)


def add_customer_details(pairs: list[Any]) -> None:
    """Everything that a page of *Customers* shows beside the pair's own fields."""
    add_types_and_dap(pairs)
    add_dap_requests(pairs)


# ── what a partner may do ──


@dataclass(frozen=True)
class Reach:
    """One role that a partner's group holds in the customer's tenant, and how many people it reaches."""

    role: str
    is_privileged: bool
    group: str
    people: int
    kind: str
    until: datetime | None

    @property
    def steps(self) -> list[dict[str, str]]:
        """Group → grant, for `c-path`."""
        count = ngettext("%(count)d person", "%(count)d people", self.people) % {"count": self.people}
        return [{"label": self.group, "note": count}, {"label": self.kind}]


def _able() -> Q:
    return Q(user__activated_at__isnull=False, user__blocked_at__isnull=True, user__tenant__disabled_at__isnull=True)


def _working(pair: Any, user: Any) -> Exists:
    """Whether the person is in a group that works for this customer."""
    return Exists(
        PairGrant.objects.filter(
            Q(until__isnull=True) | Q(until__gt=clock.now()), content_object_id=pair, group__memberships__user_id=user
        )
    )


def reach_of(pair: Pair) -> list[Reach]:
    """What the partner's groups may do in the customer's tenant now; people who can't use it are not counted.

    Nothing while the partner isn't approved or is disabled (DOMAIN §2).
    """
    able = Membership.objects.filter(_able(), _working(pair.pk, OuterRef("user_id")), group=OuterRef("group_id"))
    count = able.order_by().values("group").annotate(number=Count("pk")).values("number")
    rows = (
        TenantGrant.objects.filter(
            Q(until__isnull=True) | Q(until__gt=clock.now()),
            pair=pair,
            pair__partner__profile__approved_at__isnull=False,
            pair__partner__profile__disabled_at__isnull=True,
        )
        .select_related("permission", "group__security_group")
        .annotate(people=Coalesce(Subquery(count), 0))
        .order_by("group__security_group__kind", "id")
    )
    found = []
    for row in rows:
        role = catalogue.roles()[row.permission.codename.removeprefix("role_")]
        group = row.group.security_group.name
        found.append(Reach(role.label, role.is_privileged, group, row.people, row.get_kind_display(), row.until))
    return sorted(found, key=lambda item: item.role)


@dataclass(frozen=True)
class Totals:
    """The tiles above *Partner relationships*."""

    partners: int
    people: int
    with_every_right: int
    pending_consents: int


def totals(pairs: QuerySet[Pair]) -> Totals:
    """Figures over the pairs that the person may see, those in force."""
    in_force = pairs.filter(started_at__isnull=False, ended_at__isnull=True)
    reached = TenantGrant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=clock.now()),
        _working(OuterRef("pair_id"), OuterRef(OuterRef("pk"))),
        pair__in=in_force.filter(
            partner__profile__approved_at__isnull=False, partner__profile__disabled_at__isnull=True
        ),
        group__memberships__user_id=OuterRef("pk"),
    )
    people = User.objects.filter(
        Exists(reached), activated_at__isnull=False, blocked_at__isnull=True, tenant__disabled_at__isnull=True
    )
    active = DapGrant.objects.filter(pair__in=in_force, ended_at__isnull=True)
    pending = DeviceConsent.objects.filter(pair__in=in_force, state=DeviceConsent.State.PENDING)
    counted = [(rows, lists.COUNT_UP_TO) for rows in (in_force, people, active, pending)]
    return Totals(*lists.bounded_counts(counted))  # type: ignore[arg-type]


def services(user: User, pair: Pair, rights: Rights) -> Iterator[hooks.Service]:
    """The pages of the customer's tenant as this person sees them: a link, or what is missing (DOMAIN §4)."""
    names = {
        "account": _("Account"),
        "users": _("Users"),
        "service-requests": _("Service requests"),
        "partner-relationships": _("Partner relationships"),
        "audit-log": _("Audit log"),
    }
    for route, capability in _PAGES:
        decision = rights.decide(capability)
        if decision.path is not None:
            detail = _("as %(role)s") % {"role": decision.path.role_label}
            yield hooks.Service(names[route], reverse(route, args=[pair.customer.slug]), True, detail)
        else:
            least = access.role_names(capability)[0]
            if capability is Can.ACCOUNT_VIEW:
                detail = _("Needs any role in their tenant.")
            else:
                detail = _("Needs at least %(role)s in their tenant.") % {"role": least}
            yield hooks.Service(names[route], "", False, detail)


def why_without_access(user: User, pair: Pair, dap: DapGrant | None) -> str:
    """What stands between a person of the partner and the customer's pages; for a pair in force."""
    if dap is None:
        return _("We hold no delegated admin privileges here. Only the customer can grant them.")
    if not PairGrant.objects.filter(content_object=pair, group__memberships__user=user).exists():
        return _("None of your groups works for this customer. Who may limit groups can change that.")
    return _(
        "DAP gives AdminAgents the role Global Administrator and HelpdeskAgents the role Helpdesk Administrator. "
        "Who manages the groups of our organisation can add you to one of them."
    )


# ── what remains (DOMAIN §9) ──


def residuals_of(pair: Pair) -> list[hooks.Residual]:
    """Everything that remains to the pair's partner, over all apps."""
    return hooks.residuals_of(pair)


def residuals(pair: Pair) -> Iterable[hooks.Residual]:
    """DAP, device consent, accounts made and roles assigned by the partner: each with the page that ends it."""
    slug = pair.customer.slug
    here = reverse("partner-relationship", args=[slug, pair.pk])
    if active_dap(pair) is not None:
        yield hooks.Residual("dap", _("Delegated admin (DAP)"), "AdminAgents, HelpdeskAgents", here)
    yield from _consents(pair)
    accounts = User.objects.filter(tenant=pair.customer_id, made_by_partner=pair.partner_id).order_by("sign_in_name")
    for person in accounts[:MOST_LISTED]:
        kind = "guest" if person.kind == User.Kind.GUEST else "account"
        label = _("Guest account they made") if kind == "guest" else _("Account they made")
        yield hooks.Residual(kind, label, person.sign_in_name, reverse("user", args=[slug, person.pk]))
    yield from _more(accounts.count(), "account", _("Accounts they made"))
    roles = RoleAssignment.objects.filter(
        tenant=pair.customer_id, assigned_by_partner=pair.partner_id, ended_at__isnull=True
    ).select_related("user")
    for assignment in roles.order_by("started_at")[:MOST_LISTED]:
        detail = f"{assignment.role.label} · {assignment.user.sign_in_name}"
        url = reverse("user", args=[slug, assignment.user_id])
        yield hooks.Residual("role", _("Role they assigned"), detail, url)
    yield from _more(roles.count(), "role", _("Roles they assigned"))


def _consents(pair: Pair) -> Iterator[hooks.Residual]:
    consent = DeviceConsent.objects.filter(pair=pair).exclude(state=DeviceConsent.State.ENDED).first()
    if consent is not None and consent.state == DeviceConsent.State.GIVEN:
        detail = _("They may go on registering devices for Windows Autopilot. It ends with the relationship.")
        yield hooks.Residual("consent", _("Device registration consent"), detail)


def _more(count: int, kind: str, label: str) -> Iterator[hooks.Residual]:
    if count > MOST_LISTED:
        yield hooks.Residual(kind, label, _("and %(count)d more") % {"count": count - MOST_LISTED})


# ── what happened ──


@dataclass(frozen=True)
class Event:
    """One moment of a relationship's history."""

    at: datetime
    title: str
    by: str = ""
    text: str = ""
    tone: str = "idle"


def history(pair: Pair, viewer: Tenant) -> list[Event]:
    """What happened between the two, latest first; names of people only of the viewer's own organisation."""

    def who(person: User | None) -> str:
        if person is None:
            return ""
        return str(person) if person.tenant_id == viewer.pk else _organisation(pair, person)

    events = [
        *_answers(pair, who),
        *_relationships(pair, who),
        *_dap(pair, who),
        *_device_consents(pair, who),
        *_limits(pair, viewer),
    ]
    # What happened in one moment is listed in its order: turned round like everything else.
    return sorted(events, key=lambda event: event.at)[::-1]


def _organisation(pair: Pair, person: User) -> str:
    return pair.partner_name if person.tenant_id == pair.partner_id else pair.customer_name


def answers(pair: Pair) -> QuerySet[Any]:
    """How the customer answered the partner's invitations."""
    return (
        InvitationAnswer.objects.filter(tenant=pair.customer_id, invitation__partner=pair.partner_id)
        .select_related("invitation", "user")
        .order_by("-at")
    )


def _answers(pair: Pair, who: Any) -> Iterator[Event]:
    for answer in answers(pair)[:MOST_LISTED]:
        if not answer.is_accepted:
            yield Event(answer.at, _("Invitation declined"), who(answer.user))
        elif answer.is_already_in_place:
            yield Event(answer.at, _("Invitation accepted: already in place"), who(answer.user))
        else:
            yield Event(answer.at, _("Invitation accepted"), who(answer.user), tone="good")


def _relationships(pair: Pair, who: Any) -> Iterator[Event]:
    for row in pair.relationships.select_related("accepted_by", "ended_by"):
        yield Event(row.started_at, _("Relationship began"), who(row.accepted_by), row.type_name, "good")
        if row.ended_at is not None:
            yield Event(row.ended_at, _("Relationship ended"), who(row.ended_by), row.type_name, "bad")


def _dap(pair: Pair, who: Any) -> Iterator[Event]:
    for grant in pair.dap_grants.select_related("granted_by", "ended_by"):
        yield Event(grant.started_at, _("Delegated admin (DAP) granted"), who(grant.granted_by), tone="good")
        if grant.ended_at is not None:
            title = _("Delegated admin (DAP) ended")
            text = f"{grant.get_ended_by_side_display()}. {grant.end_reason}".strip()
            yield Event(grant.ended_at, title, who(grant.ended_by), text, "bad")


def _device_consents(pair: Pair, who: Any) -> Iterator[Event]:
    for consent in pair.device_consents.select_related("given_by"):
        yield Event(consent.asked_at, _("Device registration consent asked for"))
        if consent.given_at is not None:
            yield Event(consent.given_at, _("Device registration consent given"), who(consent.given_by), tone="good")
        if consent.ended_at is not None:
            yield Event(consent.ended_at, _("Device registration consent ended"), tone="bad")


def _limits(pair: Pair, viewer: Tenant) -> Iterator[Event]:
    """Changes of the groups that work for the customer: kept in the viewer's own audit log only."""
    entries = AuditEntry.objects.filter(
        tenant=viewer, action="relationship.groups_limited", target_id=str(pair.pk)
    ).order_by("-seq")
    for entry in entries[:MOST_LISTED]:
        after = json.loads(entry.data)["after"]["groups"]
        by = pair.partner_name if viewer.pk != pair.partner_id else json.loads(entry.data)["actor"]
        yield Event(entry.at, _("Groups that work for this customer"), by, ", ".join(after))
