"""What the partner's page of one GDAP relationship shows: its roles, its groups, and who can do what (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet

from delegation import reach
from delegation.models import GdapAssignment, GdapRelationship, GdapRole
from portal import catalogue
from portal.catalogue import Role
from portal.models import Membership, SecurityGroup, User

#: More are counted, not listed.
MOST_PEOPLE = 25
State = GdapAssignment.State
Status = GdapRelationship.Status


def roles(role_ids: Iterable[str]) -> list[Role]:
    """Roles as pages list them: by their names in the reader's language."""
    return sorted((catalogue.roles()[role_id] for role_id in role_ids), key=lambda role: role.label)


@dataclass(frozen=True)
class Holding:
    """A group with the roles that it holds, or shall hold, and how many people it reaches; no `uid`: it was deleted."""

    assignment: GdapAssignment
    roles: list[Role]
    people: int
    uid: UUID | None

    @property
    def group(self) -> str:
        """The group's name."""
        return self.assignment.group_name


@dataclass(frozen=True)
class RoleLine:
    """One role that was asked for, and what became of it."""

    row: GdapRole
    role: Role
    groups: int

    @property
    def is_over(self) -> bool:
        """Not granted, or removed."""
        return self.row.is_granted is False or self.row.removed_at is not None


@dataclass(frozen=True)
class PersonLine:
    """Somebody of the partner, and the roles by the groups they come from."""

    person: User
    held: list[Holding] = field(default_factory=list)


def holdings_of(row: GdapRelationship) -> list[Holding]:
    """Every assignment that isn't removed, by its group's name; three reads, however many there are."""
    found = list(row.assignments.exclude(state=State.DELETED).order_by("group_name", "id"))
    groups = SecurityGroup.objects.filter(pk__in=[item.group_id for item in found]).in_bulk()
    counts = _counts(row, [item.group_id for item in found])
    holdings = []
    for item in found:
        group = groups.get(item.group_id)
        item.group_name = group.name if group else item.group_name
        uid = group.uid if group else None
        holdings.append(Holding(item, roles(item.role_ids), counts.get(item.group_id, 0), uid))
    return holdings


def members(row: GdapRelationship) -> QuerySet[Membership]:
    """Memberships of people whom a role reaches: those who can sign in, and work for this customer."""
    rows = Membership.objects.filter(reach.able())
    return rows.filter(reach.working(row.pair_id, OuterRef("user_id"))) if row.pair_id else rows


def _counts(row: GdapRelationship, group_ids: Collection[int]) -> dict[int, int]:
    counted = members(row).filter(group_id__in=group_ids).order_by().values_list("group_id").annotate(Count("pk"))
    return dict(counted)


def role_lines(row: GdapRelationship, holdings: list[Holding]) -> list[RoleLine]:
    """Its roles, those that are gone last."""
    held = [role.id for holding in holdings for role in holding.roles]
    lines = [RoleLine(item, item.role, held.count(item.role_id)) for item in row.roles.all()]
    return sorted(lines, key=lambda line: (line.is_over, line.role.label))


def people_of(row: GdapRelationship, holdings: list[Holding]) -> tuple[list[PersonLine], int]:
    """Who has roles by it, or shall have: the first ones by name, and how many there are."""
    by_group = {holding.assignment.group_id: holding for holding in holdings}
    reached = members(row).filter(group_id__in=by_group)
    people = User.objects.filter(Exists(reached.filter(user=OuterRef("pk")))).order_by("name_key", "pk")
    lines = {person.pk: PersonLine(person) for person in people[:MOST_PEOPLE]}
    for user_id, group_id in reached.filter(user__in=list(lines)).order_by("id").values_list("user_id", "group_id"):
        lines[user_id].held.append(by_group[group_id])
    return list(lines.values()), people.count() if len(lines) == MOST_PEOPLE else len(lines)


def names_of(row: GdapRelationship, group_ids: Iterable[int]) -> tuple[list[str], int]:
    """The first people of these groups by name, and how many there are."""
    reached = members(row).filter(group_id__in=list(group_ids), user=OuterRef("pk"))
    people: Any = User.objects.filter(Exists(reached)).order_by("name_key", "pk")
    names = [person.display_name for person in people[:MOST_PEOPLE]]
    return names, people.count() if len(names) == MOST_PEOPLE else len(names)
