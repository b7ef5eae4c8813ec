"""What the partner chooses from when it asks for roles: roles, tasks, customers (DOMAIN §6, least privilege help)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from delegation import catalogue, gdap_templates, least_privilege
from delegation.gdap_templates import Change
from delegation.models import GdapRelationship
from portal import access, search
from portal.catalogue import Capability, Role, roles
from portal.meanings import MEANINGS
from portal.models import Pair, Tenant, User

MOST_HITS = 10


@dataclass(frozen=True)
class Pick:
    """One role of the list; `lasts` is False for those that can't be combined with auto-extend."""

    role: Role
    is_chosen: bool
    reason: str
    lasts: bool


def picks(chosen: Collection[str], reasons: Mapping[str, str]) -> dict[str, list[Pick]]:
    """Every role that can be asked for, privileged ones apart, what is chosen first."""
    found: dict[str, list[Pick]] = {"privileged": [], "other": []}
    for role in sorted(catalogue.requestable().values(), key=lambda role: (role.id not in chosen, role.label)):
        lasts = role.id not in catalogue.never_lasting()
        pick = Pick(role, role.id in chosen, reasons.get(role.id, ""), lasts)
        found["privileged" if role.is_privileged else "other"].append(pick)
    return found


@dataclass(frozen=True)
class Task:
    """Something that people can do on behalf of a customer."""

    key: str
    label: str
    is_chosen: bool


def tasks(chosen: Collection[Capability]) -> list[Task]:
    """Every task, in words."""
    return [Task(str(task), str(MEANINGS[task]), task in chosen) for task in least_privilege.tasks()]


@dataclass(frozen=True)
class Advice:
    """The smallest set of roles for some tasks, in words."""

    roles: tuple[Role, ...]
    serves: list[tuple[str, str]]
    beyond: list[str]
    needless: list[str]


def advice(wanted: Collection[Capability], chosen: Collection[str]) -> Advice | None:
    """What the tasks need, which role serves which, what it allows beyond; and which chosen roles they don't need."""
    if not wanted:
        return None
    proposal = least_privilege.propose(wanted)
    needed = {role.id for role in proposal.roles}
    return Advice(
        proposal.roles,
        [(str(MEANINGS[task]), ", ".join(role.label for role in roles)) for task, roles in proposal.serves.items()],
        [str(MEANINGS[task]) for task in proposal.beyond],
        gdap_templates.role_labels(set(chosen) - needed),
    )


def needed_for(wanted: Collection[str]) -> list[str]:
    """Ids of the roles that are proposed for some tasks; what is no task counts for nothing."""
    known = [task for task in least_privilege.tasks() if task in wanted]
    return [role.id for role in least_privilege.propose(known).roles] if known else []


def customers(user: User, partner: Tenant, capability: Capability) -> QuerySet[Pair]:
    """The customers, present and former, for whom this person may ask."""
    rows = Pair.objects.filter(partner=partner, started_at__isnull=False).select_related("customer")
    return access.allowing(rows, user, capability)


@dataclass(frozen=True)
class Hit:
    """One customer that was found."""

    pair: Pair
    is_chosen: bool


def hits(rows: QuerySet[Pair], partner: Tenant, words: str, chosen: Pair | None) -> list[Hit]:
    """The first customers that the words find, after the one that is chosen; with MOST_HITS there may be more."""
    found = search.matching(rows, [partner.pk], words) if words.strip() else rows.none()
    others = [pair for pair in found.order_by("customer_key", "pk")[:MOST_HITS] if pair != chosen]
    first = [Hit(chosen, is_chosen=True)] if chosen is not None else []
    return first + [Hit(pair, is_chosen=False) for pair in others]


def changes(old: GdapRelationship, chosen: Iterable[str]) -> list[Change]:
    """What an amendment or renewal changes in the roles: those asked for anew, those given up, those that stay."""
    asked = set(chosen)
    held = set(old.roles.filter(is_granted=True, removed_at__isnull=True).values_list("role_id", flat=True))
    rows = [("new", asked - held), ("gone", held - asked), ("same", asked & held)]
    return [
        Change(state, role.label, "", role.is_privileged)
        for state, role_ids in rows
        for role in sorted((roles()[role_id] for role_id in role_ids), key=lambda role: role.label)
    ]
