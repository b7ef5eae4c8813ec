"""Signed heads, and every kind of tampering with a chain, before and after retention (DOMAIN §15)."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from portal import audit, audit_heads, audit_retention, clock, signing
from portal.models import AuditCheckpoint, AuditEntry, Tenant, User
from portal.writes import write
from tests import factories
from tests.cast import Cast


def note(tenant: Tenant, actor: User, count: int = 1) -> None:
    with write():
        for number in range(count):
            audit.record("test.noted", actor=actor, tenant=tenant, number=number, words="left | right")


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue()


def download(person: User, tenant: Tenant) -> Any:
    client = Client()
    client.force_login(person)
    return client.get(reverse("audit-log-head", args=[tenant.slug]))


# ── heads ──


def test_either_side_downloads_the_head_of_its_chain(dap_cast: Cast) -> None:
    for person, tenant in (("global-admin", dap_cast.contoso), ("partner-admin", dap_cast.fabrikam)):
        before = AuditEntry.objects.count()
        answer = download(dap_cast[person], tenant)
        assert answer["Content-Disposition"] == f'attachment; filename="audit-head-{tenant.slug}.json"'
        assert audit_heads.read(answer.content) == {tenant.pk: audit.head(tenant.pk)}
        assert AuditEntry.objects.count() == before
    for person in ("user", "user-admin", "helpdesk-agent"):
        assert download(dap_cast[person], dap_cast.contoso).status_code == 403


def test_the_command_gives_the_same_head(cast: Cast) -> None:
    with clock.fixed(clock.now()):
        page = json.loads(download(cast["global-admin"], cast.contoso).content)
        assert json.loads(command("head", "--tenant", "contoso")) == page
    assert set(page) == {"kind", "version", "at", "tenant", "slug", "seq", "hash", "key_id", "signature"}
    with pytest.raises(CommandError, match="no tenant"):
        command("head", "--tenant", "nobody")


def test_a_head_verifies_by_the_public_key_alone(cast: Cast) -> None:
    raw = download(cast["global-admin"], cast.contoso).content
    keys = signing.read_pem(command("public-key").encode())
    document = json.loads(raw)
    signature = document.pop("signature")
    signing.check(signing.canonical(document), signature, document["key_id"], keys)
    assert audit_heads.read(raw, keys)


def test_a_head_that_was_touched_is_refused(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    raw = download(cast["global-admin"], cast.contoso).content
    good = json.loads(raw)
    changes: list[dict[str, Any]] = [{name: "x"} for name in good] + [{"seq": good["seq"] + 1}, {"more": 1}]
    texts = [json.dumps(good | change) for change in changes]
    texts += [raw.decode().replace('"seq"', '"seq": 1, "seq"', 1), raw.decode()[:-3], "", "[]", "null", '{"heads": []}']
    texts += ['{"made_at": "\\ud800", "heads": []}', '{"made_at": "", "signature": "\\ud800", "heads": []}']
    for text in texts:
        file.write_text(text)
        with pytest.raises(CommandError, match="is not as it was exported"):
            command("verify", "--head", str(file))
    with pytest.raises(CommandError, match="can't be read"):
        command("verify", "--head", str(tmp_path))


def test_heads_of_a_retired_key_and_of_older_exports_still_count(cast: Cast, settings: Any) -> None:
    raw = download(cast["global-admin"], cast.contoso).content
    old = settings.MANDATE_SIGNING_KEY
    settings.MANDATE_SIGNING_KEY = b"another secret of fifty characters or more, really"
    with pytest.raises(signing.BadSignature, match="isn't known here"):
        audit_heads.read(raw)
    settings.MANDATE_SIGNING_KEY_FALLBACKS = [old]
    expected = {cast.contoso.pk: audit.head(cast.contoso.pk)}
    assert audit_heads.read(raw) == expected
    seq, digest = expected[cast.contoso.pk]
    keyed: dict[str, Any] = {
        "made_at": "2026-11-20T10:00:00",
        "heads": [{"tenant": str(cast.contoso.pk), "seq": seq, "hash": digest.hex()}],
    }
    keyed["signature"] = audit.chain_hash(b"", ("heads|" + audit.canonical(keyed)).encode()).hex()
    assert audit_heads.read(json.dumps(keyed).encode()) == expected
    keyed["heads"][0]["seq"] += 1
    with pytest.raises(signing.BadSignature):
        audit_heads.read(json.dumps(keyed).encode())


# ── the server's text of a row is ours ──


def test_rows_of_any_content_verify(cast: Cast) -> None:
    chance = random.Random(4)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    contents = ['|"', "\\x00\n\r\t", "größer 字 🙂", "", "a" * 20_000, "%s {} $1 'quoted'"]
    for number in range(300):
        with clock.fixed(first + timedelta(microseconds=chance.randrange(10**15))), write():
            audit.record(
                "test.noted",
                actor=cast["user"] if number % 2 else None,
                tenant=cast.contoso,
                target=cast["user"] if number % 3 else None,
                words=contents[number % len(contents)],
            )
    assert audit.verify(cast.contoso.pk) is None
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="test.noted").count() == 300


# ── tampering, with a chain from its beginning and with one that retention has shortened ──


def as_owner(*statements: tuple[str, list[Any]]) -> None:
    """What somebody with the owner's password could do, triggers off."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE portal_auditentry DISABLE TRIGGER USER")
        for statement, values in statements:
            cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE portal_auditentry ENABLE TRIGGER USER")


