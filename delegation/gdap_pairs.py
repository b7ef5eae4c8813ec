"""What the pages about a partner and a customer know of the GDAP between the two (DOMAIN §6, §9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from delegation.models import GdapAssignment, GdapRelationship
from delegation.models.gdap import GdapQuerySet
from portal import clock
from portal.models import Pair, PathKind, SecurityGroup, Tenant

MOST_LISTED = 20


def in_force(pair: Pair) -> GdapQuerySet:
    """The pair's relationships that give roles now."""
    return GdapRelationship.objects.in_force(clock.now()).filter(pair=pair)


def standing(pair: Pair) -> dict[str, str]:
    """What stands already, as part of what an acceptance page shows."""
    names = in_force(pair).order_by("activated_at", "id").values_list("display_name", flat=True)
    return {"gdap": ", ".join(names)} if names else {}


def groups_with_roles(pair: Pair) -> list[str]:
    """Names of the partner's groups that have roles by GDAP in the customer's tenant now."""
    active = GdapAssignment.objects.filter(relationship__in=in_force(pair), state=GdapAssignment.State.ACTIVE)
    groups = SecurityGroup.objects.filter(pk__in=active.values("group_id")).order_by("name")
    return list(groups.values_list("name", flat=True)[:MOST_LISTED])


def relationships_of(pair: Pair) -> list[GdapRelationship]:
    """The pair's latest relationships for the partner's page of the customer, what is over last.

    Each gets `role_count`, how many roles it asks for or gives, `group_count`, how many groups have some, its `end`.
    """
    held = Q(roles__is_granted__isnull=True) | Q(roles__is_granted=True)
    groups = Q(assignments__state__in=[GdapAssignment.State.PLANNED, GdapAssignment.State.ACTIVE])
    rows = GdapRelationship.objects.filter(pair=pair).annotate(
        role_count=Count("roles", filter=held & Q(roles__removed_at__isnull=True), distinct=True),
        group_count=Count("assignments", filter=groups, distinct=True),
    )
    over = (GdapRelationship.Status.EXPIRED, GdapRelationship.Status.TERMINATED)
    latest: list[Any] = list(rows.order_by("-created_at", "id")[:MOST_LISTED])
    for row in latest:
        row.end = row.ended_at or row.end_at(clock.now())
    return sorted(latest, key=lambda row: row.status_now in over)


def end_words(row: GdapRelationship) -> str:
    """Until when a relationship in force gives its roles, in words."""
    end = row.end_at(clock.now())
    day = date_format(localtime(end), "DATE_FORMAT") if end else ""
    if row.auto_extend:
        return _("until %(day)s, then extended by 180 days") % {"day": day}
    return _("until %(day)s") % {"day": day}


def forecasts(tenant: Tenant, paths: Collection[Any]) -> dict[str, datetime]:
    """When GDAP with auto-extend would end as it stands, by the source of its paths; the same for the banner."""
    sources = {path.source for path in paths if path.kind == PathKind.GDAP and path.until is None}
    if not sources:
        return {}
    keys = [source.partition(":")[2] for source in sources]
    rows = GdapAssignment.objects.filter(pk__in=keys, relationship__customer=tenant).select_related("relationship")
    ends = {row.source: row.relationship.end_at(clock.now()) for row in rows}
    return {source: end for source, end in ends.items() if end is not None}
