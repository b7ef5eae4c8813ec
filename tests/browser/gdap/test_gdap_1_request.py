"""GDAP, story 1: an Admin agent asks for roles, by task and by search; the message arrives."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.gdap.asking import tick_role


def test_admin_agent_requests_roles_by_task_and_by_search(somebody, mailbox, script) -> None:
    agent = somebody("admin-agent@fabrikam.example", script=script)
    name, address = f"Night support {script}", f"gdap-{script}@contoso.example".lower()
    before = mailbox.newest()
    agent.open("/p/fabrikam/customers")
    agent.follow("Admin relationships")
    agent.follow("Request admin relationship")
    agent.is_at("Request admin relationship")

    agent.fill("Name", name)
    if script:
        agent.sees(f"{50 - len(name)} characters left", "This name is free.")
    agent.page.get_by_role("searchbox", name="Customer", exact=True).fill("contoso")
    if not script:
        agent.press("Search")
    agent.pick("Contoso GmbH")

    agent.page.get_by_text("Propose roles for what your people need to do").click()
    agent.page.get_by_role("checkbox", name="reset the password of a user who holds no privileged role").check()
    agent.press("Propose roles")
    agent.sees("The least that these tasks need")
    assert agent.page.get_by_label(re.compile("^Name")).first.input_value() == name
    proposed = agent.page.locator(".pick").filter(has=agent.page.locator(":checked"))
    expect(proposed).to_have_count(1)
    proposed.get_by_role("textbox").fill("Passwords at night")

    # Full control never lasts by itself.
    tick_role(agent, "Global Administrator", "The move")
    agent.page.get_by_role("checkbox", name=re.compile("^Extend by 180 days")).check()
    agent.page.get_by_label("E-mail").fill(address)
    agent.press("Next")
    agent.sees("Auto-extend can't be combined with Global Administrator. Leave one of the two out.")
    agent.page.get_by_role("checkbox", name=re.compile("^Global Administrator")).uncheck()
    tick_role(agent, "Directory Readers")
    agent.press("Next")

    link = agent.page.get_by_label("The personal link, in case you lost it").input_value()
    assert "/g/" in link
    body = agent.page.get_by_label("Message").first
    assert body.input_value().count(link) == 1
    agent.sees("Approved is not access")
    body.fill("Without the link")
    agent.press("Next")
    agent.sees("The personal link is missing.")
    agent.page.get_by_label("Message").first.fill(f"Please look: {link}")
    agent.press("Next")

    agent.sees("It is still a draft")
    agent.press("Lock for approval")
    agent.sees("Locked for approval", "Not sent by the portal")
    agent.press("Send for me")
    agent.sees(f"The message to {address} is on its way.")
    mail = mailbox.wait(address, after=before)
    assert mail.links.count(link) == 1
    agent.press("Done")
    agent.is_at(name)
    agent.open("/p/fabrikam/admin-relationships")
    row = agent.row(name).inner_text()
    assert "Approval pending" in row
    assert "Contoso GmbH" in row

    # Names stay taken, whatever their letter case.
    agent.follow("Request admin relationship")
    agent.fill("Name", name.upper())
    if script:
        agent.sees("Names stay taken, whatever their letter case.")
    agent.pick("Whoever opens the link first")
    tick_role(agent, "Directory Readers")
    agent.press("Next")
    agent.sees("Another of your relationships has, or had, this name.")
