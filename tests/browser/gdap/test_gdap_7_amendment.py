"""GDAP, story 7: more roles for a live relationship; the new one replaces the old without a gap, never both."""

from tests.browser.gdap.granting import approved, asked_for, granted


def test_an_amendment_replaces_without_a_gap(somebody, stack) -> None:
    page = granted(stack, "Amended by a story", "Directory Readers", "Service Support Administrator")
    agent = somebody("admin-agent@fabrikam.example")
    agent.open(page)
    agent.press("Add a group")
    agent.pick("SalesAgents")
    agent.tick_first("Directory Readers")
    agent.press("Assign")
    agent.sees("SalesAgents has its roles now.")
    agent.press("Amend or renew")
    agent.sees("A draft was made that asks for the same again.")
    amendment = asked_for(stack, agent.path, "Directory Readers", "Service Support Administrator", "User Administrator")

    agent.open(amendment)
    agent.is_at("Amended by a story (2)")
    agent.sees("Approval pending", "User Administrator", "keep those of their roles that are asked for here too")
    agent.follow("Amended by a story", within=agent.page.locator("#facts"))
    agent.is_at("Amended by a story")
    agent.sees("Active", "Amendment")

    sales = somebody("sales-agent@fabrikam.example")
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()
    approved(stack, amendment)
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()

    agent.open(page)
    agent.sees("Replaced by a newer relationship", "Replaced by", "Amended by a story (2)")
    agent.open(amendment)
    agent.sees("Active", "SalesAgents", "Replaces")
    agent.press("Terminate")
    agent.press("Terminate")
    agent.sees("Ended by the partner")
