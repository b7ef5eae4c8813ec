"""The audit log: who reads what of it, exports, verification, heads, retention (DOMAIN §5, §15)."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from delegation import services as delegation
from portal import audit, audit_retention, catalogue, clock
from portal.audit_words import ACTIONS
from portal.meanings import MEANINGS
from portal.models import AuditCheckpoint, AuditEntry, Tenant, User
from portal.services import people
from portal.writes import write
from tests import factories
from tests.cast import Cast, build_cast

HELPDESK = catalogue.HELPDESK_ADMINISTRATOR


def page(name: str, tenant: Tenant, **kwargs: object) -> str:
    return reverse(name, kwargs={"tenant_slug": tenant.slug, **kwargs})


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def lines(person: User, tenant: Tenant, **query: str) -> list[dict[str, object]]:
    answer = signed_in(person).get(page("audit-log-lines", tenant), query)
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.getvalue().decode().splitlines()]


def as_owner(statement: str, *values: object) -> None:
    """What somebody with the owner's password could do, triggers off."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE portal_auditentry DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE portal_auditentry ENABLE TRIGGER USER")


def note(tenant: Tenant, actor: User, count: int = 1) -> None:
    with write():
        for number in range(count):
            audit.record("test.noted", actor=actor, tenant=tenant, number=number)


# ── reading ──


def test_who_may_read_which_log(dap_cast: Cast) -> None:
    reader = factories.person(dap_cast.contoso, "reader", "Security Reader")

    def status(person: User, tenant: Tenant) -> set[int]:
        client = signed_in(person)
        names = ("audit-log", "audit-log-csv", "audit-log-lines")
        return {client.get(page(name, tenant)).status_code for name in names}

    contoso, fabrikam = dap_cast.contoso, dap_cast.fabrikam
    for person in (dap_cast["global-admin"], reader, dap_cast["admin-agent"]):
        assert status(person, contoso) == {200}, person
    for name in ("user-admin", "user", "helpdesk-agent", "sales-agent"):
        assert status(dap_cast[name], contoso) == {403}, name
    for name in ("partner-admin", "admin-agent"):
        assert status(dap_cast[name], fabrikam) == {200}, name
    for name in ("sales-agent", "helpdesk-agent", "partner-user"):
        assert status(dap_cast[name], fabrikam) == {403}, name


def test_an_act_on_behalf_is_in_both_logs_with_its_path(dap_cast: Cast) -> None:
    people.block_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    readers = {"global-admin": dap_cast.contoso, "partner-admin": dap_cast.fabrikam}
    for name, tenant in readers.items():
        row = lines(dap_cast[name], tenant)[-1]
        assert row["action"] == "user.blocked"
        assert row["actor"] == "admin-agent@fabrikam.example"
        assert row["actor_tenant"] == "Fabrikam Cloud"
        assert row["on_behalf_of"] == "Contoso GmbH"
        assert row["role"] == "Global Administrator"
        assert str(row["path"]).startswith("dap:")


def test_on_behalf_rows_of_other_partners_and_about_them_are_hidden(dap_cast: Cast) -> None:
    other = factories.pair(dap_cast.litware, dap_cast.contoso)
    grant = factories.dap(other, dap_cast["global-admin"])
    people.block_person(person=dap_cast["user"], actor=dap_cast["stranger-partner"])
    people.block_person(person=dap_cast["helpdesk-admin"], actor=dap_cast["global-admin"])
    delegation.remove_dap(grant=grant, actor=dap_cast["global-admin"])
    people.unblock_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    own = [row["action"] for row in lines(dap_cast["global-admin"], dap_cast.contoso)]
    assert own[-4:] == ["user.blocked", "user.blocked", "dap.removed", "user.unblocked"]
    seen = lines(dap_cast["admin-agent"], dap_cast.contoso)
    assert [row["action"] for row in seen][-2:] == ["user.blocked", "user.unblocked"]
    assert "litware" not in json.dumps(seen).lower()
    assert not [row for row in seen if row["action"] == "dap.removed"]


