"""Reads of *Expiring*: which relationships end when, and what stands in the way of an act on many of them.

The page, its confirmation and the bulk services ask the same expressions, so they can't disagree.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from delegation import catalogue
from delegation.models import DapGrant, GdapRelationship, GdapRole
from portal import catalogue as roles
from portal import clock
from portal.models import Pair

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
#: How far the extensions of so much time past the recorded end have moved it.
_STEPS = f"(floor(extract(epoch FROM %(expressions)s) / {_STEP}) + 1) * interval '{_STEP} seconds'"


def forecast(at: datetime) -> Case:
    """The end as it stands at a moment (docs/gdap.md, *Time*): `GdapRelationship.end_at` in SQL."""
    passed = ExpressionWrapper(Value(at, DateTimeField()) - F("ends_at"), DurationField())
    steps = Func(passed, template=_STEPS, output_field=DurationField())
    moved = ExpressionWrapper(F("ends_at") + steps, DateTimeField())
    extends = When(auto_extend=True, ends_at__lte=at, then=moved)
    return Case(extends, default=F("ends_at"), output_field=DateTimeField())


def in_force(rows: QuerySet[GdapRelationship], at: datetime) -> QuerySet[GdapRelationship]:
    """Active, and not past their end."""
    return rows.filter(Q(auto_extend=True) | Q(ends_at__gt=at), status=Status.ACTIVE)


def due(rows: QuerySet[GdapRelationship], which: str) -> QuerySet[GdapRelationship]:
    """Those of one tile; of none: everything in force. What auto-extend has moved on counts by its forecast."""
    now = clock.now()
    if which == EXPIRED:
        is_recent = Q(ends_at__gt=now - YEAR, ends_at__lte=now)
        return rows.filter(Q(status=Status.EXPIRED) | Q(status=Status.ACTIVE, auto_extend=False), is_recent)
    found = in_force(rows, now)
    if which in WITHIN:
        most = now + timedelta(days=WITHIN[which])
        # The plain column first: its index is what finds them.
        return found.filter(ends_at__lte=most).annotate(forecast=forecast(now)).filter(forecast__lte=most)
    if which == LATER:
        plain, moved = later(rows)
        return plain | moved
    return found


def later(rows: QuerySet[GdapRelationship]) -> tuple[QuerySet[GdapRelationship], QuerySet[GdapRelationship]]:
    """Those of the tile *Later* in two parts, each found by an index: by the recorded end; moved on since."""
    now = clock.now()
    least = now + timedelta(days=max(WITHIN.values()))
    found = in_force(rows, now).annotate(forecast=forecast(now))
    return found.filter(ends_at__gt=least), found.filter(auto_extend=True, ends_at__lte=now, forecast__gt=least)


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
FROM delegation_gdaprelationship g WHERE g.id = ANY(%s)
"""


def add_details(found: list[Any]) -> None:
    """Set `present_roles` and `falls_back` (DAP lives, so the end falls back to it): one statement for a page."""
    with connection.cursor() as cursor:
        cursor.execute(_DETAILS, [[row.pk for row in found]])
        details = {pk: more for pk, *more in cursor.fetchall()}
    for row in found:
        role_ids, row.falls_back = details[row.pk]
        row.present_roles = [roles.roles()[role_id] for role_id in role_ids]


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
