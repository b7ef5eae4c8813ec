"""What a GDAP request offers one customer, and what stands in the way of answering it (DOMAIN §6).

The same for its pages and for the services.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from delegation import gdap_people, gdap_resellers, queries
from delegation.models import DapGrant, GdapAssignment, GdapRelationship, GdapRole
from delegation.sources import DAP_ROLES
from portal import audit, clock
from portal.access import decide
from portal.catalogue import Capability, Role, roles
from portal.models import Pair, PartnerProfile, SecurityGroup, Tenant, User
from portal.services import organisations
from relationships.offers import Obstacle, approvers_of, is_made_by

Status = GdapRelationship.Status
#: One message each; an organisation with more approvers has them tell each other.
MOST_RECIPIENTS = 10

_MOST_NAMES, _MOST_ROWS = 10, 200


def is_partner_in_force(partner_id: object) -> bool:
    """Approved by the operator, neither its profile nor its tenant disabled."""
    return PartnerProfile.objects.filter(
        tenant=partner_id, approved_at__isnull=False, disabled_at__isnull=True, tenant__disabled_at__isnull=True
    ).exists()


def is_blocked(partner_id: object, customer_id: object) -> bool:
    """Whether the customer takes no requests from this partner (DOMAIN §4)."""
    return Pair.objects.filter(partner=partner_id, customer=customer_id, blocked_at__isnull=False).exists()


def obstacle(relationship: GdapRelationship, customer: Tenant | None = None) -> Obstacle | None:
    """Why it can't be answered now; with `customer`, also why not by this organisation. None: it can."""
    return _closed(relationship) or (_not_for(relationship, customer) if customer is not None else None)


def _closed(relationship: GdapRelationship) -> Obstacle | None:
    status = Status(relationship.status_now)
    if status == Status.CREATED:
        message = _("The sender is still writing this request. Try again later.")
        return Obstacle("created", _("Not open yet"), message)
    if status == Status.ACTIVE:
        return Obstacle("active", _("Approved already"), _("This request was approved; the roles are in force."))
    if status != Status.APPROVAL_PENDING:
        return Obstacle(str(status), _("This request is closed"), relationship.status_label)
    if not is_partner_in_force(relationship.partner_id):
        return Obstacle(
            "partner",
            _("This partner can't be accepted now"),
            _("The organisation that asks is not an approved partner at present."),
        )
    return gdap_resellers.obstacle(relationship)


def _not_for(relationship: GdapRelationship, customer: Tenant) -> Obstacle | None:
    if customer.pk == relationship.partner_id:
        return Obstacle(
            "own", _("This is your own request"), _("A partner can't accept for itself: the customer opens this link.")
        )
    domain = relationship.limited_to_domain
    known = relationship.customer_id
    domains = {name.lower() for name in organisations.domains_of(customer)} if domain else set()
    if (known is not None and known != customer.pk) or (domain and domain not in domains):
        return Obstacle(
            "other",
            _("This request is for another organisation"),
            _("Only the organisation that it was sent to, or that answered it first, can answer it."),
        )
    if is_blocked(relationship.partner_id, customer.pk):
        return Obstacle(
            "blocked",
            _("Your organisation has blocked this partner"),
            _("Its requests can't be accepted until a Global Administrator lifts the block on Partner relationships."),
        )
    return None


def recipients(relationship: GdapRelationship) -> list[str | User]:
    """Whom the portal can send the request to: the address it names, else the known customer's approvers.

    Nobody while the reseller through which it is asked has still to answer.
    """
    if relationship.reseller_answer == gdap_resellers.Answer.PENDING:
        return []
    if relationship.customer_address:
        return [relationship.customer_address]
    if relationship.customer is None:
        return []
    people = approvers(relationship, relationship.customer)
    return [person for person in people if person.contact_confirmed_at is not None][:MOST_RECIPIENTS]


# ── who may answer ──


def may_answer(relationship: GdapRelationship, user: User, customer: Tenant) -> bool:
    """Whether this person may approve or decline, as things are now (for pages)."""
    decision = decide(user, Capability.GDAP_APPROVE, customer)
    return decision.allowed and not is_made_by(relationship.partner_id, user, decision)


