"""*Who has access*: paths from outside as a customer reads them: filtered, grouped by person, each in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from delegation.models import GdapAssignment
from delegation.outside import ACCOUNT, Reached
from portal import hooks, search
from portal.access import permissions
from portal.models import PathKind, Tenant, TenantGrantPeriod

SOON, LONG = timedelta(days=30), timedelta(days=90)
PRIVILEGED, EXPIRING, UNUSED = "privileged", "expiring", "unused"
#: Nobody reads more lines about one person in a list of people; the person's own list has them all.
MOST_LINES = 8
#: Stands for guests whom no partner made.
NO_PARTNER = "none"


def history_began(tenant: Tenant) -> datetime:
    """Since when it is known who had access: nothing is known of the time before the tables of periods were made."""
    first = TenantGrantPeriod.objects.order_by("pk").values_list("started_at", flat=True).first()
    return max(first or tenant.created_at, tenant.created_at)


@dataclass(frozen=True)
class Asked:
    """What the list is narrowed to. `at`: the moment it is about."""

    at: datetime
    words: tuple[str, ...] = ()
    partner: str = ""
    kind: str = ""
    show: str = ""
    person: UUID | None = None
    labels: dict[int, str] = field(default_factory=dict, compare=False)

    def has(self, row: Reached) -> bool:
        """Whether the list has this path."""
        if self.partner and self.partner != (str(row.partner_id) if row.partner_id else NO_PARTNER):
            return False
        if self.kind and row.shown_kind != self.kind:
            return False
        if self.person and row.user_id != self.person:
            return False
        return self.shows(row, self.show) and (not self.words or self._matches(row))

    def shows(self, row: Reached, which: str) -> bool:
        """Whether it is privileged, ends soon, or was unused for long."""
        if which == PRIVILEGED:
            return row.is_privileged
        if which == EXPIRING:
            return row.until is not None and row.until <= self.at + SOON
        if which == UNUSED:
            return (row.used_at or row.since) < self.at - LONG
        return True

    def _matches(self, row: Reached) -> bool:
        if row.permission_id not in self.labels:
            self.labels[row.permission_id] = row.role_label
        texts = (row.name, row.sign_in_name, row.partner_name, self.labels[row.permission_id], row.group_name)
        text = search.key("\n".join((*texts, row.scope_name))[:2_000])
        return all(word in text for word in self.words)


def words(text: str) -> tuple[str, ...]:
    """The words of a search."""
    return tuple(search.key(word) for word in text.split()[:20])


@dataclass
class Line:
    """One path of a person in the list; the first one of a person says who it is."""

    row: Reached
    is_first: bool = True
    #: How many further paths the person has that the list leaves out.
    more: int = 0
    place: str = ""
    gdap: GdapAssignment | None = None
    extends_until: datetime | None = None


@dataclass
class Person:
    """Somebody from outside, with the paths that the list is about."""

    rows: list[Reached]

    @property
    def name(self) -> str:
        return search.key(self.rows[0].name)

    @property
    def partner(self) -> str:
        return search.key(self.rows[0].partner_name)

    @cached_property
    def until(self) -> datetime | None:
        """The first end of a path."""
        return min((row.until for row in self.rows if row.until), default=None)

    @cached_property
    def used_at(self) -> datetime | None:
        """The last use of a path."""
        return max((row.used_at for row in self.rows if row.used_at), default=None)

    @cached_property
    def since(self) -> datetime:
        """Since when there has been one of them."""
        return min(row.since for row in self.rows)

    def lines(self, most: int | None = MOST_LINES) -> Iterator[Line]:
        """The lines of the table."""
        shown = self.rows if most is None or len(self.rows) <= most + 1 else self.rows[:most]
        for number, row in enumerate(shown):
            more = len(self.rows) - len(shown) if number == len(shown) - 1 else 0
            yield Line(row, number == 0, more)


def by_person(rows: Iterable[Reached]) -> list[Person]:
    """In the order in which they come: by name."""
    found: dict[UUID, list[Reached]] = defaultdict(list)
    for row in rows:
        found[row.user_id].append(row)
    return [Person(paths) for paths in found.values()]


@dataclass(frozen=True)
class Totals:
    """The tiles: people, and the organisations they come from."""

    people: int
    partners: int
    privileged: int
    expiring: int
    unused: int


def totals(rows: Collection[Reached], asked: Asked) -> Totals:
    """Over everybody, whatever the list is narrowed to."""
    marked, soon, long_ago = permissions.privileged(), asked.at + SOON, asked.at - LONG
    people, partners, privileged, expiring, unused = (set[UUID]() for _ in range(5))
    for row in rows:
        people.add(row.user_id)
        if row.partner_id:
            partners.add(row.partner_id)
        if row.permission_id in marked:
            privileged.add(row.user_id)
        if row.until is not None and row.until <= soon:
            expiring.add(row.user_id)
        if (row.used_at or row.since) < long_ago:
            unused.add(row.user_id)
    return Totals(len(people), len(partners), len(privileged), len(expiring), len(unused))


def people_by_kind(rows: Collection[Reached]) -> dict[str, int]:
    """How many people reach the tenant by each kind of path."""
    found: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        found[row.shown_kind].add(row.user_id)
    return {kind: len(people) for kind, people in found.items()}


def complete(lines: list[Line], tenants: Collection[Tenant]) -> None:
    """Look up what a page's lines say beside the paths: where a scope is, which GDAP it is, when it will end."""
    places = scope_places({line.row.scope_id for line in lines if line.row.scope_id})
    keys = {line.row.source.partition(":")[2] for line in lines if line.row.kind == PathKind.GDAP}
    found = GdapAssignment.objects.filter(pk__in=keys).select_related("relationship") if keys else ()
    by_source = {row.source: row for row in found}
    ends: dict[str, datetime] = {}
    for tenant in tenants:
        paths = {line.row.source: line.row for line in lines if line.row.tenant_id == tenant.pk and not line.row.until}
        ends |= hooks.forecasts_of(tenant, paths.values())
    for line in lines:
        line.place = places.get(line.row.scope_id, "") if line.row.scope_id else ""
        line.gdap = by_source.get(line.row.source)
        line.extends_until = None if line.row.until else ends.get(line.row.source)


