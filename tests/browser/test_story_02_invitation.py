"""Story 2 (and 3): a partner asks for a relationship, in three ways; the message arrives in its language."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.steps import personal_link, request, send


def test_sales_agent_lets_the_portal_send_it(somebody, mailbox, script) -> None:
    agent = somebody("sales-agent@fabrikam.example", script=script)
    address = f"it-{script}@coho-vineyard.example".lower()
    before = mailbox.newest()
    request(agent, customer="Coho Vineyard", address=address, with_dap=True, language="Deutsch", days=14)
    link = personal_link(agent)
    body = agent.page.get_by_label("Message").first.input_value()
    assert body.count(link) == 1
    agent.fill("Subject", "Partnerschaft mit Fabrikam")
    agent.press("Next")
    agent.sees("It is still a draft")

    stranger = somebody(script=script)
    stranger.open(link)
    stranger.is_at("Not open yet")

    agent.press("Send for me")
    agent.sees(f"The portal sends it to {address}.")
    agent.press("Done")
    agent.sees("Open", "With delegated admin", address)

    mail = mailbox.wait(address, after=before)
    assert mail.subject == "Partnerschaft mit Fabrikam"
    assert mail.links.count(link) == 1
    html = mailbox.html(mail.number)
    assert 'lang="de"' in html
    assert link in html
    assert "Fabrikam Cloud (sales-agent@fabrikam.example)" in html

    agent.open("/p/fabrikam/invitations?q=coho")
    row = agent.row(address).inner_text()
    assert "Open" in row
    assert "Sent" in row


def test_admin_agent_copies_an_open_link(somebody, script) -> None:
    agent = somebody("admin-agent@fabrikam.example", script=script, permissions=["clipboard-read", "clipboard-write"])
    request(agent, most=5, language="繁體中文")
    link = personal_link(agent)
    agent.press("Next")
    text = agent.page.get_by_label("Message").first
    assert link in text.input_value()
    assert not agent.offered("Send for me")
    if script:
        agent.press("Copy to clipboard")
        assert link in agent.page.evaluate("navigator.clipboard.readText()")
    else:
        assert not agent.main.get_by_role("button", name="Copy to clipboard").is_visible()
        assert text.get_attribute("readonly") is not None, "it can be selected instead"
    agent.press("Done")
    agent.sees("The invitation is open. Its text and options are frozen now.", "Open link, used 0 of 5 times")


def test_admin_agent_opens_it_in_the_mail_app(somebody) -> None:
    agent = somebody("admin-agent@fabrikam.example")
    request(agent, customer="Trey Research", address="purchasing@trey.example")
    link = personal_link(agent)
    agent.press("Next")
    address = urlsplit(agent.page.get_by_role("link", name="Open in mail app").get_attribute("href"))
    assert address.scheme == "mailto"
    assert address.path == "purchasing@trey.example"
    assert link in parse_qs(address.query)["body"][0]
    agent.follow("Message")
    agent.fill("Message", f"{link}\n" + "We would like to work for you. " * 60)
    agent.press("Next")
    assert not agent.offered("Open in mail app")
    agent.sees("The text is too long for this. Copy it instead.")
    agent.press("Done")
    agent.sees("The invitation is open.")


def test_draft_without_its_link_or_with_another_one_is_refused(somebody) -> None:
    agent = somebody("sales-agent@fabrikam.example")
    request(agent, customer="Margie's Travel", address="one@margies.example")
    other = personal_link(agent)
    request(agent, customer="Margie's Travel", address="two@margies.example")
    agent.fill("Message", "Please accept our request.")
    agent.press("Next")
    agent.sees("The personal link is missing. It must stay in the message, exactly once.")
    agent.fill("Message", f"Please accept our request: {other}")
    agent.press("Next")
    agent.sees("This text holds the personal link of another request.")
    agent.fill("Message", f"Look here: https://phishing.example/ {personal_link(agent)}")
    agent.press("Next")
    agent.sees("phishing.example")


def test_resend_replace_link_and_cancel(somebody, mailbox, script) -> None:
    agent = somebody("sales-agent@fabrikam.example", script=script)
    address = f"office-{script}@proseware-retail.example".lower()
    link = send(agent, mailbox, customer="Proseware Retail", address=address)
    end = agent.page.locator("dd time").first.get_attribute("datetime")
    before = mailbox.newest()
    agent.press("Resend")
    agent.sees(f"The message to {address} is on its way.")
    assert mailbox.wait(address, after=before).link("/i/") == link
    assert agent.page.locator("dd time").first.get_attribute("datetime") == end, "resending moves no end"

    agent.press("Replace link")
    agent.sees("The link is replaced.")
    new = personal_link(agent)
    assert new != link
    customer = somebody(script=script)
    customer.open(link)
    customer.is_at("This link has been replaced")
    customer.open(new)
    customer.is_at("Sign in")

    agent.press("Cancel")
    agent.is_at("Cancel this invitation?")
    agent.press("Cancel the invitation")
    agent.sees("The invitation is cancelled. Its link no longer works.", "Cancelled")
    customer.open(new)
    customer.is_at("This request was cancelled")


def test_invitation_limited_to_a_domain(somebody, mailbox) -> None:
    agent = somebody("admin-agent@wingtip.example")
    before = mailbox.newest()
    request(agent, partner="wingtip", customer="Contoso GmbH", address="global-admin@contoso.example")
    agent.open(agent.path.replace("/message", "/options"))
    agent.tick("Only for the organisation that has verified the domain of this address")
    agent.press("Next")
    agent.press("Next")
    agent.press("Send for me")
    link = mailbox.wait("global-admin@contoso.example", after=before).link("/i/")
    other = somebody("global-admin@northwind.example")
    other.open(link)
    other.is_at("This request is for another organisation")


def test_request_may_be_refused_by_a_limit(somebody) -> None:
    agent = somebody("sales-agent@fabrikam.example")
    agent.open("/p/fabrikam/invitations/new")
    agent.press("Next")
    agent.sees("Needed for one named customer.")
    agent.fill("Days until it expires", "91")
    agent.press("Next")
    assert "/new" in agent.path


@pytest.mark.parametrize("page", ["/p/fabrikam/invitations/new", "/p/fabrikam/invitations"])
def test_helpdesk_agent_asks_for_nothing(somebody, page) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    agent.open("/p/fabrikam/customers")
    assert not agent.offered("Request a reseller relationship")
    agent.open(page)
    assert agent.status == 403
