"""Story 8: users, directory roles and groups are managed by those whom the tables name, within every limit."""

from playwright.sync_api import expect

from tests.browser.steps import PASSWORD, open_person, set_password


def test_user_administrator_invites_a_colleague_who_sets_a_password(somebody, mailbox) -> None:
    admin = somebody("user-admin@contoso.example")
    admin.follow("Users")
    admin.press("Invite a user")
    admin.fill("Display name", "Office manager")
    admin.fill("Sign-in name", "office-manager")
    admin.choose("Domain", "@contoso.example")
    admin.fill("Contact address", "office-manager@contoso.example")
    admin.choose("Language", "English")
    before = mailbox.newest()
    admin.press("Invite")
    admin.is_at("Office manager")
    admin.sees("Invited: office-manager@contoso.example")

    link = mailbox.wait("office-manager@contoso.example", after=before).link("/w/")
    colleague = somebody()
    colleague.open(link)
    assert "/w/" not in colleague.page.url, "the secret leaves the address"
    set_password(colleague, "Activate and sign in")
    colleague.is_at("Contoso GmbH")

    again = somebody()
    again.open(link)
    assert again.status == 409
    again.sign_in_with("office-manager@contoso.example", PASSWORD)
    again.is_at("Contoso GmbH")

    admin.press("Block")
    admin.sees("Blocked. Every session has ended.")
    again.open("/")
    again.is_at("Sign in")
    admin.press("Unblock")
    admin.press("Delete")
    admin.sees("What ends", "What remains")
    admin.press("Delete")
    admin.sees("Deleted: office-manager@contoso.example")


def test_user_administrator_cannot_touch_privileged_people(somebody) -> None:
    admin = somebody("user-admin@contoso.example")
    open_person(admin, "contoso", "billing-admin@contoso.example")
    for button in ("Block", "Delete", "Edit name", "Reset password", "Assign a role"):
        assert not admin.offered(button), button
    open_person(admin, "contoso", "user@contoso.example")
    for button in ("Block", "Delete", "Edit name", "Reset password"):
        assert admin.offered(button), button
    assert not admin.offered("Assign a role")


def test_global_administrator_assigns_and_removes_a_role(somebody, mailbox) -> None:
    admin = somebody("global-admin@contoso.example")
    open_person(admin, "contoso", "user@contoso.example")
    admin.press("Assign a role")
    admin.fill("Role or task", "Global Reader")
    admin.press("Search")
    before = mailbox.newest()
    admin.press("Assign: Global Reader")
    admin.is_at("User")
    admin.sees("Global Reader", "privileged person")
    mail = mailbox.wait("cloud-admin@contoso.example", after=before)
    assert "user@contoso.example" in mail.text
    assert "Globaler Leser" in mail.text, "in the recipient's language"
    admin.press("Remove: Global Reader")
    admin.is_at("Remove this role?")
    admin.press("Remove")
    admin.sees("Removed: Global Reader")
    admin.doesnt_see("privileged person")


def test_last_global_administrator_stays(somebody) -> None:
    admin = somebody("global-admin@adventure-works.example")
    open_person(admin, "adventure-works", "global-admin@adventure-works.example")
    assert not admin.offered("Block")
    assert not admin.offered("Delete")
    admin.press("Remove: Global Administrator")
    admin.press("Remove")
    assert admin.status == 409
    admin.sees("An organisation always keeps at least one activated, enabled Global Administrator")
    open_person(admin, "adventure-works", "global-admin@adventure-works.example")
    admin.sees("Global Administrator")


def test_admin_agent_manages_the_groups_that_work_for_customers(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.follow("Groups")
    agent.follow("HelpdeskAgents")
    agent.sees("Works for customers")
    agent.fill("Name or sign-in name", "sales-agent")
    agent.press("Find people")
    agent.press("Add: sales-agent@fabrikam.example")
    agent.sees("Sales agent")
    agent.press("Remove: sales-agent@fabrikam.example")
    agent.sees("sales-agent@fabrikam.example is no member any more.")
    expect(agent.page.get_by_role("row").filter(has_text="sales-agent@fabrikam.example")).to_have_count(0)


def test_sales_agent_manages_no_groups(somebody) -> None:
    agent = somebody("sales-agent@fabrikam.example")
    agent.doesnt_see("Groups")
    agent.open("/t/fabrikam/groups")
    assert agent.status == 403
    agent.sees("Why can't I?")
