"""Azure, story 3: removing DAP leaves Azure roles; each is named with the link that ends it, at once."""

from tests.browser.azure.provisioning import provision
from tests.browser.pages import pair


def test_removing_dap_leaves_the_azure_role_until_it_is_deleted(somebody, stack) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    page = provision(agent, stack, "wingtip", "What remains")
    admin = somebody("global-admin@wingtip.example")
    partner = f"/t/wingtip/partner-relationships/{pair(stack, 'fabrikam', 'wingtip')}"
    admin.open(partner)
    admin.press("Remove delegated admin")
    admin.sees("What remains", "Azure role", "Owner · AdminAgents · What remains")
    admin.press("Remove")
    admin.sees("Delegated admin of Fabrikam Cloud was removed.", "Owner · AdminAgents · What remains")
    agent.open("/t/wingtip/users")
    assert agent.status == 403
    agent.open(page)
    assert agent.status == 200
    agent.is_at("What remains")
    agent.open("/p/fabrikam/customers?q=wingtip")
    agent.follow("Services of Wingtip IT")
    agent.open_service("Azure subscriptions")
    agent.is_at("Azure subscriptions")

    admin.open(partner)
    admin.main.get_by_role("link", name="Owner · AdminAgents · What remains").click()
    assert admin.status == 403
    admin.sees("Why can't I?", "As a Global Administrator you can elevate your access first.")
    admin.follow("Elevate access")
    admin.sees("It ends by itself after 8 hours")
    admin.press("Elevate access")
    admin.sees("You are elevated", "What remains")
    admin.open(partner)
    admin.main.get_by_role("link", name="Owner · AdminAgents · What remains").click()
    admin.is_at("Remove the role assignment")
    admin.sees("This is the last Owner", "It counts for the partner’s earned credit", "admin-agent@fabrikam.example")
    admin.press("Remove")
    admin.sees("AdminAgents does not have the role Owner here any more.")
    agent.open(page)
    assert agent.status == 403
