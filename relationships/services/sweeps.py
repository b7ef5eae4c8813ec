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
from django.db.models.functions import Lower
from django.urls import reverse

from portal import audit, clock, mail, notices
from portal.models import Domain, Pair, PartnerProfile, User
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
            count += _queue_reminders(ids, days)
        if len(ids) < batch:
            return count


def _queue_reminders(ids: list[UUID], days: int) -> int:
    rows = list(Invitation.objects.select_related("partner", "created_by").filter(pk__in=ids).order_by("expires_at"))
    silent = _blocked(rows) | _not_in_force(rows)
    wanted = [row for row in rows if row.pk not in silent]
    for row in wanted:
        mail.collect(
            "invitation_reminder",
            address=row.customer_address,
            tenant=row.partner,
            language=row.language,
            context={
                "sender": f"{row.partner.display_name} ({row.created_by.sign_in_name})",
                "partner": row.partner.display_name,
                "days": days,
                "until": row.expires_at,
            },
            link=texts.link_of(row),
            about=row,
        )
    return len(wanted)


def _not_in_force(rows: Iterable[Invitation]) -> set[UUID]:
    """Those whose partner isn't approved at present: they couldn't be accepted."""
    partners = {row.partner_id for row in rows}
    able = set(
        PartnerProfile.objects.filter(
            tenant__in=partners, approved_at__isnull=False, disabled_at__isnull=True, tenant__disabled_at__isnull=True
        ).values_list("tenant_id", flat=True)
    )
    return {row.pk for row in rows if row.partner_id not in able}


def _blocked(rows: Iterable[Invitation]) -> set[UUID]:
    """Those whose customer has blocked the partner since they were sent (DOMAIN §4)."""
    pairs = Pair.objects.filter(partner__in={row.partner_id for row in rows}, blocked_at__isnull=False)
    blocked: set[tuple[UUID, str]] = set()
    for partner_id, customer_id, domain in pairs.values_list("partner_id", "customer_id", "customer_domain"):
        names = Domain.objects.filter(tenant=customer_id, verified_at__isnull=False)
        blocked.add((partner_id, domain))
        blocked.update((partner_id, name) for name in names.values_list(Lower("name"), flat=True))
    return {row.pk for row in rows if (row.partner_id, row.customer_address.rpartition("@")[2].lower()) in blocked}
