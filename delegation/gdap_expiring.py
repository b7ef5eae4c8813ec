"""Reads of *Expiring*: which relationships end when, and what stands in the way of an act on many of them.

The page, its confirmation and the bulk services ask the same expressions, so they can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial, reduce
from operator import or_
from typing import Any

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from delegation import catalogue
from delegation.models import DapGrant, GdapRelationship, GdapRole
from portal import catalogue as roles
from portal import clock, statements
from portal.models import Pair
from portal.statements import Condition

Status = GdapRelationship.Status
EXTEND_ON, EXTEND_OFF, RENEW, GIVE_UP_DAP = "extend_on", "extend_off", "renew", "give_up_dap"

#: The tiles: within so many days, later, and what expired in the last year.
WITHIN = {"1": 1, "7": 7, "30": 30}
LATER, EXPIRED = "later", "expired"
YEAR = timedelta(days=365)
DUE = (
    ("1", _("Within 1 day")),
    ("7", _("Within 7 days")),
    ("30", _("Within 30 days")),
    (LATER, pgettext_lazy("end", "Later")),
    (EXPIRED, _("Expired in the last year")),
)
#: Why an act does nothing, or nothing now; `unchanged` is no refusal.
UNCHANGED = "unchanged"
OBSTACLES: dict[str, Any] = {
    UNCHANGED: _("It is so already"),
    "not_active": _("It isn't active"),
    "full_control": _("It holds a role that never extends by itself"),
    "forbidden": _("The customer approved it without auto-extend"),
    "renewal_open": _("A renewal waits for the customer's answer, or is drafted"),
}

_STEP = int(catalogue.EXTENSION.total_seconds())

# {0} status, {1} auto_extend, {2} ends_at, {3} the moment, {4} another one.
_IN_FORCE = "{0} = 'active' AND ({1} OR {2} > {3})"
#: The end as it stands at a moment (docs/gdap.md, *Time*): `GdapRelationship.end_at` in SQL.
_FORECAST = f"""CASE WHEN {{1}} AND {{2}} <= {{3}}
  THEN {{2}} + (floor(extract(epoch FROM {{3}} - {{2}}) / {_STEP}) + 1) * {_STEP} * interval '1 second'
  ELSE {{2}} END"""
# The plain column too: its index is what finds them.
_WITHIN = f"{_IN_FORCE} AND {{2}} <= {{4}} AND {_FORECAST} <= {{4}}"
#: Those of the tile *Later* in two parts, each found by an index: by the recorded end; moved on since.
_LATER = (f"{_IN_FORCE} AND {{2}} > {{4}}", f"{_IN_FORCE} AND {{1}} AND {{2}} <= {{3}} AND {_FORECAST} > {{4}}")
_EXPIRED = "({0} = 'expired' OR {0} = 'active' AND NOT {1}) AND {2} > {4} AND {2} <= {3}"


def _conditions(which: str) -> list[Condition]:
    """What makes one of a tile, or of none: everything in force. Each of several stands for other rows."""
    now = clock.now()
    if which == EXPIRED:
        texts, other = [_EXPIRED], now - YEAR
    elif which == LATER:
        texts, other = [*_LATER], now + timedelta(days=max(WITHIN.values()))
    elif which in WITHIN:
        texts, other = [_WITHIN], now + timedelta(days=WITHIN[which])
    else:
        texts, other = [_IN_FORCE], now
    return [Condition(f"({text})", "status", "auto_extend", "ends_at", Value(now), Value(other)) for text in texts]


def due(rows: QuerySet[GdapRelationship], which: str) -> QuerySet[GdapRelationship]:
    """Those of one tile; of none: everything in force. What auto-extend has moved on counts by its forecast."""
    return rows.filter(reduce(or_, map(Q, _conditions(which))))


def tile_parts() -> list[statements.Narrowing]:
    """What the tiles of `DUE` count, in their order; *Later* counts two."""
    return [partial(_under, condition) for which, _label in DUE for condition in _conditions(which)]


def _under(condition: Condition, rows: QuerySet[GdapRelationship]) -> QuerySet[GdapRelationship]:
    return rows.filter(condition)


def on_tiles(counts: Iterable[int]) -> list[int]:
    """How many on each tile, from the numbers of its parts."""
    left = iter(counts)
    return [next(left) + (next(left) if which == LATER else 0) for which, _label in DUE]


def with_obstacle(rows: QuerySet[GdapRelationship], act: str) -> QuerySet[GdapRelationship]:
    """Each with `obstacle`: a key of `OBSTACLES`, or nothing where the act works."""
    now = clock.now()
    is_active = Q(status=Status.ACTIVE) & (Q(auto_extend=True) | Q(ends_at__gt=now))
    if act == RENEW:
        waits = GdapRelationship.objects.filter(replaces=OuterRef("pk")).filter(
            Q(status=Status.CREATED) | Q(status=Status.APPROVAL_PENDING, lapses_at__gt=now)
        )
        is_expired = Q(status=Status.EXPIRED) | Q(status=Status.ACTIVE)
        whens = [When(~is_expired, then=Value("not_active")), When(Exists(waits), then=Value("renewal_open"))]
    else:
        is_on = act == EXTEND_ON
        whens = [
            When(~is_active, then=Value("not_active")),
            When(auto_extend=is_on, then=Value(UNCHANGED)),
        ]
        if is_on:
            whens += [
                When(Exists(_full_control()), then=Value("full_control")),
                When(is_extension_forbidden=True, then=Value("forbidden")),
            ]
    return rows.annotate(obstacle=Case(*whens, default=Value(""), output_field=CharField()))


def _full_control() -> QuerySet[GdapRole]:
    in_force = GdapRole.objects.filter(relationship=OuterRef("pk"), is_granted=True, removed_at__isnull=True)
    return in_force.filter(role_id__in=catalogue.never_lasting())


def tally(rows: QuerySet[GdapRelationship], act: str) -> dict[str, int]:
    """How many by obstacle; the empty key: how many the act will work for. One statement."""
    counted = with_obstacle(rows.order_by(), act).values("obstacle").annotate(count=Count("pk"))
    return {found["obstacle"]: found["count"] for found in counted}


_DETAILS = """
SELECT g.id,
  ARRAY(SELECT r.role_id FROM delegation_gdaprole r
        WHERE r.relationship_id = g.id AND r.is_granted AND r.removed_at IS NULL),
  EXISTS (SELECT 1 FROM delegation_dapgrant d WHERE d.pair_id = g.pair_id AND d.ended_at IS NULL)
