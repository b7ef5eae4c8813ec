"""Story 8: *Our access*: our people × customers × roles, and what disabling one of them ends."""

from __future__ import annotations


def test_our_people_their_customers_and_a_leaver(somebody, script) -> None:
    admin = somebody("global-admin@fabrikam.example", script=script)
    admin.open("/p/fabrikam/customers")
    admin.follow("Our access")
    admin.is_at("Our access")
    admin.sees("HelpdeskAgents", "With access")
    admin.open("/p/fabrikam/our-access?q=helpdesk-agent")
    admin.main.locator("tbody a").first.click()
    admin.sees("Contoso GmbH", "Helpdesk Administrator", "HelpdeskAgents", "whole tenant")
    admin.open(f"{admin.path.partition('?')[0]}?q=contoso")
    admin.sees("Contoso GmbH")
    rows = admin.page.request.get(admin.url + admin.path.partition("?")[0] + ".csv").text().splitlines()
    assert rows[0].startswith("Customer,Domain,Can act as,Because of")
    assert any("Contoso GmbH" in row for row in rows)
    admin.press("What disabling ends")
    admin.is_at("What disabling ends")
    admin.sees("What ends", "What remains", "HelpdeskAgents", "Every session", "Audit log")
    admin.press("Open the account to block it")
    admin.sees("helpdesk-agent@fabrikam.example")
    assert admin.offered("Block")


def test_whoever_may_not_review_is_told_why(somebody) -> None:
    agent = somebody("sales-agent@fabrikam.example")
    agent.open("/p/fabrikam/our-access")
    assert agent.status == 403
