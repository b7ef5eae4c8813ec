"""What time does to GDAP: expiry, auto-extend, lapse and reminders, in sets (DOMAIN §6, §16).

Each reads what is due from the database, claims it by a statement that skips what others hold, and commits batch by
batch: they can be killed, run twice, or run on two machines at once. None of them changes an answer: time is part of
every read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection

from delegation import catalogue, sources
from delegation.models import GdapAssignment, GdapRelationship
from delegation.services import gdap_notices
from portal import access, audit, clock, notices
from portal.models import Pair, User
from portal.writes import write
from relationships import catalogue as types
from relationships.services import end_types

#: One transaction's rows: bounds memory and the chains that one commit locks (`audit.MOST_TENANTS_PER_WRITE`).
BATCH = 500
#: The same for reminders, which have no audit row: as few messages as can be.
AT_ONCE = 5_000
_MOST_NAMED = 20

# Who else has it in its chain: the customer once the reseller has approved it, the reseller until it is in force.
_COLUMNS = """r.id, r.partner_id, CASE WHEN r.reseller_answer IN ('', 'approved') THEN r.customer_id END,
    CASE WHEN r.activated_at IS NULL THEN r.reseller_id END, r.pair_id, r.display_name, r.ends_at, r.locked_by_id"""
# The pair before the relationship, as everywhere; nothing waits here, so that nobody can wait for it in turn.
_EXPIRE = """
WITH due AS (
    SELECT r.id FROM delegation_gdaprelationship r JOIN portal_pair p ON p.id = r.pair_id
    WHERE r.status = 'active' AND NOT r.auto_extend AND r.ends_at <= %(now)s
    ORDER BY r.ends_at, r.id LIMIT %(most)s FOR UPDATE OF p, r SKIP LOCKED
)
UPDATE delegation_gdaprelationship r SET status = 'expiring' FROM due WHERE r.id = due.id RETURNING r.id
"""
_EXPIRED = f"""
UPDATE delegation_gdaprelationship r SET status = 'expired', ended_at = r.ends_at
WHERE r.id = ANY(%(ids)s) RETURNING {_COLUMNS}
"""  # noqa: S608 - our own words
_EXTEND = f"""
WITH due AS (
    SELECT id FROM delegation_gdaprelationship
    WHERE status = 'active' AND auto_extend AND ends_at <= %(now)s
    ORDER BY ends_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE delegation_gdaprelationship r
SET ends_at = r.ends_at + (floor(extract(epoch FROM %(now)s - r.ends_at) / %(step)s) + 1) * %(step)s * interval '1 s'
FROM due WHERE r.id = due.id RETURNING {_COLUMNS}
"""  # noqa: S608 - our own words
_LAPSE = f"""
WITH due AS (
    SELECT id FROM delegation_gdaprelationship WHERE status = 'approvalPending' AND lapses_at <= %(now)s
    ORDER BY lapses_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), offers AS (
    UPDATE delegation_gdapcounteroffer o SET state = 'lapsed' FROM due WHERE o.relationship_id = due.id
    AND o.state = 'open'
)
UPDATE delegation_gdaprelationship r SET status = 'terminated', end_reason = 'lapsed', ended_at = r.lapses_at
FROM due WHERE r.id = due.id RETURNING {_COLUMNS}
"""  # noqa: S608 - our own words
# Of the reminders that are due only the latest counts. One whose moment lay before the activation is left out.
_REMIND = """
WITH due AS (
    SELECT r.id, r.ends_at, latest.days FROM delegation_gdaprelationship r
    CROSS JOIN LATERAL (SELECT min(days) AS days FROM unnest(%(reminders)s::smallint[]) days
                        WHERE r.ends_at <= %(now)s + days * interval '24 hours') latest
    WHERE r.status = 'active' AND NOT r.auto_extend AND (r.ends_at, r.id) > (%(since)s, %(place)s)
      AND r.ends_at > %(now)s AND r.ends_at <= %(now)s + %(ahead)s
      AND r.activated_at < r.ends_at - latest.days * interval '24 hours'
      AND NOT EXISTS (SELECT 1 FROM delegation_gdapreminder m
                      WHERE m.relationship_id = r.id AND m.ends_at = r.ends_at AND m.days <= latest.days)
    ORDER BY r.ends_at, r.id LIMIT %(most)s FOR UPDATE OF r SKIP LOCKED
)
INSERT INTO delegation_gdapreminder (relationship_id, ends_at, days, at)
SELECT id, ends_at, days, %(now)s FROM due ON CONFLICT DO NOTHING RETURNING relationship_id, ends_at, days
"""


@dataclass(frozen=True)
class _Row:
    """One relationship that a batch claimed: what audit and messages say about it, without a model instance."""

    _meta: ClassVar[Any] = GdapRelationship._meta

    pk: UUID
    partner_id: UUID
    customer_id: UUID | None
    reseller_id: UUID | None
    pair_id: UUID | None
    display_name: str
    ends_at: datetime | None
    locked_by_id: UUID

    def __str__(self) -> str:
        return self.display_name


def expire_gdap(*, batch: int = BATCH) -> int:
    """Record the expiry of every relationship past its end; how many. Both sides are told, on the day."""
    count = 0
    while True:
        with write():
            claimed = _ids(_EXPIRE, now=clock.now(), most=batch)
            rows = _rows(_EXPIRED, ids=claimed)
            _revoke(claimed)
            _end_types(rows)
            _record("gdap.expired", rows)
            gdap_notices.tell_ends("gdap_expired", claimed)
        count += len(rows)
        if len(claimed) < batch:
            return count


def extend_gdap(*, batch: int = BATCH) -> int:
    """Record the end as auto-extend moved it, in steps of 180 days; how many."""
    step = int(catalogue.EXTENSION.total_seconds())
    count = 0
    while True:
        with write():
            rows = _rows(_EXTEND, now=clock.now(), most=batch, step=step)
            _record("gdap.extended", rows, with_end=True)
        count += len(rows)
        if len(rows) < batch:
            return count


def lapse_gdap(*, batch: int = BATCH) -> int:
    """Record the end of requests that nobody answered in 90 days; how many. Who locked them is told."""
    count = 0
    while True:
        with write():
            rows = _rows(_LAPSE, now=clock.now(), most=batch)
            _record("gdap.lapsed", rows)
            _tell_senders(rows)
        count += len(rows)
        if len(rows) < batch:
            return count


def remind_gdap(*, batch: int = AT_ONCE) -> int:
    """Remind both sides 30, 7 and 1 days before an end; how many relationships. Each once, only the latest due one.

    What is due, the reminders and the messages are three sets; only keys pass through here.
    """
    now, count = clock.now(), 0
    place = (now, UUID(int=0))
    while True:
        with write():
            sent = _reminded(now, place, batch)
            by_days: dict[int, list[UUID]] = defaultdict(list)
            for key, _ends_at, days in sent:
                by_days[days].append(key)
            for ids in by_days.values():
                gdap_notices.tell_ends("gdap_ending", ids)
        count += len(sent)
        if len(sent) < batch:
            return count
        place = max((ends_at, key) for key, ends_at, _days in sent)


def _reminded(now: datetime, place: tuple[datetime, UUID], most: int) -> list[tuple[UUID, datetime, int]]:
    """Claim the next due reminders, in the order of the ends: relationship, end, days."""
    reminders = sorted(catalogue.REMINDERS)
    values: dict[str, Any] = {"now": now, "since": place[0], "place": place[1], "most": most}
    values |= {"reminders": reminders, "ahead": timedelta(days=reminders[-1])}
    with connection.cursor() as cursor:
        cursor.execute(_REMIND, values)
        found: list[tuple[UUID, datetime, int]] = cursor.fetchall()
    return found


def _rows(sql: str, **values: Any) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [_Row(*found) for found in cursor.fetchall()]


def _ids(sql: str, **values: Any) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [found for (found,) in cursor.fetchall()]


def _revoke(relationship_ids: list[UUID]) -> None:
    active = GdapAssignment.objects.filter(relationship__in=relationship_ids, state=GdapAssignment.State.ACTIVE)
    access.revoke_sources([f"gdap:{pk}" for pk in active.values_list("pk", flat=True)])


def _end_types(rows: list[_Row]) -> None:
    """The type ends with a pair's last relationship in force; where DAP lives, the fallback is told (DOMAIN §6)."""
    pair_ids = {row.pair_id for row in rows if row.pair_id is not None}
    in_force = GdapRelationship.objects.in_force(clock.now()).filter(pair__in=pair_ids)
    pairs = Pair.objects.filter(pk__in=pair_ids)
    end_types(list(pairs.exclude(pk__in=in_force.values("pair_id")).order_by("pk")), types.GDAP, actor=None)
    held = GdapAssignment.objects.filter(relationship__in=[row.pk for row in rows], state=GdapAssignment.State.ACTIVE)
    fallen = sources.falling_back(list(held.values_list("relationship__pair_id", "group_id")))
    gdap_notices.tell_fallback(*pairs.filter(pk__in=fallen).select_related("customer").order_by("pk"))


def _record(action: str, rows: Iterable[_Row], *, with_end: bool = False) -> None:
    for row in rows:
        audit.record(
            action,
            actor=None,
            tenant=row.partner_id,
            also=[pk for pk in (row.customer_id, row.reseller_id) if pk],
            target=row,  # type: ignore[arg-type]
            until=row.ends_at if with_end else None,
        )


def _tell_senders(rows: Iterable[_Row]) -> None:
    by_sender: dict[UUID, list[_Row]] = defaultdict(list)
    for row in rows:
        by_sender[row.locked_by_id].append(row)
    for sender in User.objects.select_related("tenant").filter(pk__in=by_sender).order_by("pk"):
        found = by_sender[sender.pk]
        names = [row.display_name for row in found[:_MOST_NAMED]]
        notices.tell("gdap_lapsed", [sender], tenant=sender.tenant_id, team=False, count=len(found), names=names)
