"""GDAP, story 3: groups get some of the roles, are edited by two people at once, and lose them at once."""

from tests.browser.gdap.granting import granted


def test_approved_is_not_access_until_a_group_has_roles(somebody, stack) -> None:
    page = granted(stack, "Assignments of a story", "Directory Readers", "User Administrator")
    agent = somebody("admin-agent@fabrikam.example")
    agent.open(page)
    agent.is_at("Assignments of a story")
    agent.sees("Active", "Approved is not access", "No group has roles yet.")
    agent.press("Add a group")
    agent.pick("SalesAgents")
    agent.tick_first("Directory Readers")
    agent.press("Assign")
    agent.sees("SalesAgents has its roles now.", "Who can do what", "sales-agent@fabrikam.example")
    agent.doesnt_see("Approved is not access")

    sales = somebody("sales-agent@fabrikam.example")
    sales.open("/t/adventure-works/account")
    assert "as Directory Readers (GDAP)" in sales.banner().inner_text()
    sales.open(page)
    assert not sales.offered("Add a group")
    assert not sales.offered("Terminate")

    agent.press("Edit: SalesAgents")
    other = somebody("global-admin@fabrikam.example")
    other.open(page)
    other.press("Edit: SalesAgents")
    other.tick_first("User Administrator")
    other.press("Save")
    other.sees("SalesAgents has its roles now.")
    agent.tick_first("User Administrator")
    agent.untick_first("Directory Readers")
    agent.press("Save")
    assert agent.status == 409
    agent.is_at("Somebody changed this assignment")
    agent.sees("Nothing was saved", "When you opened it", "What you wanted")
    agent.untick_first("Directory Readers")
    agent.press("Save")
    agent.sees("SalesAgents has its roles now.")

    agent.press("Remove: SalesAgents")
    agent.sees("What ends", "User Administrator", "Sales agent", "What remains")
    agent.press("Remove")
    agent.sees("SalesAgents has no roles here any more.", "Group lost its roles", "Roles of a group changed")
    sales.open("/t/adventure-works/account")
    assert sales.status == 403

    agent.press("Terminate")
    agent.sees("What ends", "What remains")
    agent.fill("Reason", "The story is over.")
    agent.press("Terminate")
    agent.sees("The relationship was terminated.", "Ended by the partner", "The story is over.")