@pytest.fixture(params=["whole", "shortened"])
def chain(request: pytest.FixtureRequest, transactional_db: None, settings: Any) -> tuple[Tenant, int]:
    """A tenant and the first row of its chain that is still there."""
    settings.MANDATE_AUDIT_RETENTION_DAYS = 60
    with clock.fixed(clock.now() - timedelta(days=100)):
        tenant, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(tenant, administrator, 10)
    note(tenant, administrator, 10)
    if request.param == "shortened":
        assert audit_retention.retain() > 10
        assert AuditCheckpoint.objects.get(tenant=tenant)
    assert audit.verify(tenant.pk) is None
    return tenant, AuditEntry.objects.filter(tenant=tenant).order_by("seq").first().seq


UPDATE = "UPDATE portal_auditentry SET {} WHERE tenant_id = %s AND seq = %s"
DELETE = "DELETE FROM portal_auditentry WHERE tenant_id = %s AND seq = %s"
COLUMNS = {
    "action": "action || 'x'",
    "at": "at + interval '1 microsecond'",
    "actor_id": "NULL",
    "actor_tenant_id": "gen_random_uuid()",
    "on_behalf_tenant_id": "gen_random_uuid()",
    "path": "'dap:1'",
    "role": "'Global Administrator'",
    "target_type": "'portal.user'",
    "target_id": "'1'",
    "request_id": "'1'",
    "address": "'10.0.0.1'",
    "data": "overlay(data placing 'X' from 5)",
    "hash": "set_byte(hash, 31, get_byte(hash, 31) # 1)",
}


def test_a_change_of_any_column_is_found(chain: tuple[Tenant, int]) -> None:
    tenant, first = chain
    seq = first + 3
    rows = AuditEntry.objects.filter(tenant=tenant, seq=seq)
    for column, value in COLUMNS.items():
        kept = rows.values_list(column, flat=True).get()
        as_owner((UPDATE.format(f"{column} = {value}"), [tenant.pk, seq]))
        assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, seq, "row was changed"), column
        as_owner((UPDATE.format(f"{column} = %s"), [kept, tenant.pk, seq]))
        assert audit.verify(tenant.pk) is None, column


def test_fields_moved_within_the_same_text_are_found(chain: tuple[Tenant, int]) -> None:
    """The data hold the separator: all fields one to the right would be the same text."""
    tenant, first = chain
    seq = first + 2
    row = AuditEntry.objects.get(tenant=tenant, seq=seq)
    before, _, after = row.data.partition("|")
    moved = "path = role, role = target_type, target_type = target_id, target_id = request_id, request_id = address, "
    as_owner((UPDATE.format(moved + "address = %s, data = %s"), [before[:45], after, tenant.pk, seq]))
    assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, seq, "row was changed")
    joined = "action = action || '|' || coalesce(actor_id::text, ''), actor_id = NULL"
    as_owner((UPDATE.format(joined), [tenant.pk, seq]))
    assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, seq, "row was changed")


@pytest.mark.parametrize("place", [0, 1, 5])
def test_a_deleted_row_is_found(chain: tuple[Tenant, int], place: int) -> None:
    tenant, first = chain
    as_owner((DELETE, [tenant.pk, first + place]))
    assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, first + place, "row is missing")


def test_swapped_rows_are_found(chain: tuple[Tenant, int]) -> None:
    tenant, first = chain
    move = "UPDATE portal_auditentry SET seq = %s WHERE tenant_id = %s AND seq = %s"
    as_owner(
        (move, [-1, tenant.pk, first + 4]),
        (move, [first + 4, tenant.pk, first + 5]),
        (move, [first + 5, tenant.pk, -1]),
    )
    assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, first + 4, "row was changed")


