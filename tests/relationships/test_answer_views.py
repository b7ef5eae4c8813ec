"""The invited customer's pages: link, question, *you need permission*, closed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.models import OutboxMessage, Pair, PartnerProfile, Tenant, User
from relationships import services, texts
from relationships.models import Invitation, InvitationAnswer
from tests import factories
from tests.cast import Cast
from tests.relationships.asking import accept, decline, draft, link_path, open_link, opened, signed_in, with_link


def answer_url(invitation: Invitation, name: str = "answer-invitation") -> str:
    return reverse(name, args=[invitation.pk])


def digest_on(client: Client, invitation: Invitation) -> str:
    text = client.get(answer_url(invitation)).content.decode()
    return re.search(r'name="digest" value="([0-9a-f]{64})"', text)[1]


def say_yes(client: Client, invitation: Invitation, **changed: str) -> object:
    given = {"yes": "on", "digest": digest_on(client, invitation)} | changed
    return client.post(answer_url(invitation, "accept-invitation"), given)


# ── the link ──


def test_the_link_is_swapped_for_a_clean_address_and_changes_nothing(cast: Cast) -> None:
    invitation = opened(cast)
    before = Invitation.objects.values().get()
    client = Client()
    for _scan in range(3):
        answer = client.get(link_path(invitation))
        assert (answer.status_code, answer["Location"]) == (302, answer_url(invitation))
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]
    answer = client.get(answer_url(invitation))
    assert answer["Location"] == f"{reverse('sign-in')}?next={answer_url(invitation)}"
    assert Invitation.objects.values().get() == before
    assert client.post(link_path(invitation)).status_code == 405


def test_signing_in_comes_back_to_the_question(cast: Cast) -> None:
    invitation = opened(cast)
    client = Client()
    client.get(link_path(invitation))
    User.objects.update(language="en")
    client.force_login(cast["global-admin"])
    assert "Accept" in client.get(answer_url(invitation)).content.decode()


def test_the_sign_in_page_offers_to_create_the_organisation(cast: Cast) -> None:
    invitation = opened(cast)
    client = Client()
    client.get(link_path(invitation))
    text = client.get(answer_url(invitation), follow=True).content.decode()
    assert f"{reverse('new-organisation')}?next={answer_url(invitation)}" in text


@pytest.mark.parametrize("token", ["x", "0" * 32 + "-1.abc", "....", "%F0%9F%92%A9", "a" * 3000])
def test_a_link_that_was_never_made_is_a_clear_page(cast: Cast, token: str) -> None:
    answer = Client().get(f"/i/{token}")
    assert answer.status_code == 404
    assert "This link doesn&#x27;t work" in answer.content.decode()


def test_without_the_link_the_clean_address_tells_nothing(cast: Cast) -> None:
    invitation = opened(cast)
    client = signed_in(cast["stranger-customer"])
    known = client.get(answer_url(invitation))
    unknown = client.get(reverse("answer-invitation", args=["00000000-0000-4000-8000-000000000000"]))
    assert (known.status_code, unknown.status_code) == (404, 404)
    for name in ("accept-invitation", "decline-invitation", "forward-invitation"):
        assert client.post(answer_url(invitation, name), {"yes": "on", "digest": "x"}).status_code == 404
    assert "Fabrikam" not in known.content.decode()


def test_links_tried_are_limited_but_good_ones_are_not(cast: Cast, settings: object) -> None:
    settings.MANDATE_LINK_TRIES_PER_HOUR = 3
    invitation = opened(cast)
    for _again in range(5):
        assert Client().get(link_path(invitation)).status_code == 302
    codes = [Client().get("/i/wrong").status_code for _again in range(5)]
    assert codes == [404, 404, 404, 429, 429]


def test_a_replaced_link_is_dead_also_where_it_was_open_already(cast: Cast) -> None:
    invitation = opened(cast)
    old, client = link_path(invitation), with_link(cast["stranger-customer"], invitation)
    digest = digest_on(client, invitation)
    services.replace_link(invitation=invitation, actor=cast["admin-agent"])
    assert "has been replaced" in Client().get(old).content.decode()
    assert client.get(answer_url(invitation)).status_code == 410
    assert say_yes_blindly(client, invitation, digest).status_code == 410
    assert not Pair.objects.exists()


def say_yes_blindly(client: Client, invitation: Invitation, digest: str = "0" * 64) -> object:
    return client.post(answer_url(invitation, "accept-invitation"), {"yes": "on", "digest": digest})


@pytest.mark.parametrize(
    ("state", "words", "status"),
    [
        ("draft", "Not open yet", 409),
        ("expired", "has expired", 410),
        ("cancelled", "was cancelled", 410),
        ("declined", "was declined", 410),
        ("accepted", "used up", 410),
        ("partner", "can&#x27;t be accepted now", 409),
    ],
)
def test_what_can_not_be_answered_is_a_clear_page(cast: Cast, state: str, words: str, status: int) -> None:
    invitation = draft(cast, days=1) if state == "draft" else opened(cast, days=1)
    moment = clock.now() + timedelta(days=1 if state == "expired" else 0)
    if state == "cancelled":
        services.cancel_invitation(invitation=invitation, actor=cast["admin-agent"])
    elif state == "declined":
        decline(invitation, cast["global-admin"])
    elif state == "accepted":
        accept(invitation, cast["global-admin"])
    elif state == "partner":
        PartnerProfile.objects.filter(tenant=cast.fabrikam).update(approved_at=None)
    with clock.fixed(moment):
        answer = Client().get(link_path(invitation))
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert "Fabrikam" not in answer.content.decode()
        client = signed_in(cast["stranger-customer"])
        answer = client.get(link_path(invitation), follow=True)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert say_yes_blindly(client, invitation).status_code == status


# ── the question ──


def test_the_page_says_who_asks_for_what(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    text = with_link(cast["global-admin"], invitation).get(answer_url(invitation)).content.decode()
    profile = PartnerProfile.objects.get(tenant=cast.fabrikam)
    for words in (
        "Fabrikam Cloud",
        profile.partner_number,
        "Germany",
        "Global Administrator",
        "Helpdesk Administrator",
        "AdminAgents",
        "HelpdeskAgents",
    ):
        assert words in text


@pytest.mark.parametrize("with_dap", [True, False])
def test_yes_names_what_is_agreed_to(cast: Cast, with_dap: bool) -> None:
    invitation = opened(cast, with_dap=with_dap)
    text = with_link(cast["global-admin"], invitation).get(answer_url(invitation)).content.decode()
    label = re.sub(r"<[^>]+>", "", re.search(r'<label class="choice".*?</label>', text, re.DOTALL)[0]).strip()
    agreed = "Yes, I accept this relationship with Fabrikam Cloud for Contoso GmbH"
    granted = "Global Administrator (AdminAgents), Helpdesk Administrator (HelpdeskAgents)"
    assert label == (f"{agreed} and grant Fabrikam Cloud delegated admin: {granted}." if with_dap else f"{agreed}.")


def test_it_warns_of_other_partners_with_the_same_rights(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    client = with_link(cast["global-admin"], invitation)
    assert "Litware Advisors" not in client.get(answer_url(invitation)).content.decode()
    factories.dap(factories.pair(cast.litware, cast.contoso), cast["global-admin"])
    assert "Litware Advisors" in client.get(answer_url(invitation)).content.decode()


def test_yes_and_accept_lead_to_partner_relationships(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    answer = say_yes(with_link(cast["global-admin"], invitation), invitation)
    pair = Pair.objects.get()
    assert answer["Location"] == reverse("partner-relationship", args=[cast.contoso.slug, pair.pk])
    assert pair.is_in_force


def test_accept_without_yes_asks_again(cast: Cast) -> None:
    invitation = opened(cast)
    client = with_link(cast["global-admin"], invitation)
    answer = client.post(answer_url(invitation, "accept-invitation"), {"digest": digest_on(client, invitation)})
    assert answer.status_code == 400
    assert not Pair.objects.exists()


@pytest.mark.parametrize("digest", ["", "x" * 64, "x" * 100, "\x00"])
def test_a_digest_of_something_else_shows_the_page_again(cast: Cast, digest: str) -> None:
    invitation = opened(cast)
    answer = say_yes_blindly(with_link(cast["global-admin"], invitation), invitation, digest)
    assert answer.status_code in (400, 409)
    assert 'role="alert"' in answer.content.decode()
    assert not Pair.objects.exists()


def test_a_changed_offer_is_shown_again_with_a_note(cast: Cast) -> None:
    invitation = opened(cast)
    client = with_link(cast["global-admin"], invitation)
    digest = digest_on(client, invitation)
    Tenant.objects.filter(pk=cast.fabrikam.pk).update(country="AT")
    answer = say_yes_blindly(client, invitation, digest)
    assert answer.status_code == 409
    fresh = re.search(r'name="digest" value="([0-9a-f]{64})"', answer.content.decode())[1]
    assert fresh != digest
    assert "checked" not in answer.content.decode()
    assert say_yes_blindly(client, invitation, fresh).status_code == 302


def test_already_in_place_says_so(cast: Cast) -> None:
    accept(opened(cast), cast["global-admin"])
    invitation = opened(cast)
    answer = client_follow(with_link(cast["global-admin"], invitation), invitation)
    assert "Fabrikam Cloud" in answer
    invitation.refresh_from_db()
    assert (invitation.state, invitation.uses) == ("open", 0)


def client_follow(client: Client, invitation: Invitation) -> str:
    answer = say_yes(client, invitation)
    return client.get(answer["Location"]).content.decode()


def test_the_second_of_two_gets_a_clear_page(cast: Cast) -> None:
    invitation = opened(cast)
    first, second = (with_link(cast[who], invitation) for who in ("global-admin", "billing-admin"))
    digest = digest_on(second, invitation)
    say_yes(first, invitation)
    answer = say_yes_blindly(second, invitation, digest)
    assert answer.status_code == 409
    pair = Pair.objects.get()
    assert reverse("partner-relationship", args=[cast.contoso.slug, pair.pk]) in answer.content.decode()
    assert InvitationAnswer.objects.count() == 1


def test_decline_is_final(cast: Cast) -> None:
    invitation = opened(cast)
    client = with_link(cast["global-admin"], invitation)
    digest = digest_on(client, invitation)
    assert client.post(answer_url(invitation, "decline-invitation")).status_code == 302
    assert say_yes_blindly(with_link(cast["global-admin"], invitation), invitation, digest).status_code == 409
    invitation.refresh_from_db()
    assert invitation.state == "declined"
    assert not Pair.objects.exists()


def test_own_request_operator_and_other_domains_get_clear_pages(cast: Cast) -> None:
    limited = opened(cast, limited_to_domain="contoso.example")
    operator = User.objects.create(
        sign_in_name="operator@portal.example",
        display_name="Operator",
        contact_address="operator@portal.example",
        created_at=clock.now(),
        activated_at=clock.now(),
    )
    for person in (cast["partner-admin"], cast["stranger-customer"], operator):
        client = with_link(person, limited)
        assert client.get(answer_url(limited)).status_code == 409
        assert say_yes_blindly(client, limited).status_code == 409
    assert "Accept" in with_link(cast["global-admin"], limited).get(answer_url(limited)).content.decode()


# ── you need permission ──


@pytest.mark.parametrize(("who", "with_dap"), [("user", False), ("user-admin", False), ("billing-admin", True)])
def test_without_the_role_one_sees_who_can(cast: Cast, who: str, with_dap: bool) -> None:
    invitation = opened(cast, with_dap=with_dap)
    client = with_link(cast[who], invitation)
    answer = client.get(answer_url(invitation))
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "global-admin@contoso.example" in text
    assert (f'<option value="{cast["billing-admin"].pk}"' in text) is (not with_dap)
    assert 'name="digest"' not in text
    assert say_yes_blindly(client, invitation).status_code == 403
    assert client.post(answer_url(invitation, "decline-invitation")).status_code == 403
    assert not InvitationAnswer.objects.exists()


def test_forward_to_an_approver(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    client = with_link(cast["user"], invitation)
    answer = client.post(answer_url(invitation, "forward-invitation"), {"to": cast["global-admin"].pk})
    assert answer["Location"] == answer_url(invitation)
    assert OutboxMessage.objects.get(kind="invitation_forwarded").to_user == cast["global-admin"]
    for wrong in (cast["billing-admin"].pk, cast["admin-agent"].pk, "x", ""):
        assert client.post(answer_url(invitation, "forward-invitation"), {"to": wrong}).status_code == 403
    assert OutboxMessage.objects.filter(kind="invitation_forwarded").count() == 1
    approver = Client()
    approver.get(link_path(invitation))
    approver.force_login(cast["global-admin"])
    assert say_yes(approver, invitation).status_code == 302


def test_an_open_link_serves_several_customers(cast: Cast) -> None:
    invitation = open_link(cast)
    for who in ("global-admin", "stranger-customer"):
        assert say_yes(with_link(cast[who], invitation), invitation).status_code == 302
    assert Pair.objects.count() == 2
    assert Client().get(link_path(invitation)).status_code == 410
    invitation.refresh_from_db()
    assert texts.personal_link(invitation)
    assert invitation.state == "accepted"
