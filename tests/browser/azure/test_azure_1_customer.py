"""Azure, story 1: the customer's page: a tree, role assignments per scope, a picker over all built-in roles."""

from datetime import timedelta

from portal import clock
from tests.browser.azure.provisioning import assign, create


def test_a_customer_says_who_holds_which_role_where(somebody, script) -> None:
    admin = somebody("global-admin@northwind.example", script=script)
    name = f"Production {'with' if script else 'without'} script"
    subscription = create(admin, "northwind", name)
    admin.sees("Nothing is below this scope", "You are its Owner.")
    admin.press("Create a resource group")
    admin.fill("Name", "web")
    admin.fill("Tags", "cost=42")
    admin.press("Create")
    admin.is_at("web")
    group = admin.path
    admin.press("Create a resource")
    admin.fill("Name", "vm-1")
    admin.fill("Type", "Microsoft.Compute/virtualMachines")
    admin.press("Create")
    admin.is_at("vm-1")
    admin.open(subscription)
    admin.row("web").get_by_role("link", name="Resources of web").click()
    admin.sees("vm-1", "Microsoft.Compute/virtualMachines")

    reader = somebody("user@northwind.example", script=script)
    reader.open(group)
    assert reader.status == 403
    admin.open(group)
    admin.follow("Role assignments")
    day = (clock.now() + timedelta(days=30)).date().isoformat()
    assign(admin, "user@northwind", "User", "Virtual Machine Contributor", Description="Night shift", Last_day=day)
    admin.sees("user@northwind.example has the role Virtual Machine Contributor now.", "Night shift")
    inherited = admin.row("global-admin@northwind.example")
    assert "inherited" in inherited.inner_text()
    assert not inherited.get_by_role("link", name="Remove").count()
    reader.open(group)
    reader.is_at("web")
    assert not reader.offered("Create a resource")
    reader.open(f"{group}/access")
    reader.sees("Virtual Machine Contributor")
    assert not reader.offered("Add a role assignment")

    admin.press("Edit: user@northwind.example, Virtual Machine Contributor")
    admin.fill("Description", "Day shift")
    admin.fill("Last day", "")
    admin.press("Save")
    admin.sees("The role assignment was saved.", "Day shift")
    admin.press("Add a role assignment")
    admin.press("Cancel")
    assign(admin, "user@northwind", "User", "Virtual Machine Contributor")
    admin.sees("This role assignment already exists.")
    admin.press("Cancel")
    admin.press("Remove: user@northwind.example, Virtual Machine Contributor")
    admin.sees("What ends", "user@northwind.example", "What remains")
    admin.press("Remove")
    admin.sees("does not have the role Virtual Machine Contributor here any more.")
    reader.open(group)
    assert reader.status == 403
