"""Mail to many at once: rows of the outbox that the database composes by itself, so that none passes through Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from portal import clock, writes
from portal.mail.outbox import nudge

_INSERT = """
INSERT INTO portal_outboxmessage (id, tenant_id, kind, to_address, to_user_id, language, context, subject, body,
    about_type, about_id, state, attempts, next_attempt_at, provider_message_id, last_error, created_at)
SELECT gen_random_uuid(), tenant_id, %(kind)s, to_address, to_user_id, language,
    jsonb_build_object('values', content, 'link', link, 'path', path), '', '',
    about_type, about_id, 'queued', 0, %(queued_at)s, '', '', %(queued_at)s
FROM ({select}) found
"""


def queue_selected(kind: str, select: str, values: Mapping[str, Any]) -> int:
    """Queue one message for each row that a SELECT yields, in one statement; how many. Inside a write.

    `select` is our own text and gets `values` by name, and `kind`. It yields tenant_id, to_address, to_user_id,
    language, content (jsonb: what `queue` calls context), link (jsonb or null), path, about_type and about_id. As with
    `collect`, the addresses are known to be ones, and no limit applies.
    """
    writes.current()
    sql = _INSERT.replace("{select}", select)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "kind": kind, "queued_at": clock.now()})
        count: int = cursor.rowcount
    if count:
        transaction.on_commit(nudge, robust=True)
    return count


def moment(expression: str) -> str:
    """A moment in `content`, as SQL: it is shown in the reader's language and time zone."""
    return f"jsonb_build_object('$at', {expression})"
