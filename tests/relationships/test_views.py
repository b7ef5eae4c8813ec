"""The partner's pages of invitations."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.models import OutboxMessage
from relationships import services, texts
from relationships.models import Invitation
from tests import factories
from tests.cast import Cast
from tests.relationships.asking import ADDRESS, accept, draft, open_link, opened, signed_in

OPTIONS: dict[str, Any] = {
    "partner_type": "reseller",
    "with_dap": "no",
    "audience": "named",
    "customer_name": "Contoso GmbH",
    "customer_address": ADDRESS,
    "language": "en",
    "days": "30",
}


def url(name: str, invitation: Invitation) -> str:
    return reverse(name, args=[invitation.partner.slug, invitation.pk])


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.content.decode()
    return answer.content.decode()


@pytest.fixture
def agent(cast: Cast) -> Client:
    return signed_in(cast["admin-agent"])


def new_url(cast: Cast) -> str:
    return reverse("invitation-new", args=[cast.fabrikam.slug])


# ── the wizard ──


def test_options_message_deliver_done(cast: Cast, agent: Client) -> None:
    assert "Request a reseller relationship" in page(agent, new_url(cast))
    answer = agent.post(new_url(cast), OPTIONS)
    invitation = Invitation.objects.get()
    assert answer["Location"] == url("invitation-message", invitation)
    text = page(agent, answer["Location"])
    assert texts.personal_link(invitation) in text
    assert Invitation.PLACEHOLDER not in text
    body = f"Hello, look here:\r\n{texts.personal_link(invitation)}"
    answer = agent.post(answer["Location"], {"subject": "Ours", "body": body})
    assert answer["Location"] == url("invitation-deliver", invitation)
    text = page(agent, answer["Location"])
    for button in ("Open in mail app", "Copy to clipboard", "Send for me", "Done"):
        assert button in text
    assert 'href="mailto:global-admin@contoso.example?subject=Ours' in text
    answer = agent.post(url("invitation-open", invitation))
    assert answer["Location"] == url("invitation", invitation)
    invitation.refresh_from_db()
    assert (invitation.state, invitation.subject) == ("open", "Ours")
    assert not OutboxMessage.objects.exists()
    text = page(agent, answer["Location"])
    for button in ("Resend", "Replace link", "Cancel"):
        assert button in text


def test_send_for_me_stays_until_done(cast: Cast, agent: Client) -> None:
    invitation = draft(cast)
    answer = agent.post(url("invitation-send", invitation))
    assert answer["Location"] == url("invitation-deliver", invitation)
    text = page(agent, answer["Location"])
    assert "Done" in text
    assert "Send for me" not in text
    assert OutboxMessage.objects.get().to_address == ADDRESS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "91"}, "less than or equal to 90"),
        ({"days": "x"}, "whole number"),
        ({"customer_name": ""}, "Needed for one named customer"),
        ({"customer_name": "a\x00b"}, "Null characters"),
        ({"customer_name": "x" * 201}, "at most 200"),
        ({"customer_address": ""}, "Needed for one named customer"),
        ({"customer_address": "a@b.example\r\nBcc: c@d.example"}, "valid email"),
        ({"audience": "open"}, "how many customers"),
        ({"audience": "nobody"}, "Select a valid choice"),
        ({"partner_type": "lob"}, "Select a valid choice"),
        ({"language": "xx"}, "Select a valid choice"),
    ],
)
def test_bad_options_are_answered_at_their_field(cast: Cast, changed: dict[str, str], message: str) -> None:
    answer = signed_in(cast["admin-agent"]).post(new_url(cast), OPTIONS | changed)
    assert answer.status_code == 400
    assert message in answer.content.decode()
    assert not Invitation.objects.exists()


def test_an_open_link_and_a_limited_invitation(cast: Cast, agent: Client) -> None:
    agent.post(new_url(cast), OPTIONS | {"audience": "open", "max_uses": "5", "with_dap": "yes"})
    row = Invitation.objects.get()
    assert (row.is_open_link, row.max_uses, row.with_dap, row.customer_address) == (True, 5, True, "")
    agent.post(new_url(cast), OPTIONS | {"is_limited": "on"})
    assert Invitation.objects.get(is_open_link=False).limited_to_domain == "contoso.example"


def test_going_back_keeps_the_options(cast: Cast, agent: Client) -> None:
    invitation = draft(cast, days=12, with_dap=True)
    text = page(agent, url("invitation-options", invitation))
    assert 'value="12"' in text
    answer = agent.post(url("invitation-options", invitation), OPTIONS | {"days": "13"})
    assert answer["Location"] == url("invitation-message", invitation)
    invitation.refresh_from_db()
    assert (invitation.days, invitation.with_dap) == (13, False)


def test_a_refused_text_says_why_and_keeps_what_was_typed(cast: Cast, agent: Client) -> None:
    invitation = draft(cast)
    for body, message in (
        ("Without", "personal link is missing"),
        (texts.personal_link(draft(cast)), "another request"),
        (f"{texts.personal_link(invitation)} www.evil.example", "www.evil.example"),
    ):
        answer = agent.post(url("invitation-message", invitation), {"subject": "Mine", "body": body})
        assert answer.status_code == 400
        assert message in answer.content.decode()
        assert 'value="Mine"' in answer.content.decode()
    invitation.refresh_from_db()
    assert invitation.subject != "Mine"


def test_an_open_one_is_not_edited_any_more(cast: Cast, agent: Client) -> None:
    invitation = opened(cast)
    for name in ("invitation-options", "invitation-message"):
        assert agent.get(url(name, invitation))["Location"] == url("invitation", invitation)
        assert agent.post(url(name, invitation), {"subject": "x", "body": "y"}).status_code == 302
    invitation.refresh_from_db()
    assert invitation.subject != "x"


def test_a_long_text_is_copied_only(cast: Cast, agent: Client) -> None:
    invitation = draft(cast)
    body = f"{texts.personal_link(invitation)} {'long ' * 400}"
    services.edit_draft(invitation=invitation, actor=cast["admin-agent"], body=body)
    text = page(agent, url("invitation-deliver", invitation))
    assert "mailto:" not in text
    assert "too long" in text


def test_a_request_for_dap_starts_from_a_customer(cast: Cast, agent: Client) -> None:
    pair = accept(opened(cast), cast["global-admin"]).pair
    text = page(agent, f"{new_url(cast)}?pair={pair.pk}")
    assert 'value="Contoso GmbH"' in text
    other = factories.pair(cast.litware, cast.woodgrove)
    for wrong in (other.pk, "x", ""):
        assert "Woodgrove" not in page(agent, f"{new_url(cast)}?pair={wrong}")


# ── the list and one invitation ──


def test_the_list_shows_state_and_delivery(cast: Cast, agent: Client) -> None:
    services.send_invitation(invitation=draft(cast, customer_name="Sent one"), actor=cast["admin-agent"])
    OutboxMessage.objects.update(state="bounced", last_error="no such mailbox")
    draft(cast, customer_name="Drafted one")
    text = page(agent, reverse("invitations", args=[cast.fabrikam.slug]))
    for words in ("Sent one", "Bounced", "no such mailbox", "Drafted one", "Not sent by the portal", "Draft"):
        assert words in text


def test_the_list_filters_by_the_state_that_counts_now(cast: Cast, agent: Client) -> None:
    now = clock.now()
    with clock.fixed(now - timedelta(days=2)):
        opened(cast, customer_name="Overdue one", days=1)
    opened(cast, customer_name="Waiting one", with_dap=True)
    address = reverse("invitations", args=[cast.fabrikam.slug])
    expired, waiting = page(agent, f"{address}?state=expired"), page(agent, f"{address}?state=open")
    assert ("Overdue one" in expired, "Waiting one" in expired) == (True, False)
    assert ("Overdue one" in waiting, "Waiting one" in waiting) == (False, True)
    found = page(agent, f"{address}?q=wait")
    assert ("Overdue one" in found, "Waiting one" in found) == (False, True)
    with_dap = page(agent, f"{address}?dap=yes")
    assert ("Overdue one" in with_dap, "Waiting one" in with_dap) == (False, True)


@pytest.mark.parametrize("sort", ["customer", "-customer", "created_at", "-created_at", "expires_at", "-expires_at"])
def test_the_list_sorts(cast: Cast, sort: str) -> None:
    for number, name in enumerate(("Beta", "alpha", "Gamma")):
        opened(cast, customer_name=name, days=number + 1)
    text = page(signed_in(cast["admin-agent"]), f"{reverse('invitations', args=[cast.fabrikam.slug])}?sort={sort}")
    names = ["alpha", "Beta", "Gamma"] if "customer" in sort else ["Beta", "alpha", "Gamma"]
    found = [text.index(f">{name}<") for name in names]
    assert found == sorted(found, reverse=sort.startswith("-"))


def test_the_list_costs_the_same_for_many(cast: Cast, agent: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        draft(cast, customer_name=f"Customer {number}")
    with django_assert_max_num_queries(12):
        page(agent, reverse("invitations", args=[cast.fabrikam.slug]))


def test_the_list_as_csv(cast: Cast, agent: Client) -> None:
    opened(cast, customer_name="=cmd()")
    answer = agent.get(reverse("invitations-export", args=[cast.fabrikam.slug]))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("Customer,E-mail,State,Delivery")
    assert lines[1].startswith("'=cmd(),global-admin@contoso.example,Open,Not sent by the portal")


def test_one_invitation_shows_what_happened(cast: Cast, agent: Client) -> None:
    invitation = services.send_invitation(invitation=draft(cast), actor=cast["admin-agent"])
    services.replace_link(invitation=invitation, actor=cast["admin-agent"])
    accept(invitation, cast["global-admin"])
    text = page(agent, url("invitation", invitation))
    for words in ("Draft made", "Message queued", "Link replaced", "global-admin@contoso.example", "Contoso GmbH"):
        assert words in text
    invitation.refresh_from_db()
    assert texts.personal_link(invitation) not in text  # it has ended: nothing to copy any more
    assert "Resend" not in text


def test_cancel_asks_first(cast: Cast, agent: Client) -> None:
    invitation = opened(cast)
    assert "stops working at once" in page(agent, url("invitation-cancel", invitation))
    invitation.refresh_from_db()
    assert invitation.state == "open"
    agent.post(url("invitation-cancel", invitation))
    invitation.refresh_from_db()
    assert invitation.state == "cancelled"


# ── who may ──


@pytest.mark.parametrize("who", ["helpdesk-agent", "partner-user"])
def test_insiders_without_the_right_get_403(cast: Cast, who: str) -> None:
    invitation = opened(cast)
    client = signed_in(cast[who])
    for name in ("invitation", "invitation-deliver", "invitation-options", "invitation-cancel"):
        page(client, url(name, invitation), 403)
    page(client, reverse("invitations", args=[cast.fabrikam.slug]), 403)
    page(client, reverse("invitations-export", args=[cast.fabrikam.slug]), 403)
    page(client, new_url(cast), 403)
    for name in ("invitation-open", "invitation-send", "invitation-resend", "invitation-replace-link"):
        assert client.post(url(name, invitation)).status_code == 403


@pytest.mark.parametrize("who", ["stranger-partner", "stranger-customer", "global-admin"])
def test_strangers_get_404(cast: Cast, who: str) -> None:
    invitation = opened(cast)
    client = signed_in(cast[who])
    for name in ("invitation", "invitation-deliver", "invitation-message", "invitation-cancel"):
        page(client, url(name, invitation), 404)
        own = cast[who].tenant.slug
        page(client, reverse(name, args=[own, invitation.pk]), 404)
    for name in ("invitation-open", "invitation-send", "invitation-resend", "invitation-replace-link"):
        assert client.post(url(name, invitation)).status_code == 404
    assert Invitation.objects.get().link_version == 1


def test_the_partners_global_administrator_cancels_but_sends_nothing(cast: Cast) -> None:
    invitation = draft(cast)
    client = signed_in(cast["partner-admin"])
    text = page(client, url("invitation", invitation))
    assert "Continue" not in text
    assert client.post(url("invitation-send", invitation)).status_code == 403
    assert client.post(url("invitation-cancel", invitation)).status_code == 302


def test_get_changes_nothing(cast: Cast, agent: Client) -> None:
    invitation = draft(cast)
    before = Invitation.objects.values().get()
    for name in ("invitation-open", "invitation-send", "invitation-resend", "invitation-replace-link"):
        assert agent.get(url(name, invitation)).status_code == 405
    page(agent, url("invitation-cancel", invitation))
    assert Invitation.objects.values().get() == before


# ── the customer's inbox ──


def test_the_inbox_holds_what_is_addressed_to_the_verified_domains(cast: Cast) -> None:
    opened(cast, customer_name="For us")
    draft(cast)
    open_link(cast)
    opened(cast, customer_address="it@woodgrove.example")
    address = reverse("requests", args=[cast.contoso.slug])
    text = page(signed_in(cast["global-admin"]), address)
    assert text.count("Fabrikam Cloud</strong>") == 1
    assert "global-admin@contoso.example" in text
    assert "Fabrikam Cloud</strong>" in page(signed_in(cast["global-admin"]), f"{address}?q=fabri")
    assert "Fabrikam Cloud</strong>" not in page(signed_in(cast["global-admin"]), f"{address}?q=litware")
    page(signed_in(cast["user"]), address, 403)
    page(signed_in(cast["stranger-customer"]), address, 404)
    found = signed_in(cast["billing-admin"]).get(reverse("requests-export", args=[cast.contoso.slug]) + "?q=fabri")
    head, line = csv.reader(b"".join(found.streaming_content).decode().splitlines())
    assert head == ["Partner", "Sent to", "Delegated admin", "State", "Asked", "Expires"]
    assert (line[0], line[1], line[3]) == ("Fabrikam Cloud", "global-admin@contoso.example", "Open")


def test_from_the_inbox_a_request_is_answered_without_its_link(cast: Cast) -> None:
    invitation = opened(cast)
    client = signed_in(cast["global-admin"])
    assert "Accept" in page(client, reverse("answer-invitation", args=[invitation.pk]))
    page(signed_in(cast["user"]), reverse("answer-invitation", args=[invitation.pk]), 404)
    page(signed_in(cast["stranger-customer"]), reverse("answer-invitation", args=[invitation.pk]), 404)


def test_in_the_inbox_a_partner_on_behalf_sees_its_own_requests_only(dap_cast: Cast) -> None:
    opened(dap_cast)
    other = services.create_invitation(
        partner=dap_cast.litware, actor=dap_cast["stranger-partner"], customer_name="C", customer_address=ADDRESS
    )
    services.open_invitation(invitation=other, actor=dap_cast["stranger-partner"])
    text = page(signed_in(dap_cast["admin-agent"]), reverse("requests", args=[dap_cast.contoso.slug]))
    assert "Fabrikam Cloud</strong>" in text
    assert "Litware" not in text
