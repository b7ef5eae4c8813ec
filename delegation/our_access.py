"""*Our access*: which of a partner's people reach which customers, and what disabling one of them ends (DOMAIN §14).

A partner may have 100,000 customers: people are counted as far as chips count, a person's customers are found by key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Subquery, Value

from delegation import explorer, outside
from delegation.explorer import Line
from delegation.models import AzureAssignment, GdapAssignment
from portal import access, clock, lists
from portal.catalogue import Capability as Can
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PathKind,
    RoleAssignment,
    ScopeGrant,
    SecurityGroup,
    Tenant,
    TenantGrant,
    User,
)

#: Up to so many rows a person's customers are looked up first; beyond it, the list is walked and stops at a full page.
_FEW = 5_000
KINDS = (PathKind.DAP, PathKind.GDAP, PathKind.AZURE)

# For each person, the customers reached, as far as they are counted: each group's are walked from one to the next by
# an index, and no further, so that nobody's 100,000 customers are looked through. GDAP instead of DAP reaches the same.
_COUNTS = """
SELECT u.id, count(DISTINCT reached.customer_id)
FROM unnest(%(people)s::uuid[]) u(id)
JOIN portal_membership m ON m.user_id = u.id
CROSS JOIN LATERAL (
  (WITH RECURSIVE walk AS (
     (SELECT g.content_object_id AS customer_id FROM portal_tenantgrant g
      WHERE {in_tenant} ORDER BY g.content_object_id LIMIT 1)
     UNION ALL
     SELECT (SELECT g.content_object_id FROM portal_tenantgrant g
             WHERE {in_tenant} AND g.content_object_id > walk.customer_id ORDER BY g.content_object_id LIMIT 1)
     FROM walk WHERE walk.customer_id IS NOT NULL)
   SELECT walk.customer_id FROM walk WHERE EXISTS (
     SELECT 1 FROM portal_pair p JOIN portal_tenant t ON t.id = p.customer_id AND t.disabled_at IS NULL
     WHERE p.partner_id = %(partner)s AND p.customer_id = walk.customer_id
       AND p.started_at IS NOT NULL AND p.ended_at IS NULL AND {works})
   LIMIT %(most)s)
  UNION ALL
  (WITH RECURSIVE walk AS (
     (SELECT g.pair_id FROM portal_scopegrant g WHERE {at_scope} ORDER BY g.pair_id LIMIT 1)
     UNION ALL
     SELECT (SELECT g.pair_id FROM portal_scopegrant g
             WHERE {at_scope} AND g.pair_id > walk.pair_id ORDER BY g.pair_id LIMIT 1)
     FROM walk WHERE walk.pair_id IS NOT NULL)
   SELECT p.customer_id FROM walk JOIN portal_pair p ON p.id = walk.pair_id AND p.started_at IS NOT NULL
   JOIN portal_tenant t ON t.id = p.customer_id AND t.disabled_at IS NULL
   WHERE {works}
   LIMIT %(most)s)
) reached
GROUP BY u.id
"""
_HELD = "g.group_id = m.group_id AND g.pair_id IS NOT NULL AND (g.until IS NULL OR g.until > %(now)s)"
_THERE = "EXISTS (SELECT 1 FROM portal_scope s WHERE s.id = g.content_object_id AND s.deleted_at IS NULL)"
_WORKS = """(p.open_to_all OR EXISTS (
  SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = {user}
  WHERE w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)))"""
_BY_PERSON = _WORKS.format(user="u.id")
_BY_BOTH = f"{_BY_PERSON} AND (%(reader)s::uuid IS NULL OR {_WORKS.format(user='%(reader)s')})"
_STATEMENT = _COUNTS.format(works=_BY_BOTH, in_tenant=_HELD, at_scope=f"{_HELD} AND {_THERE}")


def is_counted(partner: Tenant) -> bool:
    """Whether what this partner holds anywhere counts now (DOMAIN §2)."""
    profile = partner.partner_profile
    return profile is not None and profile.is_in_force and partner.disabled_at is None


def sees_all(rights: access.Rights) -> bool:
    """Who reviews by a role of the organisation sees every customer; agents, those that their groups work for."""
    return any(path.kind == PathKind.EXPLICIT for path in rights.decide(Can.ACCESS_REVIEW).paths)


def add_reach(people: Collection[Any], partner: Tenant, reader: User | None) -> None:
    """Set each person's `customers`, counted as far as chips count, `group_names` and `ways`: four statements.

    `reader`: whose groups limit the customers that are counted; None for somebody who sees all.
    """
    able = [person.pk for person in people if person.is_active] if is_counted(partner) else []
    values = {
        "people": able,
        "now": clock.now(),
        "most": lists.CHIP_UP_TO + 1,
        "reader": reader.pk if reader else None,
        "partner": partner.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        counts = dict(cursor.fetchall())
    groups = _groups_of(people)
    every = {group.pk for held in groups.values() for group in held}
    assignments = GdapAssignment.objects.filter(group_id=OuterRef("pk"), state=GdapAssignment.State.ACTIVE)
    gdap = _with(every, assignments)
    azure = _with(every, ScopeGrant.objects.filter(group_id=OuterRef("pk"), pair__isnull=False))
    for person in people:
        held = groups[person.pk]
        person.customers = counts.get(person.pk, 0)
        person.group_names = sorted(group.name for group in held if group.kind not in SecurityGroup.HIDDEN)
        person.ways = _ways(held, gdap, azure) if person.customers else []


def _with(groups: set[int], rows: QuerySet[Any]) -> set[int]:
    return set(SecurityGroup.objects.filter(Exists(rows), pk__in=groups).values_list("pk", flat=True))


def _ways(held: Iterable[SecurityGroup], gdap: set[int], azure: set[int]) -> list[PathKind]:
    kinds = (SecurityGroup.Kind.ADMIN_AGENTS, SecurityGroup.Kind.HELPDESK_AGENTS)
    ids = {group.pk for group in held}
    found = [(PathKind.DAP, any(group.kind in kinds for group in held)), (PathKind.GDAP, bool(ids & gdap))]
    return [kind for kind, is_there in (*found, (PathKind.AZURE, bool(ids & azure))) if is_there]


def _groups_of(people: Collection[Any]) -> dict[UUID, list[SecurityGroup]]:
    found: dict[UUID, list[SecurityGroup]] = defaultdict(list)
    rows = Membership.objects.filter(user__in=[person.pk for person in people]).select_related("group__security_group")
    for row in rows:
        found[row.user_id].append(row.group.security_group)
    return found


# ── one person's customers ──


def customers_of(person: User, partner: Tenant, reader: User, kind: str = "") -> QuerySet[Pair]:
    """The pairs in which the person can do anything, by any path or by those of one kind; of those the reader sees."""
    seen = access.allowing(Pair.objects.filter(started_at__isnull=False), reader, Can.ACCESS_REVIEW)
    if not is_counted(partner) or not person.is_active:
        return seen.none()
    groups = list(Membership.objects.filter(user=person).values_list("group_id", flat=True))
    tenant_side = TenantGrant.objects.filter(_lives(), group_id__in=groups, pair__isnull=False)
    azure_side = ScopeGrant.objects.filter(
        _lives(), group_id__in=groups, pair__isnull=False, content_object__deleted_at__isnull=True
    )
    if kind == PathKind.AZURE:
        tenant_side = tenant_side.none()
    elif kind:
        tenant_side, azure_side = tenant_side.filter(kind=kind), azure_side.none()
    candidates = _candidates(tenant_side, azure_side)
    if candidates is not None:
        seen = seen.filter(pk__in=candidates)
    in_force = Q(_each(tenant_side.filter(content_object_id=OuterRef("customer_id"))), ended_at__isnull=True)
    if kind == PathKind.DAP:
        granular = TenantGrant.objects.filter(_lives(), group_id__in=groups, kind=PathKind.GDAP)
        in_force &= ~Q(Exists(granular.filter(content_object_id=OuterRef("customer_id"))))
    reached = in_force | _each(azure_side.filter(pair_id=OuterRef("pk")))
    works = Q(open_to_all=True) | _each(
        PairGrant.objects.filter(_lives(), group_id__in=groups, content_object_id=OuterRef("pk"))
    )
    return seen.filter(reached, works, customer__disabled_at__isnull=True)


def _lives() -> Q:
    return Q(until__isnull=True) | Q(until__gt=clock.now())


def _each(rows: QuerySet[Any]) -> Q:
    """Asked row by row, so that a page stops early (an EXISTS would become a join over all pairs)."""
    return Q(Subquery(rows.values(found=Value(True))[:1], output_field=BooleanField()))


def _candidates(tenant_side: QuerySet[Any], azure_side: QuerySet[Any]) -> set[UUID] | None:
    """The pairs of few grants; None for many."""
    found: set[UUID] = set()
    for rows in (tenant_side, azure_side):
        pairs = list(rows.order_by().values_list("pair_id", flat=True)[: _FEW + 1])
        if len(pairs) > _FEW:
            return None
        found |= set(pairs)
    return found


def add_lines(pairs: Collection[Any], person: User, partner: Tenant) -> None:
    """Set each pair's `lines`: the person's paths in the customer's tenant."""
    rows = outside.paths([pair.customer_id for pair in pairs], partner=partner.pk, people=[person.pk])
    by_tenant: dict[UUID, list[Line]] = defaultdict(list)
    for row in rows:
        by_tenant[row.tenant_id].append(Line(row))
    explorer.complete([line for lines in by_tenant.values() for line in lines], ())
    for pair in pairs:
        pair.lines = by_tenant[pair.customer_id]


