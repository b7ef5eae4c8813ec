"""Azure, story 4: *Elevate access*, *Reinstate*, the last Owner, the partner's earned credit."""

from tests.browser.azure.provisioning import assign, provision


def test_a_global_administrator_elevates_and_reinstates_a_partner(somebody, stack) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    page = provision(agent, stack, "northwind", "Elevated story")
    agent.open(f"{page}/access")
    agent.press("Remove: AdminAgents, Owner")
    agent.sees("This is the last Owner", "Make somebody else Owner of this subscription first.")
    assert not agent.offered("Remove")

    admin = somebody("global-admin@northwind.example")
    admin.open(page)
    assert admin.status == 403
    admin.open("/t/northwind/azure")
    admin.press("Elevate access")
    admin.press("Elevate access")
    admin.sees("You are elevated", "Elevated story")
    admin.follow("Elevated story")
    admin.follow("Role assignments")
    assign(admin, "user@northwind", "User", "Owner")
    admin.sees("user@northwind.example has the role Owner now.", "made elevated")
    admin.press("Remove: AdminAgents, Owner")
    admin.sees("It counts for the partner’s earned credit", "What ends", "admin-agent@fabrikam.example")
    admin.press("Remove")
    admin.sees("AdminAgents does not have the role Owner here any more.")
    agent.open(page)
    assert agent.status == 403

    admin.press("Reinstate a partner")
    admin.pick("Fabrikam Cloud")
    admin.press("Reinstate")
    admin.sees("AdminAgents of Fabrikam Cloud is Owner again.")
    agent.open(page)
    assert agent.status == 200

    admin.open(f"{page}/access")
    admin.press("End elevation")
    admin.sees("The elevation has ended.", "Others may be there that you don’t see")
    admin.open(page)
    assert admin.status == 403
    owner = somebody("user@northwind.example")
    owner.open(f"{page}/access")
    owner.press("Remove: user@northwind.example, Owner")
    owner.sees("This is the last Owner of the customer’s own")
    assert not owner.offered("Remove")
