"""What a partner's groups may do in a customer's tenant now, and whom an ending of GDAP throws back on DAP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import ngettext

from portal import catalogue, clock
from portal.models import Membership, Pair, PairGrant, PathKind, SecurityGroup, Tenant, TenantGrant


@dataclass(frozen=True)
class Reach:
    """One role that a partner's group holds in the customer's tenant, and how many people it reaches."""

    role: str
    is_privileged: bool
    group: str
    people: int
    kind: str
    until: datetime | None
    source: str = ""

    @property
    def steps(self) -> list[dict[str, str]]:
        """Group → grant, for `c-path`."""
        count = ngettext("%(count)d person", "%(count)d people", self.people) % {"count": self.people}
        return [{"label": self.group, "note": count}, {"label": self.kind}]


def in_force() -> QuerySet[TenantGrant]:
    """Paths whose end has not come."""
    return TenantGrant.objects.filter(Q(until__isnull=True) | Q(until__gt=clock.now()))


def able() -> Q:
    """Memberships of people who can use what their groups hold."""
    return Q(user__activated_at__isnull=False, user__blocked_at__isnull=True, user__tenant__disabled_at__isnull=True)


def working(pair: Any, user: Any) -> Exists:
    """Whether the person is in a group that works for this customer."""
    return Exists(
        PairGrant.objects.filter(
            Q(until__isnull=True) | Q(until__gt=clock.now()), content_object_id=pair, group__memberships__user_id=user
        )
    )


def _instead(pair: Any, user: Any) -> Exists:
    """Whether GDAP counts for the person here, instead of DAP (DOMAIN §6)."""
    return Exists(in_force().filter(kind=PathKind.GDAP, pair=pair, group__memberships__user_id=user))


def reach_of(pair: Pair, kind: str = "") -> list[Reach]:
    """What the partner's groups may do in the customer's tenant now; people who can't use it are not counted.

    `kind` leaves only the paths of one kind. Nothing while the partner isn't approved or is disabled (DOMAIN §2).
    """
    members = Membership.objects.filter(able(), working(pair.pk, OuterRef("user_id")), group=OuterRef("group_id"))
    by_dap = members.filter(~_instead(pair.pk, OuterRef("user_id")))
    rows = (
        in_force()
        .filter(
            pair=pair,
            pair__partner__profile__approved_at__isnull=False,
            pair__partner__profile__disabled_at__isnull=True,
        )
        .select_related("permission", "group__security_group")
        .annotate(people=_number(members), people_by_dap=_number(by_dap))
        .order_by("group__security_group__kind", "id")
    )
    found = []
    for row in rows.filter(kind=kind) if kind else rows:
        role = catalogue.roles()[row.permission.codename.removeprefix("role_")]
        people = row.people_by_dap if row.kind == PathKind.DAP else row.people
        group = row.group.security_group.name
        found.append(
            Reach(role.label, role.is_privileged, group, people, str(row.get_kind_display()), row.until, row.source)
        )
    return sorted(found, key=lambda item: item.role)


def _number(members: QuerySet[Membership]) -> Any:
    count = members.order_by().values("group").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(count), Value(0))


@dataclass(frozen=True)
class Fallback:
    """A role by DAP that people have again once GDAP no longer counts instead."""

    role: str
    people: int


def fallbacks(pair: Pair | None, sources: Collection[str]) -> list[Fallback]:
    """Who would have DAP's role again if the paths from these sources ended (DOMAIN §6)."""
    if pair is None or not sources:
        return []
    held = in_force().filter(pair=pair)
    going = held.filter(kind=PathKind.GDAP, source__in=sources)
    staying = held.filter(kind=PathKind.GDAP).exclude(source__in=sources)
    people = (
        Membership.objects.filter(able(), working(pair.pk, OuterRef("user_id")), group=OuterRef("group_id"))
        .filter(user__in=_members(going))
        .exclude(user__in=_members(staying))
    )
    rows = held.filter(kind=PathKind.DAP).select_related("permission").annotate(people=_number(people))
    return [Fallback(_role(row), row.people) for row in rows.order_by("id") if row.people]


def _members(paths: Iterable[Any]) -> Any:
    return Membership.objects.filter(group_id__in=paths.values("group_id")).values("user_id")  # type: ignore[attr-defined]


def _role(row: TenantGrant) -> str:
    return catalogue.roles()[row.permission.codename.removeprefix("role_")].label


def agents_of(partner: Tenant, roles: Mapping[Any, str]) -> list[tuple[catalogue.Role, str, int]]:
    """Kind of group → role: each role, its group of the partner, and how many people can use it; one statement."""
    members = Membership.objects.filter(able(), group=OuterRef("group_id"))
    groups = SecurityGroup.objects.filter(tenant=partner, kind__in=roles).annotate(people=_number(members))
    return [(catalogue.roles()[roles[group.kind]], group.name, group.people) for group in groups.order_by("kind")]
