"""Azure, story 2: a partner provisions a subscription; existing ones give it nothing, with or without DAP."""

from tests.browser.azure.provisioning import create, provision


def test_admin_agents_owns_what_it_provisions_and_nothing_else(somebody, stack, script) -> None:
    before, name = (f"{word} {'with' if script else 'without'} script" for word in ("Existing", "Provisioned"))
    admin = somebody("global-admin@wingtip.example", script=script)
    existing = create(admin, "wingtip", before)
    agent = somebody("admin-agent@fabrikam.example", script=script)
    agent.open("/t/wingtip/users")  # by DAP
    assert agent.status == 200
    agent.open(existing)
    assert agent.status == 403
    agent.sees("Why can't I?")

    page = provision(agent, stack, "northwind", name)  # a reseller without DAP
    assert "as Owner (Azure)" in agent.banner().inner_text()
    agent.press("Create a resource group")
    agent.fill("Name", "web")
    agent.press("Create")
    agent.is_at("web")
    agent.open(page)
    agent.follow("Role assignments")
    owner = agent.row("AdminAgents").inner_text()
    assert "Foreign group · Fabrikam Cloud" in owner
    assert "Owner" in owner
    agent.open("/t/northwind/users")
    assert agent.status == 403
    sales = somebody("sales-agent@fabrikam.example", script=script)
    sales.open(page)
    assert sales.status == 403

    agent.open(page)
    agent.press("Open a service request")
    agent.fill("Title", f"Disk of {name}")
    agent.fill("Description", "It is full since today.")
    agent.press("Open the request")
    agent.sees("Service request #", name)
    customer = somebody("global-admin@northwind.example", script=script)
    customer.open("/t/northwind/service-requests")
    customer.sees(f"Disk of {name}")
