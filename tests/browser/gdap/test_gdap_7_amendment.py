"""GDAP, story 7: more roles for a live relationship; the new one replaces the old without a gap, never both."""

from __future__ import annotations

from tests.browser.gdap.asking import approve, ask_for_roles, lock, send, tick_role

ADMIN = "global-admin@adventure-works.example"
READER, SUPPORT, USERS = "Directory Readers", "Service Support Administrator", "User Administrator"


def test_an_amendment_replaces_without_a_gap(somebody, mailbox, script) -> None:
    name = f"Amended {'with' if script else 'without'} script"
    agent = somebody("admin-agent@fabrikam.example", script=script)
    options = {"domain": "adventure-works.example", "days": 60}
    asked = ask_for_roles(agent, READER, SUPPORT, name=name, groups={"SalesAgents": [READER]}, **options)
    admin = somebody(ADMIN, script=script)
    approve(admin, asked.link)
    sales = somebody("sales-agent@fabrikam.example")
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()

    agent.open(asked.page)
    agent.press("Amend or renew")
    agent.sees("A draft was made that asks for the same again.")
    tick_role(agent, USERS)
    amendment = lock(agent)
    link = send(agent, mailbox, ADMIN)
    agent.press("Done")
    agent.is_at(f"{name} (2)")
    agent.sees("Approval pending", USERS, "keep those of their roles that are asked for here too")
    agent.follow(name, within=agent.page.locator("#facts"))
    agent.is_at(name)
    agent.sees("Active", "Amendment")

    admin.open(link)
    admin.sees("Takes the place of", USERS, "2 roles stay as they are")
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()
    approve(admin, link)
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()

    agent.open(asked.page)
    agent.sees("Replaced by a newer relationship", "Replaced by", f"{name} (2)")
    agent.open(amendment.page)
    agent.sees("Active", "SalesAgents", "Replaces")
    agent.press("Terminate")
    agent.press("Terminate")
    agent.sees("Ended by the partner")
    sales.open("/t/adventure-works/account")
    assert sales.status == 403