def test_on_behalf_one_sees_what_concerns_the_own_partner(dap_cast: Cast) -> None:
    with write():
        audit.record(
            "dap.granted", actor=dap_cast["global-admin"], tenant=dap_cast.contoso,
            also=[dap_cast.fabrikam], target=dap_cast.dap,
        )  # fmt: skip
    assert lines(dap_cast["admin-agent"], dap_cast.contoso)[-1]["action"] == "dap.granted"


def test_on_behalf_nobody_sees_the_customers_customers(dap_cast: Cast) -> None:
    """Fabrikam works for Litware, which works for Contoso: Litware's own log tells Fabrikam nothing of that."""
    factories.dap(factories.pair(dap_cast.litware, dap_cast.contoso), dap_cast["global-admin"])
    factories.dap(factories.pair(dap_cast.fabrikam, dap_cast.litware), dap_cast["stranger-partner-admin"])
    people.block_person(person=dap_cast["user"], actor=dap_cast["stranger-partner"])
    assert lines(dap_cast["stranger-partner-admin"], dap_cast.litware)[-1]["on_behalf_of"] == "Contoso GmbH"
    assert "Contoso" not in json.dumps(lines(dap_cast["admin-agent"], dap_cast.litware))


def test_filters_narrow(dap_cast: Cast) -> None:
    start = clock.now()
    with clock.fixed(start - timedelta(days=3)):
        people.block_person(person=dap_cast["user"], actor=dap_cast["user-admin"])
    people.unblock_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    reader, tenant = dap_cast["global-admin"], dap_cast.contoso

    def actions(**query: str) -> list[object]:
        return [row["action"] for row in lines(reader, tenant, **query)]

    assert actions(action="user.blocked") == ["user.blocked"]
    assert actions(behalf="on") == ["user.unblocked"]
    assert actions(q="user-admin", action="user.blocked") == ["user.blocked"]
    assert actions(q="admin-agent@fabrikam.example") == ["user.unblocked"]
    assert actions(q="nobody") == []
    day = (start - timedelta(days=2)).date().isoformat()
    assert actions(until=day) == ["user.blocked"]
    assert "user.blocked" not in actions(since=day)
    assert "user.unblocked" in actions(since=day)
    for wrong in ({"since": "yesterday"}, {"action": "nothing"}, {"until": "9999-12-31"}, {"since": "0001-01-01"}):
        assert signed_in(reader).get(page("audit-log", tenant), wrong).status_code == 200, wrong


def test_an_opened_row_shows_before_and_after(cast: Cast) -> None:
    people.rename_person(person=cast["user"], actor=cast["user-admin"], display_name="Clerk <b>")
    seq = AuditEntry.objects.filter(tenant=cast.contoso).order_by("-seq").first().seq
    client = signed_in(cast["global-admin"])
    closed = client.get(page("audit-log", cast.contoso)).content.decode()
    opened = client.get(page("audit-log", cast.contoso), {"open": seq}).content.decode()
    assert "Clerk" not in closed
    assert "Clerk &lt;b&gt;" in opened


def test_csv_has_every_field_in_utc(cast: Cast) -> None:
    people.rename_person(person=cast["user"], actor=cast["user-admin"], display_name="=cmd()")
    answer = signed_in(cast["global-admin"]).get(page("audit-log-csv", cast.contoso))
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert len(rows) == AuditEntry.objects.filter(tenant=cast.contoso).count()
    first = rows[0]
    assert next(iter(first)) == "seq"
    assert any("=cmd()" in str(value) for value in first.values())
    assert all(str(value)[:1] not in "=+-@" or not value for value in first.values())
    assert "+00:00" in " ".join(first.values())


def test_the_lists_cost_does_not_grow_with_rows(cast: Cast, django_assert_max_num_queries: object) -> None:
    client = signed_in(cast["global-admin"])
    note(cast.contoso, cast["global-admin"], 60)
    client.get(page("audit-log", cast.contoso))
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(page("audit-log", cast.contoso))
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(page("users", cast.contoso))


# ── the chain ──


def tampered(cast: Cast, statement: str, *values: object) -> audit.Finding | None:
    as_owner(statement, *values)
    return audit.verify(cast.contoso.pk)


@pytest.fixture
def committed(transactional_db: None) -> Cast:
    """A cast that another connection sees, with ten more rows in Contoso's chain."""
    cast = build_cast()
    note(cast.contoso, cast["global-admin"], 10)
    assert audit.verify(cast.contoso.pk) is None
    return cast


