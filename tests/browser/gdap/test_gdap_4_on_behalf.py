"""GDAP, story 4: rights exactly those of the assigned roles, instead of DAP's, until the end that the banner names."""

from tests.browser.gdap.granting import granted
from tests.browser.steps import expand


def test_gdap_counts_instead_of_dap(somebody, stack) -> None:
    contoso = "global-admin@contoso.example"
    page = granted(stack, "On behalf of a story", "Service Support Administrator", admin=contoso, days=45)
    helpdesk = somebody("helpdesk-agent@fabrikam.example")
    helpdesk.open("/t/contoso/users")
    assert "as Helpdesk Administrator (DAP)" in helpdesk.banner().inner_text()
    assert "no end date" in helpdesk.banner().inner_text()

    agent = somebody("global-admin@fabrikam.example")
    agent.open(page)
    agent.press("Add a group")
    agent.pick("HelpdeskAgents")
    agent.tick_first("Service Support Administrator")
    agent.press("Assign")
    agent.sees("HelpdeskAgents has its roles now.")

    helpdesk.open("/t/contoso/service-requests")
    banner = helpdesk.banner().inner_text()
    assert "as Service Support Administrator (GDAP)" in banner
    assert "until" in banner
    assert "Through HelpdeskAgents." in banner
    assert "Helpdesk Administrator" not in banner
    helpdesk.press("Open a service request")
    helpdesk.fill("Title", "By GDAP")
    helpdesk.fill("Description", "With exactly the roles of our group.")
    helpdesk.press("Open the request")
    helpdesk.sees("With exactly the roles of our group.")
    helpdesk.open("/t/contoso/audit-log")
    assert helpdesk.status == 403
    expand(helpdesk, "Contoso GmbH")
    helpdesk.sees("GDAP counts instead of DAP")

    agent.open(page)
    agent.press("Switch auto-extend on")
    agent.sees("Auto-extend is on.")
    helpdesk.open("/t/contoso/service-requests")
    assert "then it extends itself" in helpdesk.banner().inner_text()

    agent.press("Terminate")
    agent.sees("They fall back to DAP", "Helpdesk Administrator", "Give up delegated admin")
    agent.press("Terminate")
    agent.sees("Ended by the partner")
    helpdesk.open("/t/contoso/users")
    assert "as Helpdesk Administrator (DAP)" in helpdesk.banner().inner_text()
