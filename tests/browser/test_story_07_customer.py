"""Story 7: the customer takes delegated admin back, and what it gave ends with the partner's next request."""

import pytest

#: (customer, its pages), each with DAP for Fabrikam in the demo: one told with script, the other without.
TENANTS = {True: "contoso", False: "adventure-works"}


def test_remove_delegated_admin(somebody, mailbox, script) -> None:
    slug = TENANTS[script]
    agent = somebody("helpdesk-agent@fabrikam.example", script=script)
    agent.open(f"/t/{slug}/users")
    agent.is_at("Users")
    agent.open(f"/t/{slug}/service-requests/new")
    agent.fill("Title", "Half done")
    agent.fill("Description", "Written before the removal, sent after it.")

    admin = somebody(f"global-admin@{slug}.example", script=script)
    admin.follow("Partner relationships")
    admin.row("Fabrikam Cloud").get_by_role("link").first.click()
    admin.sees("What they can do here", "Helpdesk Administrator", "These roles are implicit")
    admin.press("Remove delegated admin")
    admin.sees(
        "What ends", "What remains", "They can no longer open service requests for you.", "Relationship: Reseller"
    )
    admin.sees("Device registration consent", "Azure role")
    admin.fill("Reason", "We look after our users ourselves now.")
    before = mailbox.newest()
    admin.press("Remove")
    admin.sees("Nothing: they hold no role in your tenant.", "Reseller")

    agent.press("Open the request")
    assert agent.status == 403, "the very next request is refused"
    agent.sees("Why can't I?", "What to do instead")
    for page in ("users", "service-requests", "account"):
        agent.open(f"/t/{slug}/{page}")
        # In Contoso an Azure role of theirs stays: requests about that subscription, and no others.
        assert agent.status == (200 if (slug, page) == ("contoso", "service-requests") else 403), page
        agent.doesnt_see("Half done")
    admin.open(f"/t/{slug}/service-requests")
    admin.doesnt_see("Half done")

    mail = mailbox.wait("admin-agent@fabrikam.example", after=before)
    assert "We look after our users ourselves now." in mail.text
    partner = somebody("admin-agent@fabrikam.example", script=script)
    partner.open(f"/p/fabrikam/customers?q={slug}")
    partner.row("Reseller").get_by_role("link").first.click()
    partner.sees("We hold no delegated admin privileges here.")


@pytest.mark.parametrize("persona", ["billing-admin", "delegation-admin"])
def test_others_read_why_they_cannot_and_who_can(somebody, persona) -> None:
    """On Northwind's side of the demo nobody holds DAP, so Contoso's other partner would do; Wingtip is granted it."""
    reader = somebody(f"{persona}@contoso.example")
    reader.open("/t/contoso/partner-relationships")
    reader.row("Fabrikam Cloud").get_by_role("link").first.click()
    reader.sees("What they can do here")
    assert not reader.offered("Remove delegated admin")
