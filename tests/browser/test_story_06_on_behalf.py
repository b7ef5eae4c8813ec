"""Story 6: a partner's people at work in the customer's pages, each with exactly the role that DAP gives."""

from tests.browser.steps import PASSWORD, expand, open_person, set_password


def test_helpdesk_agent_resets_a_password_and_never_sees_one(somebody, mailbox) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    expand(agent, "Contoso GmbH")
    agent.open_service("Users")
    banner = agent.banner().inner_text()
    assert "On behalf of Contoso GmbH" in banner
    assert "as Helpdesk Administrator (DAP)" in banner
    open_person(agent, "contoso", "user@contoso.example")
    before = mailbox.newest()
    agent.press("Reset password")
    agent.sees("A link to set a new password is on its way by mail. It works once, for one hour.")
    assert not agent.page.locator("input[type=password]").count()

    mail = mailbox.wait("user@contoso.example", after=before)
    user = somebody()
    user.open(mail.link("/r/"))
    user.is_at("Set a new password")
    assert "/r/" not in user.page.url
    set_password(user, "Set the password")
    user.sees("Your password is set")
    user.sign_in_with("user@contoso.example", PASSWORD)
    user.choose_language("en").is_at("Contoso GmbH")

    again = somebody()
    again.open(mail.link("/r/"))
    assert again.status >= 400
    again.doesnt_see("New password")


def test_helpdesk_agent_opens_a_service_request(somebody) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    agent.open("/t/contoso/service-requests")
    agent.press("Open a service request")
    agent.fill("Title", "Printer on the second floor")
    agent.fill("Description", "It prints every page twice.")
    agent.press("Open the request")
    agent.sees("is open.", "It prints every page twice.")
    agent.fill("Comment", "We are looking at it.")
    agent.press("Comment")
    agent.sees("The comment was added.")
    agent.press("Start work")
    agent.sees("The request is in progress.")
    agent.press("Resolve")
    agent.sees("The request is resolved.")
    page = agent.path

    customer = somebody("user-admin@contoso.example")
    customer.open(page)
    customer.sees("Fabrikam Cloud", "We are looking at it.")
    customer.press("Close")
    customer.sees("The request is closed.")
    customer.press("Reopen")
    customer.sees("The request is open again.")


def test_helpdesk_agent_assigns_no_roles_and_says_why(somebody) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    open_person(agent, "contoso", "user@contoso.example")
    assert not agent.offered("Assign a role")
    assert not agent.offered("Block")
    agent.open(agent.path + "/roles")
    assert agent.status == 403
    agent.sees("Why can't I?", "Privileged Role Administrator")
    open_person(agent, "contoso", "billing-admin@contoso.example")
    assert not agent.offered("Reset password")
    agent.open("/t/contoso/audit-log")
    assert agent.status == 403


def test_admin_agent_assigns_only_what_he_holds_and_spares_global_administrators(somebody, mailbox) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    open_person(agent, "contoso", "user@contoso.example")
    agent.press("Assign a role")
    agent.sees("On behalf of a customer you can only assign roles that you hold there yourself.")
    assert not agent.row("User Administrator").get_by_role("button").count()
    before = mailbox.newest()
    agent.press("Assign: Global Administrator")
    agent.sees("Assigned: Global Administrator")
    mail = mailbox.wait("cloud-admin@contoso.example", after=before)
    assert "Fabrikam Cloud" in mail.text
    for button in ("Block", "Delete"):
        assert not agent.offered(button), button
    agent.sees("A partner can't block, demote or delete a Global Administrator of the customer.")

    admin = somebody("global-admin@contoso.example")
    open_person(admin, "contoso", "user@contoso.example")
    admin.sees("assigned by Fabrikam Cloud")
    admin.open("/t/contoso/audit-log")
    admin.sees("admin-agent@fabrikam.example")
    open_person(admin, "contoso", "user@contoso.example")
    admin.press("Remove: Global Administrator")
    admin.press("Remove")
    admin.sees("Removed: Global Administrator")


def test_admin_agent_cannot_do_what_belongs_to_the_customer(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    agent.open("/t/contoso/partner-relationships")
    agent.doesnt_see("Wingtip IT", "Tailspin Distribution")
    agent.follow("Fabrikam Cloud", within=agent.main) if agent.main.get_by_role(
        "link", name="Fabrikam Cloud", exact=True
    ).count() else None
    agent.sees("Only a Global Administrator of this organisation's own can remove delegated admin")
    assert not agent.offered("Remove delegated admin")


def test_sales_agent_can_do_neither(somebody) -> None:
    agent = somebody("sales-agent@fabrikam.example")
    for page in ("users", "service-requests", "account", "audit-log", "partner-relationships"):
        agent.open(f"/t/contoso/{page}")
        assert agent.status == 403, page
        agent.sees("Why can't I?")


def test_stranger_learns_nothing(somebody) -> None:
    stranger = somebody("global-admin@northwind.example")
    for page in ("users", "service-requests", "account", "no-such-page"):
        stranger.open(f"/t/contoso/{page}")
        assert stranger.status == 404, page