def test_a_flipped_byte_is_found(committed: Cast) -> None:
    for column in ("action", "data", "role", "address"):
        seq = 3
        finding = tampered(
            committed,
            f"UPDATE portal_auditentry SET {column} = {column} || ' ' WHERE tenant_id = %s AND seq = %s",  # noqa: S608
            committed.contoso.pk,
            seq,
        )
        assert finding is not None
        assert (finding.seq, finding.problem) == (seq, "row was changed"), column
        back = f"UPDATE portal_auditentry SET {column} = left({column}, -1) WHERE tenant_id = %s AND seq = %s"  # noqa: S608
        assert tampered(committed, back, committed.contoso.pk, seq) is None


def test_a_deleted_row_is_found(committed: Cast) -> None:
    finding = tampered(
        committed, "DELETE FROM portal_auditentry WHERE tenant_id = %s AND seq = 4", committed.contoso.pk
    )
    assert finding == audit.Finding(committed.contoso.pk, 4, "row is missing")


def test_swapped_rows_are_found(committed: Cast) -> None:
    finding = tampered(
        committed,
        "UPDATE portal_auditentry SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE tenant_id = %s AND seq IN (5, 6)",
        committed.contoso.pk,
    )
    finding = tampered(
        committed, "UPDATE portal_auditentry SET seq = -seq WHERE tenant_id = %s AND seq < 0", committed.contoso.pk
    )
    assert finding is not None
    assert finding.seq == 5


