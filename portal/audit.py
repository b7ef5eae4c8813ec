"""The audit chain (DOMAIN §15): `record` collects, `append` chains and inserts, `verify` finds the first bad row."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, models
from django.utils import translation

from portal import clock, writes
from portal.access import Decision
from portal.models import AuditCheckpoint, AuditEntry, Tenant, User
from portal.requests import present

_LOCK_CLASS_MASK = (1 << 63) - 1
#: Locks are kept per tenant until the commit; the server's lock table is finite (facts: 5,000 are fine).
MOST_TENANTS_PER_WRITE = 2_000


@dataclass(frozen=True)
class Line:
    """One act, before it has a place in its tenant's chain."""

    tenant_id: UUID
    at: datetime
    action: str
    actor_id: UUID | None
    actor_tenant_id: UUID | None
    on_behalf_tenant_id: UUID | None
    path: str
    role: str
    target_type: str
    target_id: str
    request_id: str
    address: str
    data: str

    def text(self, seq: int) -> bytes:
        """What the hash covers: fixed fields first, the only free text (JSON) last."""
        fields = (
            seq,
            int(self.at.timestamp() * 1_000_000),
            self.tenant_id,
            self.action,
            self.actor_id or "",
            self.actor_tenant_id or "",
            self.on_behalf_tenant_id or "",
            self.path,
            self.role,
            self.target_type,
            self.target_id,
            self.request_id,
            self.address,
            self.data,
        )
        return "|".join(map(str, fields)).encode()


def record(
    action: str,
    *,
    actor: User | None,
    tenant: Tenant | UUID,
    target: models.Model | None = None,
    decision: Decision | None = None,
    also: Iterable[Tenant | UUID] = (),
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    **data: object,
) -> None:
    """Collect one act for the tenant's chain (and those in `also`); it is written at the end of the write.

    An act on behalf (`decision`) goes to the partner's chain too and says which capability was used. `before` and
    `after` never hold secrets.
    """
    path = decision.path if decision else None
    tenant_ids = [_id(tenant), *(_id(other) for other in also)]
    on_behalf = decision is not None and decision.is_on_behalf
    if on_behalf and actor is not None and actor.tenant_id:
        tenant_ids.append(actor.tenant_id)
    with translation.override(settings.LANGUAGE_CODE):  # a row reads the same in whatever language its actor works
        name = str(target) if target is not None else ""
    content = {
        "actor": str(actor) if actor else "system",
        "target": name,
        **({"capability": str(decision.capability)} if decision is not None and on_behalf else {}),
        **({"before": before} if before is not None else {}),
        **({"after": after} if after is not None else {}),
        **{key: value for key, value in data.items() if value not in ("", None)},
    }
    request = present()
    for tenant_id in dict.fromkeys(tenant_ids):
        writes.current().lines.append(
            Line(
                tenant_id=tenant_id,
                at=clock.now(),
                action=action,
                actor_id=actor.pk if actor else None,
                actor_tenant_id=actor.tenant_id if actor else None,
                on_behalf_tenant_id=_id(tenant) if on_behalf else None,
                path=_field(path.source) if path and on_behalf else "",
                role=_field(path.role_name) if path else "",
                target_type=target._meta.label_lower if target is not None else "",
                target_id=str(target.pk) if target is not None else "",
                request_id=request.request_id,
                address=request.address,
                data=canonical(content),
            )
        )


def canonical(content: Mapping[str, object]) -> str:
    """JSON with sorted keys, no white space; NUL can't be stored and is dropped."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.replace("\\u0000", "")


def _field(text: str) -> str:
    """A field of a row's text: what separates the fields is no part of one."""
    return text.replace("|", "/")


def _id(tenant: Tenant | UUID) -> UUID:
    return tenant if isinstance(tenant, UUID) else tenant.pk


def _lock_key(tenant_id: UUID) -> int:
    """63 bits of the UUID that keep its order: locks are taken in the order of the UUIDs."""
    return tenant_id.int >> 65 & _LOCK_CLASS_MASK


def chain_hash(before: bytes, text: bytes) -> bytes:
    """HMAC-SHA256 over the row before and this one; the key lives outside the database."""
    return hmac.digest(settings.MANDATE_AUDIT_KEY, before + text, "sha256")