def approvers(relationship: GdapRelationship, customer: Tenant) -> list[User]:
    """The people of this customer who may, by name; those made by the partner don't count."""
    return approvers_of(Capability.GDAP_APPROVE, relationship.partner_id, customer)


# ── what is asked, against what the partner can do today ──


@dataclass(frozen=True)
class Change:
    """One role as the page shows it: new, same or gone; its groups and people once some are planned."""

    role_id: str
    state: str
    reason: str = ""
    groups: tuple[str, ...] = ()
    people: int = 0

    @property
    def role(self) -> Role:
        """The role from the catalogue."""
        return roles()[self.role_id]


@dataclass(frozen=True)
class Other:
    """Another partner that holds some of the same roles, or all rights by DAP."""

    name: str
    role_ids: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        """The roles in the reader's language; none for DAP."""
        return sorted(roles()[role_id].label for role_id in self.role_ids)


@dataclass(frozen=True)
class Offer:
    """Everything that *Approve partner roles* states; `digest` is what *Approve all* carries along.

    `replaces` names what an amendment replaces; then the changes are those against it only. `planned_people` is None
    where no group is planned yet.
    """

    partner_name: str
    partner_number: str
    country: str
    known_since: datetime
    reseller_name: str
    reseller_number: str
    name: str
    days: int
    auto_extend: bool
    replaces: str
    changes: tuple[Change, ...]
    has_dap: bool
    others: tuple[Other, ...]
    planned_people: int | None
    digest: str

    def of_state(self, state: str) -> list[Change]:
        """The changes of one state, privileged roles first."""
        found = [change for change in self.changes if change.state == state]
        return sorted(found, key=lambda change: (not change.role.is_privileged, change.role.label))

    @property
    def new(self) -> list[Change]:
        """What the partner can't do today."""
        return self.of_state("new")

    @property
    def same(self) -> list[Change]:
        """What it can do already."""
        return self.of_state("same")

    @property
    def gone(self) -> list[Change]:
        """What it could do until today."""
        return self.of_state("gone")

    @property
    def dap_roles(self) -> list[tuple[str, str, bool]]:
        """What DAP gives beside what is asked: group, role, whether it is privileged."""
        asked = {change.role_id for change in self.asked}
        found = [(str(group.label), roles()[role_id]) for group, role_id in DAP_ROLES.items() if role_id not in asked]
        return [(group, role.label, role.is_privileged) for group, role in found] if self.has_dap else []

    @property
    def asked(self) -> list[Change]:
        """What it would hold by this request."""
        return [*self.new, *self.same]


def offer(relationship: GdapRelationship, customer: Tenant) -> Offer:
    """What this customer is asked for now."""
    partner = Tenant.objects.select_related("profile").get(pk=relationship.partner_id)
    pair = Pair.objects.filter(partner=partner, customer=customer, ended_at=None, started_at__isnull=False).first()
    replaces = _replaced(relationship)
    changes, people = _changes(relationship, pair, replaces)
    shown: dict[str, Any] = {
        "partner_name": partner.display_name,
        "partner_number": partner.profile.partner_number,
        "country": partner.country,
        "known_since": partner.profile.created_at,
        **_reseller(relationship),
        "name": relationship.display_name,
        "days": relationship.duration_days,
        "auto_extend": relationship.auto_extend,
        "replaces": replaces.display_name if replaces else "",
        "changes": changes,
        "has_dap": pair is not None and queries.active_dap(pair) is not None,
        "others": _others(customer, partner, [change.role_id for change in changes if change.state != "gone"]),
        "planned_people": people,
    }
    signed = shown | {
        "request": relationship.pk,
        "version": relationship.link_version,
        "customer": customer.pk,
        "changes": [astuple(change) for change in changes],
        "others": [astuple(other) for other in shown["others"]],
    }
    return Offer(**shown, digest=hashlib.sha256(audit.canonical(signed).encode()).hexdigest())


def _reseller(relationship: GdapRelationship) -> dict[str, str]:
    found = Tenant.objects.select_related("profile").filter(pk=relationship.reseller_id).first()
    number = found.profile.partner_number if found else ""
    return {"reseller_name": found.display_name if found else "", "reseller_number": number}