_PLACES = """
SELECT s.id, array_agg(a.name ORDER BY cardinality(a.lineage)) FROM portal_scope s
JOIN portal_scope a ON a.id = ANY(s.lineage) AND (a.kind <> 'root' OR s.kind = 'root')
WHERE s.id = ANY(%s) GROUP BY s.id
"""


def scope_places(scopes: Collection[UUID]) -> dict[UUID, str]:
    """The names above each scope and its own."""
    if not scopes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [[*scopes]])
        return {pk: " / ".join(names) for pk, names in cursor.fetchall()}


def kind_label(row: Reached) -> str:
    """What the path is, in a few words."""
    labels = {
        PathKind.DAP: _("DAP"),
        PathKind.GDAP: _("GDAP"),
        PathKind.AZURE: _("Azure"),
        ACCOUNT: _("Account in your tenant"),
    }
    return labels.get(row.shown_kind, row.shown_kind)


def steps(line: Line) -> list[str]:
    """From the person to where it reaches: group, grant, place."""
    row = line.row
    group = row.group_name or _("a group that is gone")
    where = _("Azure · %(place)s") % {"place": line.place or row.scope_name} if row.scope_id else _("whole tenant")
    if row.shown_kind == ACCOUNT:
        account = _("guest account") if row.partner_id is None else _("account they made")
        given = {PathKind.AZURE: _("Azure role"), PathKind.ELEVATED: _("elevated")}.get(
            PathKind(row.kind), _("directory role")
        )
        return [account, *([] if row.is_personal else [group]), given, where]
    grants = {PathKind.DAP: _("DAP"), PathKind.GDAP: _("GDAP"), PathKind.AZURE: _("Azure role assignment")}
    grant = grants[PathKind(row.kind)]
    if line.gdap:
        grant = _("GDAP “%(name)s”") % {"name": line.gdap.relationship.display_name}
    return [_("given in person") if row.is_personal else group, grant, where]
