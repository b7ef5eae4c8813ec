"""Everything that decides one question, read in a handful of queries: the raw material of an explanation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Model, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from portal import catalogue, clock
from portal.access import permissions
from portal.access.asking import lineage_of, place_of
from portal.catalogue import Capability, Rule
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PathKind,
    Scope,
    ScopeGrant,
    SecurityGroup,
    Tenant,
    TenantGrant,
    User,
)
from portal.models.grants import attach_assignments

#: At most so many paths of others are looked at as ways that a person could join.
_MOST_GRANTS = 300


@dataclass(frozen=True)
class Grant:
    """One row of the index of paths that could allow it, whoever holds it."""

    kind: str
    codename: str
    group_id: int
    source: str
    until: datetime | None
    scope_id: UUID | None = None


@dataclass
class Facts:
    """One person, one capability, one object, as the database has them now.

    `pair`: between the person's organisation and the one where it is decided or, at home, the customer that narrows it.
    """

    person: User
    capability: Capability
    rule: Rule
    obj: Model
    tenant: Tenant
    pair: Pair | None
    lineage: list[UUID]
    now: datetime
    memberships: dict[int, datetime] = field(default_factory=dict)
    groups: dict[int, SecurityGroup] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    working: dict[int, datetime | None] = field(default_factory=dict)
    instead: frozenset[int] = frozenset()
    scopes: dict[UUID, Scope] = field(default_factory=dict)
    #: Whose people read it; None: the person's own organisation.
    reader_tenant_id: UUID | None = None

    @property
    def is_outside(self) -> bool:
        """Somebody from another organisation than the one where it is decided."""
        return self.person.tenant_id != self.tenant.pk

    @property
    def is_known(self) -> bool:
        """No stranger: the own organisation, a relationship in force, or a role that stayed after it (DOMAIN §4)."""
        if not self.is_outside:
            return True
        return self.pair is not None and (self.pair.is_in_force or self.is_held_after_the_end)

    @property
    def is_held_after_the_end(self) -> bool:
        """An Azure role that stays when the relationship ends; there, whoever holds one is no stranger."""
        return self.rule.is_scope_side and any(grant.group_id in self.memberships for grant in self.grants)

    def is_ahead(self, end: datetime | None) -> bool:
        """Whether an end has not come."""
        return end is None or end > self.now

    def works(self, groups: frozenset[int]) -> bool:
        """Whether somebody in these groups works for the customer that the question is about."""
        return any(group in groups and self.is_ahead(end) for group, end in self.working.items())

    def name_of(self, group: SecurityGroup) -> str:
        """A group's name; another organisation learns only of those that hold something here (DOMAIN §4)."""
        holds = group.pk in self.instead or any(grant.group_id == group.pk for grant in self.grants)
        if holds or self.reader_tenant_id in (None, group.tenant_id):
            return group.name
        return _("(a group of %(organisation)s)") % {"organisation": self.person.home.display_name}

    @property
    def mine(self) -> frozenset[int]:
        """The groups that the person is in."""
        return frozenset(self.memberships)


def facts_of(person: User, capability: Capability, obj: Model, reader: User | None = None) -> Facts:
    """Read them, for a reader (the person itself). Raises User.DoesNotExist for somebody who isn't stored."""
    rule = catalogue.rules()[capability]
    found = User.objects.select_related("tenant__profile", "own_group").get(pk=person.pk)
    tenant_id, pair_id = place_of(capability, obj) if not rule.is_scope_side else (_tenant_of(obj), None)
    tenant = found.home if found.tenant_id == tenant_id else Tenant.objects.get(pk=tenant_id)
    between = {"partner_id": found.tenant_id, "customer_id": tenant_id}
    pair = _pair(**between) if found.tenant_id != tenant_id else _pair(pk=pair_id) if pair_id else None
    lineage = lineage_of(obj) if rule.is_scope_side else []
    facts = Facts(found, capability, rule, obj, tenant, pair, lineage, clock.now())
    facts.reader_tenant_id = reader.tenant_id if reader else None
    rows = Membership.objects.filter(user=found)
    facts.memberships = dict(rows.values_list("group_id", "since"))
    _read_paths(facts)
    _read_groups(facts)
    if lineage:
        facts.scopes = Scope.objects.in_bulk(lineage)
    return facts


def _pair(**lookup: Any) -> Pair | None:
    return Pair.objects.filter(**lookup).first()


def _tenant_of(obj: Any) -> UUID:
    tenant_id: UUID = getattr(obj, obj.access_tenant)
    return tenant_id


def _read_paths(facts: Facts) -> None:
    if facts.is_outside and facts.pair is None:
        return
    rows = _at_scopes(facts) if facts.rule.is_scope_side else _in_tenant(facts)
    columns = ["kind", "permission_id", "group_id", "source", "until"]
    names = permissions.codenames()
    if facts.rule.is_scope_side:
        columns.append("content_object_id")
    own = Case(When(group_id__in=[*facts.memberships], then=Value(0)), default=Value(1))
    facts.grants = [
        Grant(kind, names[number], group, source, until, *scope)
        for kind, number, group, source, until, *scope in rows.order_by(own, "pk").values_list(*columns)[:_MOST_GRANTS]
    ]
    if facts.pair is not None:
        works = PairGrant.objects.filter(content_object=facts.pair)
        for group, until in works.values_list("group_id", "until"):
            known = facts.working.get(group, facts.now)
            facts.working[group] = None if until is None or known is None else max(until, known)
        if facts.is_outside:
            ahead = Q(until__isnull=True) | Q(until__gt=facts.now)
            held = TenantGrant.objects.filter(ahead, pair=facts.pair, kind=PathKind.GDAP)
            facts.instead = frozenset(held.values_list("group_id", flat=True).distinct().order_by())


def _in_tenant(facts: Facts) -> QuerySet[Any]:
    rows = TenantGrant.objects.filter(
        content_object=facts.tenant, permission_id__in=permissions.ids_for(facts.capability)
    )
    if facts.is_outside:
        return rows.filter(pair=facts.pair)
    return rows.filter(Q(group_id__in=facts.memberships) | Q(kind=PathKind.AGENTS), pair__isnull=True)


def _at_scopes(facts: Facts) -> QuerySet[Any]:
    """One's own first, then those of groups that one could be a member of."""
    rows = ScopeGrant.objects.filter(content_object_id__in=facts.lineage)
    if facts.capability is not Capability.AZURE_VIEW:
        rows = rows.filter(permission_id__in=permissions.ids_for(facts.capability))
    rows = rows.filter(pair=facts.pair) if facts.is_outside else rows.filter(pair__isnull=True)
    groups = SecurityGroup.objects.filter(tenant_id=facts.person.tenant_id).exclude(kind__in=SecurityGroup.HIDDEN)
    return rows.filter(Q(group_id__in=facts.memberships) | Q(group_id__in=groups.values("pk")))


def _read_groups(facts: Facts) -> None:
    wanted = {*facts.memberships, *facts.working, *(grant.group_id for grant in facts.grants)}
    rows = SecurityGroup.objects.filter(pk__in=wanted, tenant_id=facts.person.tenant_id)
    facts.groups = {row.pk: row for row in rows}
    attach_assignments(facts.groups.values())
