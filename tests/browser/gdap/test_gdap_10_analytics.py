"""GDAP story 10: *Analytics*, drawn within the policy of the pages, each chart with its table and its CSV."""

from __future__ import annotations

import csv
import io

from playwright.sync_api import expect

from tests.browser.gdap.many import make_active


def test_charts_and_tables_say_the_same(somebody, stack) -> None:
    make_active(stack, "Figures", [(40, "Helpdesk Administrator"), (100, "Global Administrator")])
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/p/fabrikam/admin-relationships")
    agent.follow("Analytics")
    agent.is_at("Analytics")
    for title in ("Relationships by status", "Ends in the next twelve months", "Roles in force most often"):
        expect(agent.main.get_by_role("img", name=title)).to_be_visible()
    agent.sees("Customers by delegated access", "Relationships that hold Global Administrator", "Figures 2")
    bar = agent.main.locator(".chart .rect").first
    assert bar.evaluate("bar => getComputedStyle(bar).fill") not in ("rgb(0, 0, 0)", "none")
    with agent.page.expect_download() as download:
        agent.main.get_by_role("link", name="CSV: Relationships by status").click()
    with open(download.value.path(), newline="") as file:
        rows = dict(list(csv.reader(io.StringIO(file.read())))[1:])
    active = agent.row("Active", rows["Active"])
    expect(active).to_be_visible()
    assert int(rows["Active"]) >= 2
    agent.press("Show all")
    agent.sees("Figures 2")
    agent.doesnt_see("Figures 1")