def test_a_cut_tail_shows_only_against_an_exported_head(committed: Cast, tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    file.write_text(command("head"))
    assert "as they were written" in command("verify", "--head", str(file))
    as_owner(
        "DELETE FROM portal_auditentry WHERE tenant_id = %s AND seq > (SELECT max(seq) - 2 FROM portal_auditentry "
        "WHERE tenant_id = %s)",
        committed.contoso.pk,
        committed.contoso.pk,
    )
    assert audit.verify(committed.contoso.pk) is None
    with pytest.raises(CommandError, match="1 chain"):
        command("verify", "--head", str(file))
    with pytest.raises(CommandError, match="1 chain"):
        command("verify", "--tenant", "contoso", "--head", str(file))
    assert command("verify", "--tenant", "fabrikam", "--head", str(file))


def test_a_head_that_was_edited_is_refused(committed: Cast, tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    content = json.loads(command("head"))
    content["heads"][0]["seq"] += 1
    for text in (json.dumps(content), "[]", "not json", json.dumps({"heads": []})):
        file.write_text(text)
        with pytest.raises(CommandError):
            command("verify", "--head", str(file))
    with pytest.raises(CommandError, match="no tenant"):
        command("verify", "--tenant", "nobody")


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue()


# ── retention ──


@pytest.fixture
def aged(cast: Cast, settings: object) -> Cast:
    """Northwind's chain with rows older than what is kept, and some younger ones after them."""
    settings.MANDATE_AUDIT_RETENTION_DAYS = 60  # type: ignore[attr-defined]
    with clock.fixed(clock.now() - timedelta(days=100)):
        northwind, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(northwind, administrator, 5)
    note(northwind, administrator, 3)
    cast.people["old-admin"] = administrator
    return cast


def seqs(tenant_id: object) -> list[int]:
    return list(AuditEntry.objects.filter(tenant_id=tenant_id).order_by("seq").values_list("seq", flat=True))


def test_retention_removes_the_oldest_stretch_and_the_chain_still_verifies(aged: Cast) -> None:
    tenant_id = aged["old-admin"].tenant_id
    before = seqs(tenant_id)
    head = audit.heads()[tenant_id]
    others = seqs(aged.contoso.pk)
    old = AuditEntry.objects.filter(tenant_id=tenant_id, at__lt=clock.now() - timedelta(days=60)).count()
    assert audit_retention.retain() == old > 5
    assert seqs(tenant_id) == before[old:]
    assert seqs(aged.contoso.pk) == others
    assert audit.verify(tenant_id, head=head) is None
    assert audit_retention.retain() == 0
    note(aged["old-admin"].tenant, aged["old-admin"])
    assert seqs(tenant_id)[-1] == before[-1] + 1
    assert audit.verify(tenant_id) is None


def test_an_exported_head_from_before_retention_is_still_good(aged: Cast) -> None:
    tenant_id = aged["old-admin"].tenant_id
    early = AuditEntry.objects.get(tenant_id=tenant_id, seq=2)
    head = (early.seq, bytes(early.hash))
    audit_retention.retain()
    assert audit.verify(tenant_id, head=head) is None


def test_retention_keeps_the_last_row_however_old(db: None, settings: object) -> None:
    settings.MANDATE_AUDIT_RETENTION_DAYS = 1  # type: ignore[attr-defined]  # no less than 30 days count
    with clock.fixed(clock.now() - timedelta(days=100)):
        tenant, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(tenant, administrator, 5)
    last = seqs(tenant.pk)[-1]
    assert audit_retention.retain() == last - 1
    assert seqs(tenant.pk) == [last]
    assert audit.verify(tenant.pk) is None


def test_rows_younger_than_thirty_days_stay_whatever_the_setting(db: None, settings: object) -> None:
    settings.MANDATE_AUDIT_RETENTION_DAYS = 1  # type: ignore[attr-defined]
    with clock.fixed(clock.now() - timedelta(days=20)):
        tenant, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(tenant, administrator, 5)
    before = seqs(tenant.pk)
    assert audit_retention.retain() == 0
    assert seqs(tenant.pk) == before


def retained(tenant_id: object, seq: int) -> None:
    entry = AuditEntry.objects.get(tenant_id=tenant_id, seq=seq)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT portal_retain_audit(%s, %s, %s, %s, %s)", [tenant_id, seq, bytes(entry.hash), b"x", clock.now()]
        )


def test_the_function_takes_neither_the_end_nor_young_rows(aged: Cast) -> None:
    tenant_id = aged["old-admin"].tenant_id
    numbers = seqs(tenant_id)
    for seq in (numbers[-1], numbers[-2]):
        with pytest.raises(IntegrityError):
            retained(tenant_id, seq)
    assert seqs(tenant_id) == numbers


def test_a_checkpoint_that_nobody_signed_is_found(aged: Cast) -> None:
    tenant_id = aged["old-admin"].tenant_id
    retained(tenant_id, 3)
    finding = audit.verify(tenant_id)
    assert finding == audit.Finding(tenant_id, 3, "the checkpoint's signature is wrong")


def test_the_run_time_role_writes_no_checkpoints_itself(aged: Cast) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic():
        AuditCheckpoint.objects.create(tenant_id=aged.contoso.pk, seq=1, hash=b"x", signature=b"x", made_at=clock.now())


def test_a_tampered_chain_is_not_shortened(transactional_db: None, settings: object) -> None:
    settings.MANDATE_AUDIT_RETENTION_DAYS = 60  # type: ignore[attr-defined]
    with clock.fixed(clock.now() - timedelta(days=100)):
        tenant, administrator = factories.tenant("Northwind Traders", domain="northwind.example")
        note(tenant, administrator, 5)
    as_owner("UPDATE portal_auditentry SET action = 'x' WHERE tenant_id = %s AND seq = 2", tenant.pk)
    assert audit_retention.retain() == 0
    assert seqs(tenant.pk)[0] == 1


# ── words ──


def test_every_capability_says_what_its_table_says() -> None:
    assert {capability: str(text) for capability, text in MEANINGS.items()} == {
        capability: rule.meaning for capability, rule in catalogue.rules().items()
    }


def test_every_action_that_is_recorded_has_a_name() -> None:
    root = Path(catalogue.__file__).parents[1]
    recorded = set()
    for file in (file for app in ("portal", "relationships", "delegation") for file in (root / app).rglob("*.py")):
        if "migrations" not in file.parts and "commands" not in file.parts:
            calls = re.findall(
                r"(?:audit\.record|_record)\(\s*\"([a-z_]+\.[a-z_]+)\"", file.read_text(encoding="utf-8")
            )
            recorded |= set(calls)
    assert len(recorded) > 20
    assert recorded - set(ACTIONS) == set()
