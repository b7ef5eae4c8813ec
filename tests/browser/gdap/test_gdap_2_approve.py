"""GDAP, story 2: the customer reads *Approve partner roles*, and approves, offers less, or declines."""

from __future__ import annotations

from tests.browser.gdap.asked import accept_counter_offer, ask_for_roles

ADMIN = "global-admin@northwind.example"
HELPDESK, USERS, READER = "Helpdesk Administrator", "User Administrator", "Directory Readers"


def test_approve_all_and_the_partners_person_works_at_once(stack, somebody, script) -> None:
    name = f"Support {'with' if script else 'without'} script"
    partner = "wingtip" if script else "proseware"
    asked = ask_for_roles(stack, HELPDESK, USERS, name=name, partner=partner, groups={"AdminAgents": [HELPDESK]})
    admin = somebody(script=script)
    admin.open(asked.link)
    admin.is_at("Sign in")
    assert "/g/" not in admin.page.url, "the secret leaves the address"
    admin.sign_in(ADMIN)
    admin.sees("asks for admin roles", "Partner ID", "What changes for you", "Their reason: “Support contract”")
    admin.sees("Resets passwords for non-admins and other helpdesk staff.", "if you approve today")
    admin.sees("Your own sign-in policy doesn't bind the partner's people")

    admin.press("Cancel")
    admin.is_at("Northwind 貿易")
    admin.open(asked.link)
    admin.page.locator("main form").last.evaluate("form => form.noValidate = true")
    admin.press("Approve all")
    assert admin.status == 400
    admin.sees("Tick Yes to approve.")
    admin.page.get_by_role("checkbox", name="Yes, I authorise").check()
    admin.press("Approve all")
    assert admin.path.startswith("/t/northwind/partner-relationships/")
    admin.sees("You have approved the roles of", "What they can do here", name)
    admin.open(asked.link)
    admin.is_at("Approved already")

    agent = somebody(f"admin-agent@{partner}.example", script=script)
    agent.open("/t/northwind/users")
    agent.is_at("Users")
    assert "Helpdesk Administrator" in agent.banner().inner_text()


def test_counter_offer_is_accepted_as_it_is(stack, somebody) -> None:
    asked = ask_for_roles(
        stack, HELPDESK, READER, name="Counter", domain="adventure-works.example", auto_extend=True, days=300
    )
    admin = somebody("global-admin@adventure-works.example")
    admin.open("/t/adventure-works/requests/roles")
    admin.follow("Fabrikam Cloud")
    admin.press("Counter-offer")
    admin.is_at("Counter-offer")
    admin.page.get_by_role("checkbox", name=HELPDESK).uncheck()
    admin.fill("Days", "30")
    admin.page.get_by_role("checkbox", name="No auto-extend").check()
    admin.fill("Reason", "Reading is enough.")
    admin.press("Send the counter-offer")
    admin.sees("Your counter-offer was sent.", "You have offered less", "Reading is enough.")
    admin.press("Take it back")
    admin.sees("Your counter-offer was taken back.")
    admin.press("Counter-offer")
    admin.page.get_by_role("checkbox", name=HELPDESK).uncheck()
    admin.fill("Days", "30")
    admin.press("Send the counter-offer")
    accept_counter_offer(stack, asked)
    admin.open(f"/admin-requests/{asked.key}")
    admin.is_at("Approved already")
    admin.press("Partner relationships", admin.main)
    admin.follow("Counter")
    admin.sees("Directory Readers")
    admin.doesnt_see(HELPDESK)


def test_decline_with_a_reason_is_final(stack, somebody, script) -> None:
    name = f"Declined {'with' if script else 'without'} script"
    asked = ask_for_roles(stack, USERS, name=name)
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


def test_billing_administrator_needs_permission_and_forwards(stack, somebody, mailbox) -> None:
    asked = ask_for_roles(stack, USERS, name="Forwarded", partner="tailspin")
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
