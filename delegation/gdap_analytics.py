"""The figures of *Analytics*: everything that is counted over all of a partner's relationships, in two statements.

They are counted over the rows that this person may see. Where that takes long they are kept for some minutes.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from delegation import catalogue
from delegation.models import GdapRelationship
from portal import access, clock
from portal.catalogue import GLOBAL_ADMINISTRATOR, Capability
from portal.models import Pair, Tenant, User

MONTHS = 12
_TOP = 10
_NAMED = 10
#: Counting that took longer than this (seconds) is kept for so long (seconds); the page says when it was.
_SLOW, _KEPT = 0.03, 300

_COUNT = """
WITH mine AS MATERIALIZED ({rows}),
living AS (
  SELECT m.id, m.auto_extend, CASE WHEN m.auto_extend AND m.ends_at <= %s
    THEN m.ends_at + (floor(extract(epoch FROM %s - m.ends_at) / %s) + 1) * %s * interval '1 second'
    ELSE m.ends_at END AS ends_at
  FROM mine m WHERE m.status = 'active' AND (m.auto_extend OR m.ends_at > %s)
),
held AS (
  SELECT r.role_id, count(*) AS count FROM delegation_gdaprole r JOIN living l ON l.id = r.relationship_id
  WHERE r.is_granted AND r.removed_at IS NULL GROUP BY r.role_id
),
full_control AS (
  SELECT r.relationship_id FROM delegation_gdaprole r JOIN living l ON l.id = r.relationship_id
  WHERE r.role_id = %s AND r.is_granted AND r.removed_at IS NULL
)
SELECT
  (SELECT json_object_agg(status, count) FROM (
    SELECT CASE WHEN status = 'active' AND NOT auto_extend AND ends_at <= %s THEN 'expired'
                WHEN status = 'approvalPending' AND lapses_at <= %s THEN 'terminated' ELSE status END AS status,
           count(*) AS count FROM mine GROUP BY 1) s),
  (SELECT json_agg(json_build_array(month, ends, extends) ORDER BY month) FROM (
    SELECT to_char(ends_at AT TIME ZONE %s, 'YYYY-MM') AS month,
           count(*) FILTER (WHERE NOT auto_extend) AS ends, count(*) FILTER (WHERE auto_extend) AS extends
    FROM living GROUP BY 1) m),
  (SELECT json_agg(json_build_array(role_id, count)) FROM (
    SELECT role_id, count FROM held ORDER BY count DESC, role_id LIMIT %s) t),
  (SELECT count(*) FROM full_control),
  (SELECT json_agg(json_build_array(id, display_name, customer_name)) FROM (
    SELECT g.id, g.display_name, coalesce(c.display_name, g.customer_name) AS customer_name
    FROM delegation_gdaprelationship g LEFT JOIN portal_tenant c ON c.id = g.customer_id
    WHERE g.id IN (SELECT relationship_id FROM full_control ORDER BY 1 LIMIT %s)) f)
"""
_SHARE = """
WITH mine AS MATERIALIZED ({pairs}),
gdap AS (
  SELECT DISTINCT pair_id FROM delegation_gdaprelationship
  WHERE partner_id = %s AND status = 'active' AND (auto_extend OR ends_at > %s)
),
dap AS (SELECT pair_id FROM delegation_dapgrant WHERE partner_id = %s AND ended_at IS NULL)
SELECT count(*) FILTER (WHERE g.pair_id IS NOT NULL AND d.pair_id IS NULL),
       count(*) FILTER (WHERE g.pair_id IS NULL AND d.pair_id IS NOT NULL),
       count(*) FILTER (WHERE g.pair_id IS NOT NULL AND d.pair_id IS NOT NULL),
       count(*) FILTER (WHERE g.pair_id IS NULL AND d.pair_id IS NULL)
FROM mine m LEFT JOIN gdap g ON g.pair_id = m.id LEFT JOIN dap d ON d.pair_id = m.id
"""


@dataclass
class Figures:
    """What was counted, and when. Months are `YYYY-MM` in the reader's time zone."""

    at: str
    statuses: dict[str, int] = field(default_factory=dict)
    months: list[tuple[str, int, int]] = field(default_factory=list)
    top_roles: list[tuple[str, int]] = field(default_factory=list)
    full_control: int = 0
    full_control_rows: list[tuple[str, str, str]] = field(default_factory=list)
    share: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def counted_at(self) -> datetime:
        """The moment of the count."""
        return datetime.fromisoformat(self.at)


def figures(partner: Tenant, user: User) -> Figures:
    """The figures for this person, counted now or a few minutes ago."""
    key = f"gdap-analytics:{partner.pk}:{user.pk}:{timezone.get_current_timezone_name()}"
    kept = cache.get(key)
    if kept is not None:
        return Figures(**kept)
    started = time.monotonic()
    found = count(partner, user)
    if time.monotonic() - started > _SLOW:
        cache.set(key, asdict(found), _KEPT)
    return found


def count(partner: Tenant, user: User) -> Figures:
    """Count them now: two statements."""
    now = clock.now()
    step = int(catalogue.EXTENSION.total_seconds())
    rows = access.allowing(GdapRelationship.objects.filter(partner=partner), user, Capability.GDAP_VIEW)
    fields = ("id", "status", "auto_extend", "ends_at", "lapses_at")
    zone = timezone.get_current_timezone_name()
    values = [now, now, step, step, now, GLOBAL_ADMINISTRATOR, now, now, zone, _TOP, _NAMED]
    statuses, months, top_roles, full, named = _asked(_COUNT, "rows", rows.order_by().values(*fields), values)
    pairs = access.allowing(Pair.objects.filter(partner=partner), user, Capability.GDAP_VIEW)
    in_force = pairs.filter(started_at__isnull=False, ended_at__isnull=True).order_by().values("id")
    share = _asked(_SHARE, "pairs", in_force, [partner.pk, now, partner.pk])
    return Figures(
        at=now.isoformat(),
        statuses=statuses or {},
        months=_next_months(months or []),
        top_roles=[(role_id, number) for role_id, number in top_roles or []],
        full_control=full,
        full_control_rows=[(str(key), name, customer) for key, name, customer in named or []],
        share=tuple(share),  # type: ignore[arg-type]
    )


def _asked(template: str, name: str, rows: QuerySet[Any], values: list[Any]) -> tuple[Any, ...]:
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(template.replace("{" + name + "}", sql), [*parameters, *values])
        return tuple(cursor.fetchone())


def _next_months(found: list[list[Any]]) -> list[tuple[str, int, int]]:
    """This month and those after it, also where nothing ends."""
    by_month = {month: (ends, extends) for month, ends, extends in found}
    today = timezone.localtime(clock.now())
    months = [(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1) for n in range(MONTHS)]
    keys = [f"{year:04}-{month:02}" for year, month in months]
    return [(key, *by_month.get(key, (0, 0))) for key in keys]
