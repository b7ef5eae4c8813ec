"""Story 7 and 9: a customer ends everything with a partner in one step, and can prove it offline."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser.steps import open_person


def work_on_behalf(agent, tenant: str, name: str) -> None:
    """What stays behind: an account they made, a password they had reset."""
    agent.open(f"/t/{tenant}/users")
    agent.press("Invite a user")
    agent.fill("Display name", name)
    agent.fill("Sign-in name", "made-by-partner")
    agent.fill("Contact address", f"made-by-partner@{tenant}.example")
    agent.press("Invite")
    agent.is_at(name)


def test_end_everything_with_a_partner(somebody, script, stack, tmp_path: Path) -> None:
    tenant = "wingtip" if script else "adventure-works"
    agent = somebody("admin-agent@fabrikam.example", script=script)
    work_on_behalf(agent, tenant, "Made by a partner")
    admin = somebody(f"global-admin@{tenant}.example", script=script)
    admin.open(f"/t/{tenant}/partner-relationships")
    admin.follow("Fabrikam Cloud")
    admin.press("End everything with this partner")
    admin.is_at("End everything with this partner")
    admin.sees("Delegated admin (DAP)", "AdminAgents, HelpdeskAgents", "made-by-partner@", "Relationship: Reseller")
    admin.sees("Only the partner can end it, once no subscription is active: contact the partner.")
    admin.press("End everything with this partner")
    agent.open(f"/t/{tenant}/users")
    assert agent.status == 200, "nothing ends before Yes is ticked"
    admin.tick_first("Block this partner")
    admin.fill("Reason", "We changed our provider.")
    admin.tick_first("Yes, end what is ticked, now")
    admin.press("End everything with this partner")

    admin.is_at("End of everything with a partner")
    admin.sees("Incomplete", "left", "removed", "blocked", "made-by-partner@", "The partner was blocked")
    agent.open(f"/t/{tenant}/users")
    assert agent.status == 403
    files = {kind: downloaded(admin, kind, tmp_path) for kind in ("PDF", "JSON")}
    document = json.loads(files["JSON"].read_text())["document"]
    assert document["partner"]["name"] == "Fabrikam Cloud"
    assert document["is_complete"] is False
    key = tmp_path / "public.pem"
    key.write_text(stack.manage("audit", "public-key").stdout)
    for file in files.values():
        said = stack.manage("audit", "verify-certificate", str(file), "--public-key", str(key))
        assert (said.returncode, "Fabrikam Cloud" in said.stdout) == (0, True), said.stderr
        file.write_bytes(file.read_bytes().replace(b"Fabrikam", b"Wingtips", 1))
        assert stack.manage("audit", "verify-certificate", str(file), "--public-key", str(key)).returncode == 1

    admin.open(f"/t/{tenant}/certificates")
    admin.is_at("Certificates")
    admin.sees("Fabrikam Cloud", "Incomplete")
    open_person(admin, tenant, "made-by-partner")
    admin.sees("Blocked")
    agent.open("/p/fabrikam/customers")
    assert agent.status == 200


def downloaded(person, name: str, folder: Path) -> Path:
    """The file behind a link."""
    with person.page.expect_download() as waiting:
        person.follow(name)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path
