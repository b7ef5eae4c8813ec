"""Story 4: the customer reads who asks for what, and answers: *Accept*, *Decline*, *Cancel*, *Forward*."""

from __future__ import annotations

from tests.browser.steps import found_organisation, send

#: Partners of the demo without a relationship with Northwind: one story with script, one without.
PARTNERS = {True: ("wingtip", "Wingtip IT"), False: ("proseware", "Proseware Devices")}


def test_global_administrator_accepts_and_lands_on_partner_relationships(somebody, mailbox, script) -> None:
    slug, name = PARTNERS[script]
    agent = somebody(f"admin-agent@{slug}.example", script=script)
    address = "global-admin@northwind.example"
    link = send(agent, mailbox, partner=slug, customer="Northwind", address=address, with_dap=True)

    customer = somebody(script=script)
    customer.open(link)
    customer.is_at("Sign in")
    assert "/i/" not in customer.page.url, "the secret leaves the address"
    customer.sign_in(address)
    customer.is_at(f"{name} asks for a relationship")
    customer.sees("Partner ID", "Global Administrator", "Helpdesk Administrator", "AdminAgents", "HelpdeskAgents")
    customer.sees("Your own sign-in policy doesn't bind the partner's people")

    customer.press("Cancel")
    customer.is_at("Northwind 貿易")
    customer.open(link)
    customer.page.get_by_role("checkbox").check()
    before = mailbox.newest()
    customer.press("Accept")
    assert customer.path.startswith("/t/northwind/partner-relationships/")
    customer.sees(f"You have accepted the request of {name}.", "What they can do here")
    customer.sees("Remove delegated admin")

    mail = mailbox.wait(f"admin-agent@{slug}.example", after=before)
    assert "Northwind" in mail.subject + mail.text
    agent.open(f"/p/{slug}/customers")
    agent.sees("Northwind 貿易", "DAP")
    customer.open(link)
    customer.is_at("Accepted already")


def test_accept_needs_a_yes(somebody, mailbox) -> None:
    agent = somebody("sales-agent@tailspin.example")
    address = "global-admin@adventure-works.example"
    link = send(agent, mailbox, partner="tailspin", customer="Adventure Works", address=address, with_dap=True)
    customer = somebody(address, script=False)
    customer.open(link)
    customer.sees("Other partners have the same rights already")
    customer.page.locator("main form").first.evaluate("form => form.noValidate = true")
    customer.press("Accept")
    assert customer.status == 400
    customer.sees("Tick Yes to accept.")
    customer.press("Decline")
    customer.sees("You have declined the request of Tailspin Distribution.")
    customer.open(link)
    customer.is_at("Declined already")
    agent.open("/p/tailspin/invitations?q=adventure")
    assert "Declined" in agent.row("Adventure Works").inner_text()


def test_billing_administrator_needs_permission_and_forwards(somebody, mailbox, script) -> None:
    agent = somebody("admin-agent@tailspin.example", script=script)
    link = send(
        agent,
        mailbox,
        partner="tailspin",
        customer="Contoso GmbH",
        address="billing-admin@contoso.example",
        with_dap=True,
    )
    billing = somebody("billing-admin@contoso.example", script=script)
    billing.open(link)
    assert billing.status == 403
    billing.sees("You need permission", "Tailspin Distribution asks for a relationship", "Global Administrator")
    billing.sees("global-admin@contoso.example", "cloud-admin@contoso.cloud.example")
    assert not billing.offered("Accept")
    assert not billing.offered("Decline")
    before = mailbox.newest()
    billing.page.get_by_label("Approver").select_option(label="Global admin (global-admin@contoso.example)")
    billing.press("Forward to an approver")
    billing.sees("The request was mailed to Global admin.")
    mail = mailbox.wait("global-admin@contoso.example", after=before)
    assert "billing-admin@contoso.example" in mail.text
    billing.open("/t/contoso/partner-relationships")
    billing.doesnt_see("Tailspin Distribution")

    admin = somebody("global-admin@contoso.example", script=script)
    admin.open(mail.link("/i/"))
    admin.is_at("Tailspin Distribution asks for a relationship")
    admin.press("Decline")
    admin.sees("You have declined the request of Tailspin Distribution.")


def test_billing_administrator_accepts_without_roles_and_consent_stays_pending(somebody, mailbox) -> None:
    agent = somebody("admin-agent@proseware.example")
    address = "billing-admin@contoso.example"
    link = send(agent, mailbox, partner="proseware", customer="Contoso GmbH", address=address)
    billing = somebody(address)
    billing.open(link)
    billing.sees("No admin role is asked for.", "it stays pending on Partner relationships")
    billing.page.get_by_role("checkbox").check()
    billing.press("Accept")
    billing.sees("You have accepted the request of Proseware Devices.", "Pending")
    assert not billing.offered("Give consent")
    page = billing.path
    admin = somebody("global-admin@contoso.example")
    admin.open(page)
    admin.press("Give consent")
    admin.sees("Given")


def test_newcomer_founds_the_organisation_first_and_comes_back(somebody, mailbox, script) -> None:
    number = "one" if script else "two"
    agent = somebody("sales-agent@fabrikam.example", script=script)
    address = f"owner@humongous-{number}.example"
    link = send(agent, mailbox, customer="Humongous Insurance", address=address, with_dap=True)
    owner = somebody(script=script)
    owner.open(link)
    owner.is_at("Sign in")
    owner.follow("Create an organisation")
    found_organisation(owner, mailbox, name=f"Humongous {number}", label=f"humongous-{number}", address=address)
    owner.is_at("Fabrikam Cloud asks for a relationship")
    owner.page.get_by_role("checkbox").check()
    owner.press("Accept")
    assert owner.path.startswith(f"/t/humongous-{number}/partner-relationships/")
    owner.sees("You have accepted the request of Fabrikam Cloud.")


def test_partner_cannot_accept_for_itself(somebody, mailbox) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    link = send(agent, mailbox, customer="Ourselves", address="global-admin@fabrikam.example")
    admin = somebody("global-admin@fabrikam.example")
    admin.open(link)
    admin.is_at("This is your own request")


def test_requests_are_listed_for_the_domain_they_are_addressed_to(somebody) -> None:
    admin = somebody("global-admin@contoso.example")
    admin.open("/t/contoso/requests")
    admin.is_at("Requests")
    admin.sees("Tailspin Distribution")
