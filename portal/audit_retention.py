"""Retention of the audit chain (DOMAIN §15): the oldest stretch goes, a signed checkpoint stays in its place."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from portal import audit, clock
from portal.models import AuditEntry

log = logging.getLogger(__name__)

#: The database itself keeps rows younger than this (migration 0004).
LEAST_DAYS = 30
_BATCH = 20_000
_LOCK_CLASS = 0x617564  # a key space of its own: appending to a chain never waits for its retention

_CHAINS = """
SELECT t.id FROM portal_tenant t
CROSS JOIN LATERAL (SELECT at FROM portal_auditentry WHERE tenant_id = t.id ORDER BY seq LIMIT 1) oldest
WHERE oldest.at < %s ORDER BY t.id
"""


def kept_days() -> int:
    """How many days a row stays at least: the setting, and never less than the database insists on."""
    return max(settings.MANDATE_AUDIT_RETENTION_DAYS, LEAST_DAYS)


def retain() -> int:
    """Remove what is older than the setting allows, in short transactions; how many rows.

    A chain that doesn't verify is left as it is, with an error in the log: tampering must not retire by itself.
    Safe to run twice or on two machines at once.
    """
    end = clock.now() - timedelta(days=kept_days())
    with connection.cursor() as cursor:
        cursor.execute(_CHAINS, [end])
        chains = [row[0] for row in cursor.fetchall()]
    removed = 0
    for tenant_id in chains:
        while count := _retain_stretch(tenant_id, end):
            removed += count
    return removed


@transaction.atomic
def _retain_stretch(tenant_id: UUID, end: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, str(tenant_id)])
        if not cursor.fetchone()[0]:
            return 0
        last = _last_of_stretch(tenant_id, end)
        if last is None:
            return 0
        now = clock.now()
        seq, digest = last.seq, bytes(last.hash)
        cursor.execute(
            "SELECT portal_retain_audit(%s, %s, %s, %s, %s)",
            [tenant_id, seq, digest, audit.checkpoint_signature(tenant_id, seq, digest, now), now],
        )
        return int(cursor.fetchone()[0])


def _last_of_stretch(tenant_id: UUID, end: datetime) -> AuditEntry | None:
    """The last row of the oldest stretch that may go: all of it is older than `end`, verifies, and isn't the end."""
    start = audit.chain_start(tenant_id)
    if isinstance(start, audit.Finding):
        log.error("audit chain of %s is not shortened: %s", tenant_id, start.problem)
        return None
    (seq, digest), last = start, None
    rows = AuditEntry.objects.filter(tenant_id=tenant_id).order_by("seq")[: _BATCH + 1]
    for entry in list(rows)[:-1]:
        if entry.at >= end:
            break
        digest = audit.chain_hash(digest, audit.line_of(entry).text(entry.seq))
        if entry.seq != seq + 1 or digest != bytes(entry.hash):
            log.error("audit chain of %s is not shortened: row %s is not as it was written", tenant_id, seq + 1)
            return None
        seq, last = entry.seq, entry
    return last