FROM delegation_gdaprelationship g WHERE g.id = ANY(%(rows)s)
"""


def add_details(found: list[Any]) -> None:
    """Set `present_roles`, `shown_status` and `falls_back` (DAP lives, so the end falls back to it): one statement."""
    details = {pk: more for pk, *more in statements.fetch(_DETAILS, {"rows": [row.pk for row in found]})}
    for row in found:
        role_ids, row.falls_back = details[row.pk]
        row.present_roles = [roles.roles()[role_id] for role_id in role_ids]
        row.shown_status = row.status_now


def beside_dap(rows: QuerySet[GdapRelationship], *, is_there: bool = True) -> QuerySet[GdapRelationship]:
    """Those with a customer where DAP lives beside it, or where it doesn't."""
    dap = Exists(DapGrant.objects.filter(pair=OuterRef("pair"), ended_at__isnull=True))
    return rows.filter(dap if is_there else ~dap)


def customers_of(rows: QuerySet[GdapRelationship]) -> QuerySet[Pair]:
    """The customers that relationships are with, each once."""
    return Pair.objects.filter(pk__in=rows.order_by().values("pair"))


def with_dap(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    """Those of them where DAP lives."""
    return pairs.filter(Exists(DapGrant.objects.filter(pair=OuterRef("pk"), ended_at__isnull=True)))


def days_left(row: GdapRelationship, at: datetime) -> int:
    """Whole days to the end as it stands."""
    end = row.end_at(at)
    return (end - at).days if end is not None and end > at else 0
