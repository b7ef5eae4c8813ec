"""*End everything with this partner*: what there is, who may end it, and how (DOMAIN §9). Apps add kinds of their own.

The kinds stand in the order in which pages list them; `services.end_everything` ends them in the order of locks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from delegation import azure_queries, residuals, services
from delegation.models import AzureAssignment, DapGrant, GdapRelationship
from portal import access, hooks, why
from portal.catalogue import Capability as Can
from portal.hooks import Residual, ResidualKind
from portal.models import Pair, RoleAssignment, User
from portal.services import accounts, people

Refusals = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What there is of one kind, and what this person can't end of it."""

    kind: ResidualKind
    items: list[Residual]
    refusals: Refusals

    def may_end(self, item: Residual) -> bool:
        """Whether this person can end it."""
        return item.key not in self.refusals

    def name(self, item: Residual) -> str:
        """How a form names it."""
        return f"{self.kind.kind}:{item.key}"

    @property
    def names(self) -> list[str]:
        """What this person can end."""
        return [self.name(item) for item in self.items if self.may_end(item)]


def found(pair: Pair, user: User) -> list[Found]:
    """Everything that the partner has in the customer's tenant, of every kind the portal knows."""
    everything = []
    for kind in hooks.residual_kinds:
        items, _total = kind.find(pair, None)
        everything.append(Found(kind, items, kind.refusals(pair, user, items) if items else {}))
    return everything


# ── who may end what ──


def _by(capability: Can) -> Any:
    """One right in the customer's tenant for all of a kind."""

    def refusals(pair: Pair, user: User, items: list[Residual]) -> Refusals:
        reason = why.missing(access.rights(user, pair.customer), capability)
        return {item.key: reason for item in items} if reason else {}

    return refusals


def _over_people(capability: Can) -> Any:
    """A right over each person, the *privileged* one where it is called for."""

    def refusals(pair: Pair, user: User, items: list[Residual]) -> Refusals:
        rights = access.rights(user, pair.customer)
        rows = User.objects.filter(pk__in=[item.key for item in items])
        privileged = {str(pk) for pk in access.privileged_people(rows).values_list("pk", flat=True)}
        twin = {Can.USERS_EDIT: Can.USERS_EDIT_PRIVILEGED}.get(capability, Can.USERS_RESET_PASSWORD_PRIVILEGED)
        reasons = {item.key: why.missing(rights, twin if item.key in privileged else capability) for item in items}
        return {key: reason for key, reason in reasons.items() if reason}

    return refusals


def _at_scopes(pair: Pair, user: User, items: list[Residual]) -> Refusals:
    """Each scope asks for itself; a Global Administrator elevates first (DOMAIN §8)."""
    rights = access.scope_rights(user, pair.customer)
    rows = AzureAssignment.objects.filter(pair=pair, pk__in=[item.key for item in items]).select_related("scope")
    reasons = {str(row.pk): why.missing(rights.at(row.scope), Can.AZURE_ASSIGN_ROLES) for row in rows}
    if access.rights(user, pair.customer).allows(Can.AZURE_ELEVATE):
        text = _("Elevate your access to Azure first: then you can end it here.")
        return {key: text for key, reason in reasons.items() if reason}
    return {key: reason for key, reason in reasons.items() if reason}


def _nobody(text: Any) -> Any:
    def refusals(_pair: Pair, _user: User, items: list[Residual]) -> Refusals:
        return {item.key: text for item in items}

    return refusals


# ── how it ends: inside the write of the clean exit, by the service of each ──


def _end_dap(pair: Pair, keys: list[str], actor: User, reason: str) -> None:
    for grant in DapGrant.objects.filter(pair=pair, pk__in=keys):
        services.remove_dap(grant=grant, actor=actor, reason=reason)


def _end_gdap(pair: Pair, keys: list[str], actor: User, reason: str) -> None:
    for row in GdapRelationship.objects.filter(pair=pair, pk__in=keys).order_by("pk"):
        services.remove_by_customer(relationship=row, actor=actor, reason=reason)


def _remove_azure(pair: Pair, keys: list[str], actor: User, _reason: str) -> None:
    for row in AzureAssignment.objects.filter(pair=pair, pk__in=keys).order_by("subscription", "pk"):
        services.remove_azure_assignment(assignment=row, actor=actor)


def _decline(pair: Pair, keys: list[str], actor: User, reason: str) -> None:
    rows = GdapRelationship.objects.filter(partner=pair.partner_id, customer=pair.customer_id, pk__in=keys)
    for row in rows.order_by("pk"):
        services.decline_request(relationship=row, actor=actor, reason=reason)


def _block(pair: Pair, keys: list[str], actor: User, _reason: str) -> None:
    for person in _people(pair, keys):
        people.block_person(person=person, actor=actor)


def _reset(pair: Pair, keys: list[str], actor: User, _reason: str) -> None:
    for person in _people(pair, keys):
        accounts.start_reset(person=person, actor=actor)


def _people(pair: Pair, keys: list[str]) -> Iterable[User]:
    return User.objects.filter(tenant=pair.customer_id, pk__in=keys).order_by("pk")


def _take_roles(pair: Pair, keys: list[str], actor: User, _reason: str) -> None:
    for row in RoleAssignment.objects.filter(tenant=pair.customer_id, pk__in=keys).order_by("pk"):
        people.remove_role(assignment=row, actor=actor)


KINDS = [
    ResidualKind(
        "dap",
        gettext_lazy("Delegated admin (DAP)"),
        residuals.dap,
        _by(Can.PARTNERS_REMOVE_DAP),
        _end_dap,
        gettext_lazy("removed"),
    ),
    ResidualKind(
        "gdap",
        gettext_lazy("Roles by GDAP"),
        residuals.gdap,
        _by(Can.GDAP_REMOVE_ROLES),
        _end_gdap,
        gettext_lazy("removed"),
    ),
    ResidualKind(
        "request",
        gettext_lazy("Requests for admin roles"),
        residuals.gdap_requests,
        _by(Can.GDAP_APPROVE),
        _decline,
        gettext_lazy("declined"),
    ),
    ResidualKind(
        "azure",
        gettext_lazy("Azure role assignments"),
        azure_queries.residuals,
        _at_scopes,
        _remove_azure,
        gettext_lazy("deleted"),
    ),
    ResidualKind(
        "account",
        gettext_lazy("Accounts they made"),
        residuals.accounts,
        _over_people(Can.USERS_EDIT),
        _block,
        gettext_lazy("blocked"),
    ),
    ResidualKind(
        "role",
        gettext_lazy("Roles they assigned"),
        residuals.roles,
        _by(Can.ROLES_ASSIGN),
        _take_roles,
        gettext_lazy("removed"),
    ),
    ResidualKind(
        "reset",
        gettext_lazy("Password resets they started"),
        residuals.resets,
        _over_people(Can.USERS_RESET_PASSWORD),
        _reset,
        gettext_lazy("a new reset link was sent"),
    ),
    ResidualKind(
        "consent",
        gettext_lazy("Device registration consent"),
        residuals.consents,
        _nobody(gettext_lazy("It ends with the relationship, which the partner ends.")),
    ),
    ResidualKind(
        "relationship",
        gettext_lazy("Relationships"),
        residuals.relationships,
        _nobody(gettext_lazy("Only the partner can end it, once no subscription is active: contact the partner.")),
    ),
]
