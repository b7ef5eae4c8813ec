"""GDAP story 8: from delegated admin to named roles, for one customer and for all, without a gap."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.gdap.asking import approve
from tests.browser.gdap.many import finished

MOVES = "/p/fabrikam/admin-relationships/moves"


def test_one_customer_is_moved_step_by_step(somebody, script) -> None:
    customer, slug = ("Adventure Works", "adventure-works") if script else ("Wingtip IT", "wingtip")
    agent = somebody("admin-agent@fabrikam.example", script=script)
    agent.open(f"/p/fabrikam/customers?q={customer}")
    agent.follow(customer)
    agent.press("Move to GDAP")
    agent.is_at(customer)
    agent.sees("What your people used here in the last 90 days", "What the customer is asked for")
    agent.choose("Roles", "MSP tier-1 technician")
    agent.press("Show the roles for this")
    agent.sees("Intune Administrator")
    agent.press("Ask the customer")
    agent.sees("Waits for the customer", "Who would lose what without DAP")
    page = agent.path
    request = agent.main.get_by_role("link", name=f"{customer} · GDAP").first.get_attribute("href")
    asked = str(request).rpartition("/")[2]

    approve(somebody(f"global-admin@{slug}.example", script=script), f"/admin-requests/{asked}")

    agent.open(page)
    agent.sees("GDAP in force", "By GDAP")
    agent.fill("Reason", "Named roles are in place.")
    if agent.main.get_by_label("Give DAP up although something is lost").count():
        agent.tick("Give DAP up although something is lost")
    agent.press("Give up DAP")
    agent.sees("DAP was given up; your people work here by GDAP.")
    agent.open(f"{MOVES}?state=done")
    agent.sees(customer)


def test_the_ticked_customers_are_asked_by_one_job(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.open(MOVES)
    agent.is_at("DAP to GDAP")
    agent.main.get_by_role("link", name="Not begun").click()
    ticks = agent.main.get_by_role("checkbox", name=re.compile("^Choose "))
    names = [str(ticks.nth(number).get_attribute("aria-label")).removeprefix("Choose ") for number in (0, 1)]
    for name in names:
        agent.page.get_by_label(f"Choose {name}", exact=True).check()
    agent.press("Give up DAP where GDAP is in place")
    agent.sees("Where it does nothing", "DAP stays: no GDAP is in force with this customer.", *names)
    assert not agent.offered("Start")
    agent.page.go_back()
    agent.press("Ask for GDAP instead of DAP")
    agent.is_at("Ask for GDAP instead of DAP")
    agent.sees("For each customer the roles follow from what your people used there", *names)
    agent.fill("Days", "365")
    agent.press("Start")
    finished(agent)
    agent.sees("2 of 2")
    expect(agent.row(names[0])).to_contain_text(f"Asked for as {names[0]} · GDAP")
    agent.open(f"{MOVES}?state=requested")
    agent.sees(*names)


def test_who_may_only_look_is_offered_nothing(somebody) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    agent.open(MOVES)
    agent.is_at("DAP to GDAP")
    assert not agent.offered("Ask for GDAP instead of DAP")
    assert not agent.offered("Give up DAP where GDAP is in place")