def append(lines: list[Line]) -> None:
    """Give each line its place and hash in its tenant's chain and insert them all; last before the commit."""
    if not lines:
        return
    by_tenant: dict[UUID, list[Line]] = defaultdict(list)
    for line in lines:
        by_tenant[line.tenant_id].append(line)
    rows: list[tuple[Any, ...]] = []
    for tenant_id, (seq, last) in _lock_heads(sorted(by_tenant)).items():
        for line in by_tenant[tenant_id]:
            seq += 1
            last = chain_hash(last, line.text(seq))
            rows.append((seq, last, line))
    _insert(rows)


def _lock_heads(tenant_ids: list[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """Lock the chains in order, then (a new statement, so after any wait) read where each one ends."""
    with _prepared() as cursor:
        cursor.execute(_LOCKS, [[_lock_key(tenant_id) for tenant_id in tenant_ids]], prepare=True)
        cursor.execute(_HEADS, [tenant_ids], prepare=True)
        return {tenant_id: (seq, bytes(last)) for tenant_id, seq, last in cursor.fetchall()}


@contextmanager
def _prepared() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor whose statements the server keeps: Django's own are planned anew for each row."""
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


_LOCKS = "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) WITH ORDINALITY AS u(k, n) ORDER BY n"
_HEADS = """
SELECT t.id, coalesce(e.seq, c.seq, 0), coalesce(e.hash, c.hash, ''::bytea)
FROM unnest(%s::uuid[]) AS t(id)
LEFT JOIN LATERAL (SELECT seq, hash FROM portal_auditentry WHERE tenant_id = t.id ORDER BY seq DESC LIMIT 1) e ON true
LEFT JOIN LATERAL (SELECT seq, hash FROM portal_auditcheckpoint WHERE tenant_id = t.id ORDER BY seq DESC LIMIT 1) c
  ON e.seq IS NULL
"""

_INSERT = """
INSERT INTO portal_auditentry (seq, hash, tenant_id, at, action, actor_id, actor_tenant_id, on_behalf_tenant_id,
    path, role, target_type, target_id, request_id, address, data)
SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::uuid[], %s::timestamptz[], %s::text[], %s::uuid[], %s::uuid[],
    %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
"""


_COPY = """
COPY portal_auditentry (seq, hash, tenant_id, at, action, actor_id, actor_tenant_id, on_behalf_tenant_id,
    path, role, target_type, target_id, request_id, address, data) FROM STDIN
"""
#: From so many rows on copying is cheaper than one statement with arrays.
_COPIED_FROM = 50


def _insert(rows: list[tuple[Any, ...]]) -> None:
    if len(rows) >= _COPIED_FROM:
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for seq, last, line in rows:
                copy.write_row((seq, last, *(getattr(line, name) for name in Line.__dataclass_fields__)))
        return
    columns: list[list[Any]] = [[row[0] for row in rows], [row[1] for row in rows]]
    for name in Line.__dataclass_fields__:
        columns.append([getattr(row[2], name) for row in rows])
    with _prepared() as cursor:
        cursor.execute(_INSERT, columns, prepare=True)


@dataclass(frozen=True)
class Finding:
    """The first row of a chain that is not as it was written."""

    tenant_id: UUID
    seq: int
    problem: str


#: Each row's hash and text, the text put together by the server exactly as `Line.text` does it (the moment by the same
#: arithmetic of doubles), so that a row costs this process one hash and one comparison. A separator inside a field
#: could move the fields' bounds without changing the text: no row is written with one, so such a row has no text.
_TEXTS = """
COPY (SELECT e.seq, e.hash, CASE WHEN position('|' IN e.action) + position('|' IN e.path) + position('|' IN e.role)
        + position('|' IN e.target_type) + position('|' IN e.target_id) + position('|' IN e.request_id)
        + position('|' IN e.address) > 0 THEN '' ELSE
    concat_ws('|', e.seq, trunc(date_part('epoch', e.at) * 1000000)::bigint, e.tenant_id, e.action,
        coalesce(e.actor_id::text, ''), coalesce(e.actor_tenant_id::text, ''),
        coalesce(e.on_behalf_tenant_id::text, ''), e.path, e.role, e.target_type, e.target_id, e.request_id,
        e.address, e.data) END
    FROM portal_auditentry e WHERE e.tenant_id = %s ORDER BY e.seq) TO STDOUT (FORMAT binary)
"""
#: Of COPY's binary form: what comes before the first row, and where in a row its number, hash and text begin.
_HEADER, _SEQ, _HASH, _TEXT = 19, slice(6, 14), slice(18, 50), slice(54, None)
_BLOCK = 64  # bytes that SHA-256 takes at once


def _rows_of(tenant_id: UUID) -> Iterator[Any]:
    """Each row of a chain as COPY sends it; memory doesn't grow with the chain."""
    with connection.cursor() as cursor, cursor.copy(_TEXTS, [tenant_id]) as copy:
        first = bytes(next(iter(copy)))[_HEADER:]
        if len(first) > 2:
            yield first
        for row in copy:
            if len(row) > 2:  # the end is marked by two bytes
                yield row


def verify(tenant_id: UUID, *, head: tuple[int, bytes] | None = None) -> Finding | None:
    """The first tampered, missing or swapped row of one chain, or None.

    `head` is a (seq, hash) that somebody exported earlier: a tail cut before it shows.
    """
    while True:
        start = chain_start(tenant_id)
        finding = start if isinstance(start, Finding) else _walk(tenant_id, start, head)
        if finding is None or chain_start(tenant_id) == start:  # else retention came between the two reads
            return finding


def _walk(tenant_id: UUID, start: tuple[int, bytes], head: tuple[int, bytes] | None) -> Finding | None:
    """Row by row: a hash that fits the row's text and the hash before it fits its number and its place as well."""
    seq, last = start
    if head and head[0] < seq:  # retention went past it: what it could prove is gone, by a signed checkpoint
        head = None
    wanted = head[0] if head else -1
    found = last if wanted == seq else b""
    inside, outside = _keyed()
    rows = _rows_of(tenant_id)
    for row in rows:
        inner, outer = inside(), outside()
        inner.update(last)
        inner.update(row[_TEXT])
        outer.update(inner.digest())
        expected = outer.digest()
        if row[_HASH] != expected:
            deque(rows, maxlen=0)  # a copy that is broken off would take the transaction with it
            return _at_fault(tenant_id, seq + 1, int.from_bytes(row[_SEQ], "big", signed=True))
        seq, last = seq + 1, expected
        if seq == wanted:
            found = last
    if head and not hmac.compare_digest(found, head[1]):
        return Finding(tenant_id, head[0], "the tail was cut or rewritten: the exported head is not in the chain")
    return None


def _keyed() -> tuple[Any, Any]:
    """Copies of HMAC's two hashes after the key: `chain_hash` takes twice the time, most of it for the key again."""
    key = settings.MANDATE_AUDIT_KEY
    key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    pads = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    inner, outer = (hashlib.sha256(text) for text in pads)
    return inner.copy, outer.copy


def _at_fault(tenant_id: UUID, expected: int, seq: int) -> Finding:
    if seq > expected:
        return Finding(tenant_id, expected, "row is missing")
    problem = "row was changed" if seq == expected else "row stands before the beginning of the chain"
    return Finding(tenant_id, seq, problem)


def chain_start(tenant_id: UUID) -> tuple[int, bytes] | Finding:
    """Where verification starts: (0, nothing), or the last checkpoint, if its signature is good."""
    start = AuditCheckpoint.objects.filter(tenant_id=tenant_id).order_by("-seq").first()
    if start is None:
        return 0, b""
    digest = bytes(start.hash)
    signature = checkpoint_signature(tenant_id, start.seq, digest, start.made_at)
    if not hmac.compare_digest(signature, bytes(start.signature)):
        return Finding(tenant_id, start.seq, "the checkpoint's signature is wrong")
    return start.seq, digest


def checkpoint_signature(tenant_id: UUID, seq: int, digest: bytes, made_at: datetime) -> bytes:
    """What retention signs a checkpoint with; no row's text begins like this one."""
    moment = int(made_at.timestamp() * 1_000_000)
    return chain_hash(b"", f"checkpoint|{tenant_id}|{seq}|{digest.hex()}|{moment}".encode())


def line_of(entry: AuditEntry) -> Line:
    """The line that an entry was written from."""
    return Line(**{name: getattr(entry, name) for name in Line.__dataclass_fields__})


def head(tenant_id: UUID) -> tuple[int, bytes]:
    """Where this chain ends now: number and hash of its last row, (0, nothing) for one without rows."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [[tenant_id]])
        _tenant, seq, digest = cursor.fetchone()
    return seq, bytes(digest)


def heads() -> dict[UUID, tuple[int, bytes]]:
    """Where every chain ends now, for export."""
    rows = AuditEntry.objects.order_by("tenant_id", "-seq").distinct("tenant_id")
    return {entry.tenant_id: (entry.seq, bytes(entry.hash)) for entry in rows}
