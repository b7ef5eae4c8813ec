"""GDAP, story 2: the customer reads *Approve partner roles*, and approves, offers less, or declines."""

from __future__ import annotations

from tests.browser.gdap.asking import ask_for_roles, send

ADMIN = "global-admin@northwind.example"
HELPDESK, USERS, READER = "Helpdesk Administrator", "User Administrator", "Directory Readers"


def test_approve_all_and_the_partners_person_works_at_once(somebody, mailbox, script) -> None:
    name = f"Support {'with' if script else 'without'} script"
    partner = "wingtip" if script else "proseware"
    agent = somebody(f"admin-agent@{partner}.example", script=script)
    planned = {"AdminAgents": [HELPDESK]}
    ask_for_roles(agent, HELPDESK, USERS, name=name, partner=partner, address=ADMIN, groups=planned)
    link = send(agent, mailbox, ADMIN)
    agent.press("Done")
    agent.sees("Approval pending")
    admin = somebody(script=script)
    admin.open(link)
    admin.is_at("Sign in")
    assert "/g/" not in admin.page.url, "the secret leaves the address"
    admin.sign_in(ADMIN)
    admin.sees("asks for admin roles", "Partner ID", "What changes for you", "Their reason: “Support contract”")
    admin.sees("Resets passwords for non-admins and other helpdesk staff.", "if you approve today")
    admin.sees("Your own sign-in policy doesn't bind the partner's people")

    admin.press("Cancel")
    admin.is_at("Northwind 貿易")
    admin.open(link)
    admin.page.locator("main form").last.evaluate("form => form.noValidate = true")
    admin.press("Approve all")
    assert admin.status == 400
    admin.sees("Tick Yes to approve.")
    admin.page.get_by_role("checkbox", name="Yes, I authorise").check()
    admin.press("Approve all")
    assert admin.path.startswith("/t/northwind/partner-relationships/")
    admin.sees("You have approved the roles of", "What they can do here", name)
    admin.open(link)
    admin.is_at("Approved already")

    agent.open("/t/northwind/users")
    agent.is_at("Users")
    assert "Helpdesk Administrator" in agent.banner().inner_text()


def test_counter_offer_is_accepted_as_it_is(somebody, script) -> None:
    name = f"Counter {'with' if script else 'without'} script"
    agent = somebody("admin-agent@tailspin.example", script=script)
    options = {"domain": "adventure-works.example", "auto_extend": True, "days": 300}
    asked = ask_for_roles(agent, HELPDESK, READER, name=name, partner="tailspin", **options)
    admin = somebody("global-admin@adventure-works.example", script=script)
    admin.open(f"/t/adventure-works/requests/roles?q={name}")
    admin.follow("Tailspin Distribution")
    admin.press("Counter-offer")
    admin.is_at("Counter-offer")
    admin.page.get_by_role("checkbox", name=HELPDESK).uncheck()
    admin.fill("Days", "30")
    admin.page.get_by_role("checkbox", name="No auto-extend").check()
    admin.fill("Reason", "Reading is enough.")
    admin.press("Send the counter-offer")
    admin.sees("Your counter-offer was sent.", "You have offered less", "Reading is enough.")
    agent.open(asked.page)
    agent.sees("Counter-offer", "Reading is enough.", "asked for: 300")
    admin.press("Take it back")
    admin.sees("Your counter-offer was taken back.")
    agent.press("Accept counter-offer")
    assert agent.status == 409, "it was taken back meanwhile"
    admin.press("Counter-offer")
    admin.page.get_by_role("checkbox", name=HELPDESK).uncheck()
    admin.fill("Days", "30")
    admin.press("Send the counter-offer")
    agent.open(asked.page)
    agent.press("Accept counter-offer")
    agent.sees("The counter-offer is accepted. Its roles are in force.", "Not granted", "Approved is not access")
    admin.open(asked.link)
    admin.is_at("Approved already")
    admin.press("Partner relationships", admin.main)
    admin.follow(name)
    admin.sees(READER)
    admin.doesnt_see(HELPDESK)
    agent.press("Terminate")
    agent.press("Terminate")
    agent.sees("Ended by the partner")


def test_decline_with_a_reason_is_final(somebody, script) -> None:
    name = f"Declined {'with' if script else 'without'} script"
    agent = somebody("admin-agent@fabrikam.example", script=script)
    asked = ask_for_roles(agent, USERS, name=name)
    admin = somebody(ADMIN, script=script)
    admin.open(asked.link)
    admin.press("Decline")
    admin.is_at("Decline the request")
    admin.fill("Reason", "Not now.")
    admin.press("Decline")
    admin.sees("You have declined the request of Fabrikam Cloud.")
    admin.open(asked.link)
    admin.is_at("This request is closed")
    admin.sees("Declined by the customer")
    agent.open(asked.page)
    agent.sees("Declined by the customer", "Not now.")


def test_billing_administrator_needs_permission_and_forwards(somebody, mailbox) -> None:
    asked = ask_for_roles(somebody("admin-agent@tailspin.example"), USERS, name="Forwarded", partner="tailspin")
    billing = somebody("billing-admin@contoso.example")
    billing.open(asked.link)
    assert billing.status == 403
    billing.sees("You need permission", "Customer Delegated Admin Relationship Administrator")
    assert not billing.offered("Approve all")
    before = mailbox.newest()
    billing.page.get_by_label("Approver").select_option(label="Global admin (global-admin@contoso.example)")
    billing.press("Forward to an approver")
    billing.sees("The request was mailed to Global admin.")
    mail = mailbox.wait("global-admin@contoso.example", after=before)
    admin = somebody("global-admin@contoso.example")
    admin.open(mail.link("/g/"))
    admin.is_at("Tailspin Distribution asks for admin roles")
