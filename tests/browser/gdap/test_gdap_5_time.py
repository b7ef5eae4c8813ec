"""GDAP story 5: what ends when; auto-extend and renewals for many at once, with progress and a result for each."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.gdap.many import finished, make_active

EXPIRING = "/p/fabrikam/admin-relationships/expiring"
READER, GLOBAL = "Helpdesk Administrator", "Global Administrator"


def test_many_are_extended_at_once_and_those_that_cannot_say_why(somebody, stack) -> None:
    make_active(stack, "Night support", [(days, READER) for days in (1, 5, 20, 300)] + [(20, GLOBAL)])
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/p/fabrikam/admin-relationships")
    agent.follow("Expiring")
    agent.is_at("Expiring")
    agent.main.get_by_role("link", name="Within 30 days").click()
    agent.sees("Night support 3", "Night support 5")
    agent.doesnt_see("Night support 4")
    expect(agent.row("Night support 5")).to_contain_text("then DAP again")
    agent.open(f"{EXPIRING}?due=30&q=night")
    agent.pick("All that match")
    agent.press("Switch auto-extend on")
    agent.is_at("Switch auto-extend on")
    agent.sees("Where it does nothing", "It holds a role that never extends by itself")
    expect(agent.row("It holds a role")).to_contain_text("Night support 5")
    agent.press("Switch auto-extend on")
    finished(agent)
    agent.sees("4 of 4")
    agent.main.get_by_role("link", name="Refused").first.click()
    expect(agent.row("Night support 5")).to_contain_text("Auto-extend can't be combined with Global Administrator")
    agent.doesnt_see("Night support 1")
    agent.open(f"{EXPIRING}?q=night&extend=on")
    agent.sees("Night support 1", "Night support 2", "Night support 3")
    agent.follow("Bulk jobs")
    agent.is_at("Bulk jobs")
    expect(agent.row("Switch auto-extend on").first).to_contain_text("Finished")


def test_the_chosen_ones_are_asked_for_anew_and_the_customer_finds_the_requests(somebody, stack) -> None:
    make_active(stack, "Backup", [(10, READER), (12, READER), (14, READER)])
    agent = somebody("admin-agent@fabrikam.example")
    agent.open(f"{EXPIRING}?q=backup")
    agent.page.get_by_label("Choose Backup 1").check()
    agent.page.get_by_label("Choose Backup 2").check()
    agent.press("Ask for renewals")
    agent.is_at("Ask for renewals")
    agent.fill("Days", "90")
    agent.press("Ask for renewals")
    finished(agent)
    expect(agent.row("Backup 1")).to_contain_text("Asked for as Backup 1 (2)")
    agent.open(f"{EXPIRING}?q=backup")
    agent.page.get_by_label("Choose Backup 1").check()
    agent.press("Ask for renewals")
    agent.sees("A renewal waits for the customer's answer, or is drafted")
    assert agent.main.get_by_role("button", name="Ask for renewals").count() == 0
    agent.open(f"{EXPIRING}?q=backup")
    agent.press("Ask for renewals")
    agent.sees("Choose at least one relationship.")


def test_dap_is_given_up_in_the_same_step_so_that_nobody_falls_back_to_it(somebody, stack) -> None:
    make_active(stack, "Beside", [(8, READER), (200, READER)])
    agent = somebody("admin-agent@fabrikam.example")
    agent.open(f"{EXPIRING}?q=beside")
    agent.sees("DAP is still there", "give DAP up in the same step")
    agent.follow("Show only these")
    agent.page.get_by_label("Choose Beside 1").check()
    agent.page.get_by_label("Choose Beside 2").check()
    agent.press("Give up DAP for the chosen customers")
    agent.is_at("Give up DAP for the chosen customers")
    agent.sees("What ends", "Global Administrator", "What remains", "In force with 1 customer.", "Contoso GmbH")
    agent.fill("Reason", "Named roles are in place.")
    agent.press("Give up DAP for the chosen customers")
    finished(agent)
    expect(agent.row("Contoso GmbH")).to_contain_text("Delegated admin was given up. GDAP is in force here.")
    agent.open(f"{EXPIRING}?q=beside")
    agent.sees("Beside 1", "Beside 2")
    agent.doesnt_see("DAP is still there", "then DAP again")
