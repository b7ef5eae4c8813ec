"""Story 5: the partner's *Customers*, a row's services, and the two endings that are the partner's to make."""

import pytest

from tests.browser.steps import expand


def test_row_expands_to_the_services_of_this_users_rights(somebody, script) -> None:
    agent = somebody("admin-agent@fabrikam.example", script=script)
    agent.follow("Customers")
    expand(agent, "Contoso GmbH")
    agent.sees("as Global Administrator")
    agent.open_service("Users")
    agent.is_at("Users")
    assert agent.path.startswith("/t/contoso/users")
    assert "On behalf of Contoso GmbH" in agent.banner().inner_text()


def test_row_says_what_is_missing(somebody) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    expand(agent, "Contoso GmbH")
    agent.sees("as Helpdesk Administrator", "Needs at least Reports Reader in their tenant.")
    assert agent.main.get_by_role("link", name="Users as Helpdesk Administrator").count()
    assert not agent.main.get_by_role("link", name="Audit log").count()

    seller = somebody("sales-agent@fabrikam.example")
    expand(seller, "Contoso GmbH")
    seller.sees("You have no role in their tenant", "Needs at least")
    assert not seller.main.get_by_role("link", name="Users").count()


def test_without_delegated_admin_a_new_request_is_offered(somebody) -> None:
    seller = somebody("sales-agent@fabrikam.example")
    expand(seller, "Copper Hill Dental Care")
    seller.sees("We hold no delegated admin privileges here. Only the customer can grant them.")
    seller.press("Request delegated admin")
    seller.is_at("Request a reseller relationship")
    seller.page.get_by_label("Customer").first.wait_for()


def test_customers_can_be_searched_filtered_sorted_and_exported(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/p/fabrikam/customers")
    agent.page.get_by_role("searchbox", name="Name or domain").fill("lakeside")
    agent.page.wait_for_url("**q=lakeside**")
    agent.sees("Lakeside Print")
    agent.doesnt_see("Contoso GmbH")
    agent.open("/p/fabrikam/customers?show=ended")
    agent.doesnt_see("Contoso GmbH")
    agent.open("/p/fabrikam/customers")
    agent.follow("Since")
    agent.page.wait_for_url("**sort=**")
    with agent.page.expect_download() as download:
        agent.press("Export CSV")
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) > 100
    assert any("Contoso GmbH" in line for line in lines)


def test_give_up_delegated_admin_then_end_the_relationship(somebody, mailbox) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/p/fabrikam/customers?show=dap&sort=-started_at")
    names = agent.page.locator("tbody strong").all_inner_texts()
    cast = {"Contoso GmbH", "Adventure Works", "Wingtip IT"}
    name = next(name for name in names if name not in cast)
    agent.row(name).get_by_role("link", name=name, exact=True).click()
    agent.is_at(name)
    agent.press("Give up delegated admin")
    agent.sees("What ends", "What remains", "Global Administrator", "Relationship: Reseller")
    agent.press("Give up delegated admin")
    agent.is_at(name)
    agent.sees("Delegated admin was given up.", "What remains: Relationship: Reseller")
    assert not agent.offered("Give up delegated admin")

    agent.press("End relationship: Reseller")
    agent.sees("What ends", "What remains")
    agent.press("End relationship")
    agent.sees("This relationship has ended")
    agent.open(f"/p/fabrikam/customers?q={name}")
    agent.doesnt_see(name)
    agent.open(f"/p/fabrikam/customers?show=ended&q={name}")
    agent.sees(name)


@pytest.mark.parametrize("persona", ["sales-agent", "helpdesk-agent"])
def test_only_admin_agents_end_anything(somebody, persona) -> None:
    agent = somebody(f"{persona}@fabrikam.example")
    expand(agent, "Contoso GmbH")
    agent.press("About this relationship")
    agent.is_at("Contoso GmbH")
    assert not agent.offered("Give up delegated admin")
    assert not agent.offered("End relationship")
    agent.open(agent.path + "/give-up-dap")
    assert agent.status == 403