# ── a leaver ──


@dataclass
class Leaving:
    """What disabling a person ends, and what it doesn't."""

    customers: int
    examples: list[Any] = field(default_factory=list)
    roles: list[RoleAssignment] = field(default_factory=list)
    groups: list[SecurityGroup] = field(default_factory=list)
    accounts: list[User] = field(default_factory=list)
    assigned: list[RoleAssignment] = field(default_factory=list)
    azure_made: list[AzureAssignment] = field(default_factory=list)
    azure_held: list[AzureAssignment] = field(default_factory=list)


MOST_NAMED = 20


def leaving(person: User, partner: Tenant, reader: User) -> Leaving:
    """Both sides of the leaver's page; of each kind as many as a page names."""
    reached = customers_of(person, partner, reader)
    examples: list[Any] = list(reached.order_by("customer_key", "pk")[:MOST_NAMED])
    add_lines(examples, person, partner)
    azure = (
        AzureAssignment.objects.filter(AzureAssignment.in_force())
        .select_related("tenant", "scope")
        .order_by("started_at")
    )
    groups = SecurityGroup.objects.filter(group__memberships__user=person).exclude(kind__in=SecurityGroup.HIDDEN)
    own_roles = RoleAssignment.objects.filter(user=person, ended_at__isnull=True)
    assigned = RoleAssignment.objects.filter(assigned_by=person, assigned_by_partner=partner, ended_at__isnull=True)
    accounts = User.objects.filter(made_by=person, made_by_partner=partner, deleted_at__isnull=True)
    return Leaving(
        customers=lists.bounded_counts([(reached, lists.COUNT_UP_TO)])[0],
        examples=examples,
        roles=list(own_roles.order_by("started_at")[:MOST_NAMED]),
        groups=list(groups.order_by("name")[:MOST_NAMED]),
        accounts=list(accounts.select_related("tenant").order_by("created_at")[:MOST_NAMED]),
        assigned=list(assigned.select_related("tenant", "user").order_by("started_at")[:MOST_NAMED]),
        azure_made=list(
            azure.filter(created_by=person, created_by_partner=partner).order_by("started_at")[:MOST_NAMED]
        ),
        azure_held=list(
            azure.filter(principal__person=person, pair__partner=partner).order_by("started_at")[:MOST_NAMED]
        ),
    )


def with_access(queryset: QuerySet[User]) -> QuerySet[User]:
    """Members of a group that holds anything for a customer."""
    tenant_side = TenantGrant.objects.filter(group_id=OuterRef("group_id"), pair__isnull=False)
    azure_side = ScopeGrant.objects.filter(group_id=OuterRef("group_id"), pair__isnull=False)
    members = Membership.objects.filter(Exists(tenant_side) | Exists(azure_side), user_id=OuterRef("pk"))
    return queryset.filter(Exists(members))
