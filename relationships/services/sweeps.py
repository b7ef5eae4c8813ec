"""What time does to invitations: expiry and reminders, in sets (DOMAIN §3, §16).

Both read what is due from the database, claim it by an update that skips what others hold, and commit batch by
batch: they can be killed, run twice, or run on two machines at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection
from django.urls import reverse

from portal import audit, clock, mail, notices
from portal.models import User
from portal.writes import write
from relationships import texts
from relationships.models import Invitation

#: One transaction's rows: bounds memory and the chains that one commit locks (`audit.MOST_TENANTS_PER_WRITE`).
BATCH = 1_000
_MOST_NAMED = 20
#: Days before the end on which the invited address is reminded; with several due, only the last is sent.
REMINDERS = (7, 1)

_DUE = """
SELECT partner_id, count(*) FROM relationships_invitation
WHERE state = 'open' AND expires_at <= %(now)s GROUP BY partner_id ORDER BY partner_id
"""
# A batch holds whole partners where it can: few chains and few messages. Each goes on where the one before it ended,
# so that none wades through its predecessors' dead index entries.
_EXPIRE = """
WITH due AS (
    SELECT id FROM relationships_invitation
    WHERE state = 'open' AND expires_at <= %(now)s AND partner_id = ANY(%(partners)s)
      AND (partner_id, expires_at) >= (%(partner)s, %(since)s)
    ORDER BY partner_id, expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE relationships_invitation i SET state = 'expired', ended_at = i.expires_at
FROM due WHERE i.id = due.id
RETURNING i.id, i.partner_id, i.created_by_id, i.customer_name, i.customer_address, i.expires_at
"""
_REMIND = """
WITH due AS (
    SELECT id FROM relationships_invitation
    WHERE state = 'open' AND expires_at > %(now)s AND expires_at <= %(now)s + %(ahead)s
      AND sent_at < expires_at - %(ahead)s
      AND (reminded_days IS NULL OR reminded_days > %(days)s)
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE relationships_invitation i SET reminded_days = %(days)s FROM due WHERE i.id = due.id
RETURNING i.id
"""
# Not to those who have blocked the partner since (DOMAIN §4), and not while it isn't approved: they couldn't accept.
_REMINDERS = f"""
SELECT i.partner_id AS tenant_id, i.customer_address AS to_address, NULL::uuid AS to_user_id, i.language,
    jsonb_build_object('sender', p.display_name || ' (' || u.sign_in_name || ')', 'partner', p.display_name,
        'days', %(days)s::int, 'until', {mail.moment("i.expires_at")}) AS content,
    jsonb_build_array(%(prefix)s::text, %(purpose)s::text, i.id, i.link_version) AS link, '' AS path,
    %(about)s::text AS about_type, i.id AS about_id
FROM relationships_invitation i
JOIN portal_tenant p ON p.id = i.partner_id AND p.disabled_at IS NULL
JOIN portal_partnerprofile f ON f.tenant_id = i.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
JOIN portal_user u ON u.id = i.created_by_id
WHERE i.id = ANY(%(ids)s) AND NOT EXISTS (
    SELECT 1 FROM portal_pair b LEFT JOIN portal_domain d ON d.tenant_id = b.customer_id AND d.verified_at IS NOT NULL
    WHERE b.partner_id = i.partner_id AND b.blocked_at IS NOT NULL
      AND lower(regexp_replace(i.customer_address, '^.*@', '')) IN (b.customer_domain, lower(d.name)))
"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class _Expired:
    """One row that a batch expired: what the audit row and the message say about it, without a model instance."""

    _meta: ClassVar[Any] = Invitation._meta

    pk: UUID
    partner_id: UUID
    created_by_id: UUID
    customer_name: str
    customer_address: str
    expires_at: datetime

    def __str__(self) -> str:
        return Invitation.name_of(self.customer_name, self.customer_address, self.pk)


def expire_due(*, batch: int = BATCH) -> int:
    """Record the expiry of every open invitation past its date; how many.

    They have been expired for everybody since that moment: this only tidies, audits, and tells the senders (one
    message per sender and batch).
    """
    now, count = clock.now(), 0
    for partners in _groups(now, batch):
        place = (partners[0], datetime.min.replace(tzinfo=UTC))
        while True:
            with write():
                rows = _expire_batch(now, partners, place, batch)
                _audit_expired(rows)
                _tell_senders(rows)
            count += len(rows)
            if len(rows) < batch:
                break
            place = max((row.partner_id, row.expires_at) for row in rows)
    return count


def _groups(now: datetime, batch: int) -> Iterator[list[UUID]]:
    """Partners with due invitations, in the order of the index, so many that their rows fill a batch."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now})
        due = cursor.fetchall()
    group: list[UUID] = []
    size = 0
    for partner, count in due:
        if group and size + count > batch:
            yield group
            group, size = [], 0
        group.append(partner)
        size += count
    if group:
        yield group


def _expire_batch(now: datetime, partners: list[UUID], place: tuple[UUID, datetime], most: int) -> list[_Expired]:
    values = {"now": now, "partners": partners, "partner": place[0], "since": place[1], "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, values)
        return [_Expired(*row) for row in cursor.fetchall()]


def _audit_expired(rows: Iterable[_Expired]) -> None:
    for row in rows:
        audit.record("invitation.expired", actor=None, tenant=row.partner_id, target=row)  # type: ignore[arg-type]


def _tell_senders(rows: Iterable[_Expired]) -> None:
    by_sender: dict[UUID, list[_Expired]] = defaultdict(list)
    for row in rows:
        by_sender[row.created_by_id].append(row)
    senders = User.objects.select_related("tenant").filter(pk__in=by_sender).order_by("pk")
    for sender in senders:
        ended = by_sender[sender.pk]
        notices.tell(
            "invitations_expired",
            [sender],
            tenant=sender.tenant_id,
            path=reverse("invitations", args=[sender.tenant.slug]) if sender.tenant else "",
            team=False,
            count=len(ended),
            customers=[row.customer_name for row in ended if row.customer_name][:_MOST_NAMED],
        )


def remind_due(*, batch: int = BATCH) -> int:
    """Remind invited addresses 7 and 1 days before the end; how many messages were queued.

    Once each, only what the portal itself sent, and after a downtime only the latest one that is due. A reminder
    whose moment lay before the first mail is left out.
    """
    return sum(_remind(days, batch) for days in sorted(REMINDERS))


def _remind(days: int, batch: int) -> int:
    count = 0
    while True:
        with write():
            with connection.cursor() as cursor:
                values: dict[str, Any] = {"now": clock.now(), "ahead": timedelta(days=days), "days": days}
                cursor.execute(_REMIND, {**values, "most": batch})
                ids = [row[0] for row in cursor.fetchall()]
            link = {"prefix": texts.PREFIX, "purpose": texts.PURPOSE}
            told = {"ids": ids, "days": days, "about": Invitation._meta.label_lower, **link}
            count += mail.queue_selected("invitation_reminder", _REMINDERS, told)
        if len(ids) < batch:
            return count
