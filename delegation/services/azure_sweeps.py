"""What time does to Azure roles: ends that have come are recorded, in sets (DOMAIN §8).

None of it changes an answer: the end is part of every read. It frees the name and tells the history.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import connection

from delegation.models import AzureAssignment, AzureElevation
from delegation.services import azure_rows as rows
from portal import access, clock
from portal.writes import write

BATCH = 500

_ASSIGNMENTS = """
WITH due AS (
    SELECT id FROM delegation_azureassignment WHERE ended_at IS NULL AND until <= %(now)s
    ORDER BY until, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE delegation_azureassignment a SET ended_at = a.until, end_reason = 'ended', changed_by_id = NULL
FROM due WHERE a.id = due.id RETURNING a.id
"""
_ELEVATIONS = """
WITH due AS (
    SELECT id FROM delegation_azureelevation WHERE ended_at IS NULL AND until <= %(now)s
    ORDER BY until, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE delegation_azureelevation e SET ended_at = e.until FROM due WHERE e.id = due.id RETURNING e.id
"""


def end_due_azure(*, batch: int = BATCH) -> int:
    """Record the end of every assignment and elevation whose moment has come; how many."""
    return _all(_assignments, batch) + _all(_elevations, batch)


def _all(sweep: Callable[[int], int], batch: int) -> int:
    count = 0
    while True:
        with write():
            done = sweep(batch)
        count += done
        if done < batch:
            return count


def _claimed(sql: str, batch: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"now": clock.now(), "most": batch})
        return [key for (key,) in cursor.fetchall()]


def _assignments(batch: int) -> int:
    found = AzureAssignment.objects.filter(pk__in=_claimed(_ASSIGNMENTS, batch)).select_related("scope", "pair")
    ended = list(found.order_by("pk"))
    access.revoke_scope_sources([row.source for row in ended])
    places = rows.places([row.scope for row in ended])
    for row in ended:
        rows.record(
            "azure.assignment_ended",
            actor=None,
            tenant=row.tenant_id,
            target=row,
            partner=row.pair.partner_id if row.pair else None,
            scope=places[row.scope_id],
            before={"role": row.role.name},
        )
    return len(ended)


def _elevations(batch: int) -> int:
    found = AzureElevation.objects.filter(pk__in=_claimed(_ELEVATIONS, batch)).select_related("user")
    ended = list(found.order_by("pk"))
    access.revoke_scope_sources([row.source for row in ended])
    for row in ended:
        rows.record("azure.elevation_ended", actor=None, tenant=row.tenant_id, target=row)
    return len(ended)