def test_a_cut_tail_shows_against_a_head(chain: tuple[Tenant, int], tmp_path: Path) -> None:
    tenant, _first = chain
    file = tmp_path / "head.json"
    file.write_text(command("head", "--tenant", tenant.slug))
    seq, _digest = audit.head(tenant.pk)
    assert "1 chain(s) are as they were written" in command("verify", "--tenant", tenant.slug, "--head", str(file))
    other, _administrator = factories.tenant("Wingtip Toys", domain="wingtip.example")
    with pytest.raises(CommandError, match="another tenant"):
        command("verify", "--tenant", other.slug, "--head", str(file))
    as_owner((DELETE, [tenant.pk, seq]), (DELETE, [tenant.pk, seq - 1]))
    assert audit.verify(tenant.pk) is None
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 chain"):
        call_command("audit", "verify", "--head", str(file), stdout=out)
    assert f"{tenant.slug}: row {seq}: the tail was cut or rewritten" in out.getvalue()


def test_a_tail_that_was_written_anew_shows_against_a_head(chain: tuple[Tenant, int]) -> None:
    """By somebody who has the key as well."""
    tenant, _first = chain
    seq, digest = audit.head(tenant.pk)
    as_owner((DELETE, [tenant.pk, seq]))
    with write():
        audit.record("test.noted", actor=None, tenant=tenant, words="something else")
    assert audit.verify(tenant.pk) is None
    finding = audit.verify(tenant.pk, head=(seq, digest))
    assert finding is not None
    assert finding.seq == seq


def test_a_row_before_the_beginning_is_found(chain: tuple[Tenant, int]) -> None:
    tenant, first = chain
    seq = first - 1
    statement = (
        "INSERT INTO portal_auditentry (seq, hash, tenant_id, at, action, path, role, target_type, target_id,"
        " request_id, address, data) VALUES (%s, %s, %s, now(), 'user.blocked', '', '', '', '', '', '', '{}')"
    )
    as_owner((statement, [seq, b"x" * 32, tenant.pk]))
    assert audit.verify(tenant.pk) == audit.Finding(tenant.pk, seq, "row stands before the beginning of the chain")


CHECKPOINTS: dict[str, tuple[str, Callable[[int], str]]] = {
    "taken away": ("DELETE FROM portal_auditcheckpoint", lambda seq: "row is missing"),
    "moved": ("UPDATE portal_auditcheckpoint SET seq = seq - 1", lambda seq: "the checkpoint's signature is wrong"),
    "rewritten": (
        "UPDATE portal_auditcheckpoint SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1)",
        lambda seq: "the checkpoint's signature is wrong",
    ),
}


@pytest.mark.parametrize("chain", ["shortened"], indirect=True)
@pytest.mark.parametrize("how", CHECKPOINTS)
def test_a_touched_checkpoint_is_found(chain: tuple[Tenant, int], how: str) -> None:
    tenant, first = chain
    statement, problem = CHECKPOINTS[how]
    as_owner((statement, []))
    finding = audit.verify(tenant.pk)
    assert finding is not None
    assert finding.problem == problem(first)


# ── the run-time role ──


@pytest.mark.parametrize("table", ["portal_auditentry", "portal_auditcheckpoint"])
def test_the_run_time_role_changes_removes_and_empties_nothing(aged: Tenant, table: str) -> None:
    statements = (
        f"UPDATE {table} SET seq = seq + 1",  # noqa: S608
        f"DELETE FROM {table}",  # noqa: S608
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER USER",
        f"DROP TABLE {table}",
        "SET LOCAL session_replication_role = replica",
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("portal_app",)
        cursor.execute(f"SELECT count(*) > 0 FROM {table}")  # noqa: S608
        assert cursor.fetchone() == (True,)
        for statement in statements:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
                cursor.execute(statement)


@pytest.fixture
def aged(db: None, settings: Any) -> Tenant:
    """A chain that retention has shortened, in the test's own transaction."""
    settings.MANDATE_AUDIT_RETENTION_DAYS = 60
    with clock.fixed(clock.now() - timedelta(days=100)):
        tenant, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(tenant, administrator, 3)
    note(tenant, administrator)
    assert audit_retention.retain() > 3
    return tenant


def test_a_chain_that_nobody_wrote_has_an_empty_head(cast: Cast) -> None:
    assert audit.head(uuid4()) == (0, b"")
