"""Story 12: both sides read and export their audit logs, keep signed heads, and whatever is tampered with shows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.explorer.test_explorer_7_clean_exit import downloaded
from tests.browser.steps import open_person

BEHALF = "on behalf of Contoso GmbH as Global Administrator (DAP)"


def rename(agent, name: str) -> None:
    open_person(agent, "contoso", "user@contoso.example")
    agent.press("Edit name")
    agent.fill("Display name", name)
    agent.press("Save")
    agent.is_at(name)


def test_read_filter_and_export_the_log(somebody, script, tmp_path: Path) -> None:
    agent = somebody("admin-agent@fabrikam.example", script=script)
    rename(agent, "Robin of the log")
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open("/t/contoso/audit-log?behalf=on")
    admin.is_at("Audit log")
    admin.choose("Action", "User renamed")
    if script:
        admin.page.wait_for_url("**action=user.renamed**")
    admin.fill("Partner", "Fabrikam")
    admin.press("Search")
    admin.page.wait_for_url("**partner=Fabrikam**")
    admin.sees("admin-agent@fabrikam.example", BEHALF, "User renamed")
    admin.doesnt_see("Robin of the log")
    admin.page.locator("a[href*='open=']").first.click()
    admin.sees("Display name", "Robin of the log", "dap:", "edit or block a user who holds no privileged role")
    rows = list(csv.DictReader(downloaded(admin, "Export CSV", tmp_path).read_text().splitlines()))
    lines = [json.loads(line) for line in downloaded(admin, "Export JSON Lines", tmp_path).read_text().splitlines()]
    assert len(rows) == len(lines) >= 1
    assert {line["action"] for line in lines} == {"user.renamed"}
    assert (lines[-1]["on_behalf_of"], lines[-1]["role"]) == ("Contoso GmbH", "Global Administrator")
    assert lines[-1]["at"].endswith("+00:00")
    assert rows[0]["hash"] == lines[-1]["hash"]

    partner = somebody("global-admin@fabrikam.example", script=script)
    partner.open("/t/fabrikam/audit-log?action=user.renamed")
    partner.fill("Partner or customer", "Contoso")
    partner.press("Search")
    partner.page.wait_for_url("**partner=Contoso**")
    partner.sees("admin-agent@fabrikam.example", BEHALF)
    agent.open("/t/contoso/audit-log")
    agent.sees("Entries of other partners are not shown.")


def test_whatever_is_tampered_with_shows(somebody, stack, tmp_path: Path) -> None:
    rename(somebody("admin-agent@fabrikam.example"), "Robin with a head")
    heads = {}
    for person, tenant in (("global-admin@contoso.example", "contoso"), ("global-admin@fabrikam.example", "fabrikam")):
        reader = somebody(person)
        reader.open(f"/t/{tenant}/audit-log")
        heads[tenant] = downloaded(reader, "Download signed head", tmp_path)
    seq = json.loads(heads["contoso"].read_text())["seq"]
    for tenant, head in heads.items():
        assert verified(stack, tenant, head) == (0, "1 chain(s) are as they were written")
    with tampered(stack, ("UPDATE portal_auditentry SET data = overlay(data placing 'X' from 5)", "= 4")):
        assert verified(stack, "contoso") == (1, "contoso: row 4: row was changed")
    with tampered(stack, ("DELETE FROM portal_auditentry", "= 5")):
        assert verified(stack, "contoso") == (1, "contoso: row 5: row is missing")
    move = "UPDATE portal_auditentry SET seq = "
    with tampered(stack, (f"{move} -1", "= 6"), (f"{move} 6", "= 7"), (f"{move} 7", "= -1")):
        assert verified(stack, "contoso") == (1, "contoso: row 6: row was changed")
    with tampered(stack, ("DELETE FROM portal_auditentry", f">= {seq - 1}")):
        assert verified(stack, "contoso") == (0, "1 chain(s) are as they were written")
        cut = f"contoso: row {seq}: the tail was cut or rewritten: the exported head is not in the chain"
        assert verified(stack, "contoso", heads["contoso"]) == (1, cut)
    assert verified(stack, "contoso", heads["contoso"])[0] == 0
    heads["contoso"].write_text(heads["contoso"].read_text().replace(f'"seq": {seq}', f'"seq": {seq - 1}'))
    refused = stack.manage("audit", "verify", "--head", str(heads["contoso"]))
    assert (refused.returncode, "its signature is wrong" in refused.stderr) == (1, True)


def verified(stack, tenant: str, head: Path | None = None) -> tuple[int, str]:
    """Status and first line of the command."""
    done = stack.manage("audit", "verify", "--tenant", tenant, *(["--head", str(head)] if head else []))
    return done.returncode, (done.stdout.splitlines() or [done.stderr])[0]


@contextmanager
def tampered(stack, *changes: tuple[str, str]) -> Iterator[None]:
    """Contoso's rows changed by somebody with the password of the database's owner; put back afterwards."""
    where = "WHERE tenant_id = (SELECT id FROM portal_tenant WHERE slug = 'contoso')"
    stack.rows("ALTER TABLE portal_auditentry DISABLE TRIGGER USER")
    stack.rows(f"CREATE TABLE kept AS SELECT * FROM portal_auditentry {where}")  # noqa: S608 - words of this test
    try:
        for change, numbers in changes:
            stack.rows(f"{change} {where} AND seq {numbers}")
        yield
    finally:
        stack.rows(f"DELETE FROM portal_auditentry {where}")  # noqa: S608 - words of this test
        stack.rows("INSERT INTO portal_auditentry SELECT * FROM kept")
        stack.rows("DROP TABLE kept")
        stack.rows("ALTER TABLE portal_auditentry ENABLE TRIGGER USER")
