"""The expiry of 200,000 due invitations among a million, against one bare SQL update that leaves the same rows."""

from __future__ import annotations

import hmac
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings

from portal import audit
from portal.benchmarks import bulk, population, scratch
from portal.benchmarks.figures import Figure, Memory, Report, elapsed
from portal.benchmarks.population import Size
from portal.models import AuditEntry, OutboxMessage

INVITATIONS = 1_000_000
_DUE_EVERY = 5
_PARTNERS = 1_000


def run(scale: float, expire_due: Callable[[], int]) -> Report:
    """Both ways on the same rows, each in a database of its own; what they leave is compared."""
    count = max(_DUE_EVERY, round(INVITATIONS * scale))
    partners = max(1, min(_PARTNERS, count // 100))
    due = count // _DUE_EVERY
    with scratch.database("service") as database:
        _fill(database, count, partners)
        expire_due()  # nothing is due yet: imports and connections are warm
        _make_due(database)
        with Memory() as memory:
            seconds = elapsed(expire_due)
        left = _left(database, due)
    with scratch.database("bare") as database:
        _fill(database, count, partners)
        _make_due(database)
        with database.connect(autocommit=False) as connection:
            bare = elapsed(lambda: _expire_bare(connection, left["messages"]))
        if _left(database, due) != left:
            raise RuntimeError(f"the bare way left something else: {left}")
    return Report(
        "expire",
        {"invitations": count, "due": due, "partners": partners, **left},
        [
            Figure("expire_vs_sql", seconds / bare, "ratio", 2.0),
            Figure("worker_memory_growth", memory.grown, "MB", 150),
            Figure("expire", seconds, "s"),
            Figure("sql", bare, "s"),
            Figure("expired_per_second", due / seconds, "invitations/s", better="higher"),
        ],
    )


def _fill(database: scratch.Scratch, count: int, partners: int) -> None:
    """Open invitations of many partners, each with one sender; their ends lie in the future."""
    invitation = apps.get_model("relationships", "Invitation")
    size = Size(0, 0, 10, partners - 1, 10, 10 * partners)
    with database.connect("owner") as owner:
        population.organisations_and_people(owner, size)
        with bulk.unindexed(owner, invitation):
            bulk.insert(owner, invitation, _columns(partners), f"generate_series(0, {count - 1}) i")


def _columns(partners: int) -> dict[str, str]:
    opened = "timestamptz '2026-01-01' - make_interval(secs => i)"
    partner = f"i / {_DUE_EVERY} % {partners}"
    return {
        "id": "md5('invitation:' || i)::uuid",
        "partner_id": f"md5('partner:' || {partner})::uuid",
        "created_by_id": f"md5('user:' || {population.agent_of_sql(partner)})::uuid",
        "customer_name": "'Customer ' || i",
        "customer_address": "'global-admin@customer' || i || '.cloud.example'",
        "subject": "'A reseller relationship'",
        "body": "'Please accept: {{personal-link}}'",
        "state": "'open'",
        "created_at": opened,
        "opened_at": opened,
        "expires_at": "timestamptz '2999-01-01' + make_interval(secs => i)",
    }


def _make_due(database: scratch.Scratch) -> None:
    """Every fifth has ended, in no order of theirs."""
    with database.connect("owner") as owner:
        owner.execute("ALTER TABLE relationships_invitation DISABLE TRIGGER USER")  # its date is frozen otherwise
        owner.execute(
            "UPDATE relationships_invitation SET expires_at = now() - make_interval(secs => abs(hashtext(id::text)))"
            " WHERE right(customer_name, -9)::int %% %s = 0",
            [_DUE_EVERY],
        )
        owner.execute("ALTER TABLE relationships_invitation ENABLE TRIGGER USER")
        owner.execute("VACUUM ANALYZE relationships_invitation")


def _left(database: scratch.Scratch, due: int) -> dict[str, int]:
    """What the expiry left behind. Raises RuntimeError if it isn't all there, or a chain is broken."""
    database.use()
    invitation = apps.get_model("relationships", "Invitation")
    expired = invitation.objects.filter(state="expired").count()
    entries = AuditEntry.objects.filter(action="invitation.expired").count()
    if expired != due or entries != due:
        raise RuntimeError(f"{expired} expired and {entries} audited of {due} due")
    finding = audit.verify(population.partner_id(0))
    if finding is not None:
        raise RuntimeError(f"the chain is broken: {finding}")
    return {"audit_rows": entries, "messages": OutboxMessage.objects.count()}


# ── the bare way: one transaction, one update, the same rows; no Django in between ──

_UPDATE = """
UPDATE relationships_invitation SET state = 'expired', ended_at = expires_at
WHERE state = 'open' AND expires_at <= %s RETURNING id, partner_id, created_by_id, customer_name
"""
_ENTRIES = """
COPY portal_auditentry (seq, hash, tenant_id, at, action, path, role, target_type, target_id, request_id, address, data)
FROM STDIN
"""
_MESSAGES = """
COPY portal_outboxmessage (id, tenant_id, kind, to_address, to_user_id, language, context, subject, body, about_type,
    state, attempts, next_attempt_at, provider_message_id, last_error, created_at) FROM STDIN
"""


def _expire_bare(connection: psycopg.Connection[Any], messages: int) -> None:
    now = datetime.now(UTC)
    by_partner: dict[uuid.UUID, list[tuple[Any, ...]]] = defaultdict(list)
    senders: dict[uuid.UUID, uuid.UUID] = {}
    for key, partner, sender, name in connection.execute(_UPDATE, [now]):
        by_partner[partner].append((key, name))
        senders[sender] = partner
    with connection.cursor() as cursor, cursor.copy(_ENTRIES) as copy:
        for partner in sorted(by_partner):
            for row in _chained(partner, by_partner[partner], now):
                copy.write_row(row)
    addresses = dict(connection.execute("SELECT id, contact_address FROM portal_user").fetchall())
    pairs = list(senders.items())
    with connection.cursor() as cursor, cursor.copy(_MESSAGES) as copy:
        for number in range(messages):
            sender, partner = pairs[number % len(pairs)]
            copy.write_row(_message(sender, partner, addresses[sender], now))
    connection.commit()


def _chained(partner: uuid.UUID, rows: list[tuple[Any, ...]], now: datetime) -> list[tuple[Any, ...]]:
    """The same text and hash as `portal.audit` gives its rows; the chains begin here."""
    last, moment, found = b"", int(now.timestamp() * 1_000_000), []
    for seq, (key, name) in enumerate(rows, start=1):
        data = json.dumps({"actor": "system", "target": name}, separators=(",", ":"), ensure_ascii=False)
        kind = "relationships.invitation"
        text = f"{seq}|{moment}|{partner}|invitation.expired||||||{kind}|{key}|||{data}"
        last = hmac.digest(settings.MANDATE_AUDIT_KEY, last + text.encode(), "sha256")
        found.append((seq, last, partner, now, "invitation.expired", "", "", kind, str(key), "", "", data))
    return found


def _message(sender: uuid.UUID, partner: uuid.UUID, address: str, now: datetime) -> tuple[Any, ...]:
    context = json.dumps({"values": {"count": 20, "customers": ["Customer"] * 20}, "link": None, "path": "/p/partner"})
    kind = "invitations_expired"
    return (uuid.uuid4(), partner, kind, address, sender, "en", context, "", "", "", "queued", 0, now, "", "", now)