def _replaced(relationship: GdapRelationship) -> GdapRelationship | None:
    """What an amendment replaces, as long as it is in force."""
    return GdapRelationship.objects.in_force(clock.now()).filter(pk=relationship.replaces_id).first()


def _changes(
    relationship: GdapRelationship, pair: Pair | None, replaces: GdapRelationship | None
) -> tuple[tuple[Change, ...], int | None]:
    asked = dict(relationship.roles.values_list("role_id", "reason"))
    before = _roles_in_force(pair, replaces)
    given = _given(relationship, replaces, set(asked))
    names: dict[str, list[str]] = {role_id: [] for role_id in asked}
    for _group, name, role_id in given:
        names[role_id].append(name)
    people = gdap_people.by_role([(group, role_id) for group, _name, role_id in given], pair)
    found = [
        Change(
            role_id,
            "same" if role_id in before else "new",
            reason,
            tuple(sorted(names[role_id])),
            people.get(role_id, 0),
        )
        for role_id, reason in sorted(asked.items())
    ]
    gone = sorted(before - set(asked)) if replaces else []
    return (*found, *(Change(role_id, "gone") for role_id in gone)), people[None] if given else None


def _roles_in_force(pair: Pair | None, replaces: GdapRelationship | None) -> set[str]:
    """What is compared with: the replaced relationship's roles, or all that the partner holds here by GDAP and DAP."""
    if pair is None:
        return set()
    compared = GdapRelationship.objects.in_force(clock.now()).filter(pair=pair)
    if replaces is not None:
        compared = compared.filter(pk=replaces.pk)
    held = GdapRole.objects.filter(relationship__in=compared, is_granted=True, removed_at=None)
    by_dap = DAP_ROLES.values() if replaces is None and queries.active_dap(pair) is not None else ()
    return {*held.values_list("role_id", flat=True), *by_dap}


def _given(
    relationship: GdapRelationship, replaces: GdapRelationship | None, asked: set[str]
) -> list[tuple[int, str, str]]:
    """Which group would hold which role from the approval on: planned ones, and those that an amendment takes over."""
    planned = list(relationship.assignments.filter(state=GdapAssignment.State.PLANNED))
    if replaces is not None:
        known = [plan.group_id for plan in planned]
        planned += replaces.assignments.filter(state=GdapAssignment.State.ACTIVE).exclude(group_id__in=known)
    there = SecurityGroup.objects.filter(pk__in=[plan.group_id for plan in planned])
    names = dict(there.values_list("pk", "name"))
    return [
        (plan.group_id, names[plan.group_id], role_id)
        for plan in planned
        if plan.group_id in names
        for role_id in plan.role_ids
        if role_id in asked
    ]


def _others(customer: Tenant, partner: Tenant, asked: list[str]) -> tuple[Other, ...]:
    """Other partners that have the same rights already, the most powerful first."""
    pairs = Pair.objects.filter(customer=customer, started_at__isnull=False, ended_at=None).exclude(partner=partner)
    dap = DapGrant.objects.filter(pair__in=pairs, ended_at=None).order_by("pair__partner_key", "pair_id")
    by_dap = dict(dap.values_list("pair_id", "pair__partner_name")[:_MOST_NAMES])
    in_force = GdapRelationship.objects.in_force(clock.now()).filter(pair__in=pairs.exclude(pk__in=list(by_dap)))
    held = GdapRole.objects.filter(
        relationship__in=in_force, role_id__in=asked, is_granted=True, removed_at=None
    ).order_by("relationship__pair__partner_key", "relationship__pair_id", "role_id")
    by_gdap: dict[tuple[Any, str], set[str]] = {}
    for pair_id, name, role_id in held.values_list(
        "relationship__pair_id", "relationship__pair__partner_name", "role_id"
    )[:_MOST_ROWS]:
        by_gdap.setdefault((pair_id, name), set()).add(role_id)
    found = [Other(name, ()) for name in by_dap.values()]
    found += [Other(name, tuple(sorted(role_ids))) for (_pair, name), role_ids in by_gdap.items()]
    return tuple(found[:_MOST_NAMES])
