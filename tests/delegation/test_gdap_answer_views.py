"""The customer's pages of a GDAP request: link, *Approve partner roles*, its answers, *you need permission*."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delegation import gdap_texts, services
from delegation.models import GdapCounterOffer, GdapRelationship
from portal import access, clock, links
from portal.catalogue import Capability as Can
from portal.models import OutboxMessage, Pair, RoleAssignment, User
from portal.services import people
from portal.writes import write
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import (
    GLOBAL,
    HELPDESK,
    READER,
    USERS,
    active,
    approve,
    assign,
    custom,
    draft,
    ids,
    offered,
    pending,
    roles,
)
from tests.relationships.asking import signed_in

Status = GdapRelationship.Status


def link_path(row: GdapRelationship) -> str:
    return f"/g/{links.token(gdap_texts.PURPOSE, row.pk, row.link_version)}"


def url(row: GdapRelationship, name: str = "answer-gdap") -> str:
    return reverse(name, args=[row.pk])


def with_link(user: User, row: GdapRelationship) -> Client:
    client = signed_in(user)
    assert client.get(link_path(row)).status_code == 302
    return client


def page(client: Client, row: GdapRelationship, name: str = "answer-gdap") -> str:
    return client.get(url(row, name)).content.decode()


def say_yes(client: Client, row: GdapRelationship, **changed: str) -> Any:
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page(client, row))[1]
    return client.post(url(row, "approve-gdap"), {"yes": "on", "digest": digest} | changed)


def status(row: GdapRelationship) -> str:
    return GdapRelationship.objects.get(pk=row.pk).status


# ── the link ──


def test_the_link_is_swapped_for_a_clean_address_and_changes_nothing(cast: Cast) -> None:
    row = pending(cast)
    before = GdapRelationship.objects.values().get()
    client = Client()
    for _scan in range(3):
        answer = client.get(link_path(row))
        assert (answer.status_code, answer["Location"]) == (302, url(row))
        assert answer["Referrer-Policy"] == "no-referrer"
    assert client.get(url(row))["Location"] == f"{reverse('sign-in')}?next={url(row)}"
    assert GdapRelationship.objects.values().get() == before
    assert client.post(link_path(row)).status_code == 405


def test_an_invitations_link_is_none_of_a_request(cast: Cast) -> None:
    row = pending(cast)
    assert Client().get(f"/g/{links.token('invitation', row.pk, row.link_version)}").status_code == 404


def test_a_drafts_link_is_not_open_yet(cast: Cast) -> None:
    row = draft(cast)
    answer = with_link(cast["global-admin"], row).get(url(row))
    assert (answer.status_code, "Not open yet" in answer.content.decode()) == (409, True)


def test_a_replaced_link_is_dead_also_where_it_was_open_already(cast: Cast) -> None:
    row = pending(cast)
    client, old = with_link(cast["global-admin"], row), link_path(row)
    GdapRelationship.objects.update(link_version=2)
    assert client.get(old).status_code == 410
    answer = client.post(url(row, "approve-gdap"), {"yes": "on", "digest": "x"})
    assert (answer.status_code, status(row)) == (410, Status.APPROVAL_PENDING)
    assert "This link has been replaced" in answer.content.decode()


def test_a_lapsed_request_is_gone_for_everybody_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    row = pending(cast)
    client = with_link(cast["global-admin"], row)
    later = clock.now() + timedelta(days=90)
    monkeypatch.setattr(clock, "now", lambda: later)
    client = signed_in(cast["global-admin"])
    client.get(link_path(row))
    answer = client.get(url(row))
    assert (answer.status_code, "Not answered in time" in answer.content.decode()) == (410, True)
    assert client.post(url(row, "approve-gdap"), {"yes": "on", "digest": "x"}).status_code == 410
    assert status(row) == Status.APPROVAL_PENDING


def test_without_the_link_only_the_inbox_opens_it(cast: Cast) -> None:
    somebodys, ours = pending(cast), pending(cast, limited_to_domain="contoso.example")
    client = signed_in(cast["global-admin"])
    assert client.get(url(somebodys)).status_code == 404
    assert client.get(url(ours)).status_code == 200
    stranger = signed_in(cast["stranger-customer"])
    for name in ("approve-gdap", "decline-gdap", "counter-offer-gdap", "forward-gdap", "withdraw-counter-offer-gdap"):
        assert stranger.post(url(ours, name)).status_code == 404


# ── what is shown ──


def test_the_page_says_who_asks_what_changes_and_until_when(cast: Cast) -> None:
    row = pending(cast, roles=roles(READER, USERS), duration_days=365)
    text = page(with_link(cast["global-admin"], row), row)
    assert "Fabrikam Cloud asks for admin roles" in text
    assert f"Partner ID {cast.fabrikam.partner_profile.partner_number}" in text
    assert "Creates and manages users and groups; resets limited admin passwords." in text
    assert "Their reason: “Support contract”" in text
    assert "Nobody yet: Fabrikam Cloud decides later which of its groups get them. It has 5 people." in text
    assert "Your own sign-in policy doesn't bind the partner's people" in text
    assert text.count(">new<") == 2
    assert "delegated admin (DAP)" not in text


def test_what_the_partner_holds_already_is_no_news_and_other_partners_are_named(cast: Cast) -> None:
    active(cast, roles=roles(READER))
    pair = factories.pair(cast.litware, cast.contoso)
    factories.dap(pair, cast["global-admin"])
    row = pending(cast, roles=roles(READER, HELPDESK))
    text = page(with_link(cast["global-admin"], row), row)
    assert (text.count(">new<"), text.count(">same<")) == (1, 1)
    assert "They hold it today already." in text
    assert "Litware Advisors: Global Administrator by DAP" in text


def test_planned_groups_say_how_many_people_get_each_role(cast: Cast) -> None:
    row = pending(cast, roles=roles(READER, HELPDESK))
    assign(cast, row, custom(cast.fabrikam, "Nights", cast["admin-agent"], cast["helpdesk-agent"]), READER, HELPDESK)
    assign(cast, row, custom(cast.fabrikam, "Days", cast["admin-agent"]), READER)
    text = page(with_link(cast["global-admin"], row), row)
    assert "2 people: Days, Nights" in text
    assert "2 people: Nights" in text
    assert "2 people at Fabrikam Cloud" in text


def test_an_amendment_shows_the_difference_only(cast: Cast) -> None:
    old = active(cast, roles=roles(READER, HELPDESK))
    assign(cast, old, custom(cast.fabrikam, "Nights", cast["admin-agent"]), READER)
    row = pending(cast, replaces=old, roles=roles(READER, USERS))
    text = page(signed_in(cast["global-admin"]), row)
    assert "Fabrikam Cloud asks to change its admin roles" in text
    assert "1 role stays as it is" in text
    found = re.findall(r">(new|gone|same)</span></span>\s*<div>\s*<strong>([^<]*)<", text)
    assert sorted(found) == [("gone", HELPDESK), ("new", USERS), ("same", "1 role stays as it is")]
    assert "1 person at Fabrikam Cloud" in text


# ── approve ──


def test_approving_puts_the_roles_in_force_and_leads_to_the_partner(cast: Cast) -> None:
    row = pending(cast, roles=roles(HELPDESK))
    assign(cast, row, custom(cast.fabrikam, "Nights", cast["partner-user"]), HELPDESK)
    answer = say_yes(with_link(cast["delegation-admin"], row), row)
    pair = Pair.objects.get()
    assert answer["Location"] == reverse("partner-relationship", args=[cast.contoso.slug, pair.pk])
    assert status(row) == Status.ACTIVE
    assert access.decide(cast["partner-user"], Can.USERS_RESET_PASSWORD, cast.contoso).allowed


def test_approving_needs_a_yes(cast: Cast) -> None:
    row = pending(cast)
    client = with_link(cast["global-admin"], row)
    answer = say_yes(client, row, yes="")
    assert (answer.status_code, status(row)) == (400, Status.APPROVAL_PENDING)
    assert "Tick Yes to approve." in answer.content.decode()


@pytest.mark.parametrize("change", ["plan", "other", "held", "dap"])
def test_what_changed_meanwhile_is_shown_again(cast: Cast, change: str) -> None:
    row = pending(cast)
    client = with_link(cast["global-admin"], row)
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page(client, row))[1]
    if change == "plan":
        assign(cast, row, custom(cast.fabrikam, "Nights", cast["admin-agent"]), READER)
    elif change == "other":
        factories.dap(factories.pair(cast.litware, cast.contoso), cast["global-admin"])
    elif change == "held":
        active(cast, roles=roles(READER))
    else:
        factories.dap(factories.pair(cast.fabrikam, cast.contoso), cast["global-admin"])
    answer = client.post(url(row, "approve-gdap"), {"yes": "on", "digest": digest})
    assert (answer.status_code, status(row)) == (409, Status.APPROVAL_PENDING)
    assert "The request has changed" in answer.content.decode()
    assert say_yes(client, row).status_code == 302
    assert status(row) == Status.ACTIVE


def test_dap_is_warned_of_and_removed_in_the_same_step(dap_cast: Cast) -> None:
    row = pending(dap_cast, roles=roles(READER), customer=dap_cast.contoso)
    client = signed_in(dap_cast["global-admin"])
    text = page(client, row)
    assert "They also have delegated admin (DAP)" in text
    assert "fall back to Global Administrator" in text
    assert say_yes(client, row, removes_dap="on").status_code == 302
    dap_cast.dap.refresh_from_db()
    assert (dap_cast.dap.ended_at is not None, status(row)) == (True, Status.ACTIVE)
    assert not access.decide(dap_cast["admin-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert not OutboxMessage.objects.filter(kind="gdap_fallback").exists()


def test_without_the_tick_dap_stays(dap_cast: Cast) -> None:
    row = pending(dap_cast, customer=dap_cast.contoso)
    assert say_yes(signed_in(dap_cast["global-admin"]), row).status_code == 302
    dap_cast.dap.refresh_from_db()
    assert dap_cast.dap.ended_at is None


def test_only_a_global_administrator_is_offered_to_remove_dap(dap_cast: Cast) -> None:
    row = pending(dap_cast, customer=dap_cast.contoso)
    client = signed_in(dap_cast["delegation-admin"])
    assert 'name="removes_dap"' not in page(client, row)
    answer = say_yes(client, row, removes_dap="on")
    assert (answer.status_code, status(row)) == (403, Status.APPROVAL_PENDING)
    dap_cast.dap.refresh_from_db()
    assert dap_cast.dap.ended_at is None


def test_a_second_approval_of_an_open_link_is_a_clear_page(cast: Cast) -> None:
    row = pending(cast)
    ours, theirs = with_link(cast["global-admin"], row), with_link(cast["stranger-customer"], row)
    assert say_yes(ours, row).status_code == 302
    answer = theirs.post(url(row, "approve-gdap"), {"yes": "on", "digest": "0" * 64})
    assert (answer.status_code, "Approved already" in answer.content.decode()) == (409, True)
    again = ours.get(link_path(row), follow=True)
    assert reverse("partner-relationship", args=[cast.contoso.slug, Pair.objects.get().pk]) in again.content.decode()


# ── who may not ──


def test_a_billing_administrator_needs_permission_and_forwards(cast: Cast) -> None:
    row = pending(cast)
    client = with_link(cast["billing-admin"], row)
    answer = client.get(url(row))
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "You need permission" in text
    assert "Customer Delegated Admin Relationship Administrator" in text
    assert cast["delegation-admin"].sign_in_name in text
    assert 'name="yes"' not in text
    for name, given in (("approve-gdap", {"yes": "on", "digest": "0" * 64}), ("decline-gdap", {})):
        assert client.post(url(row, name), given).status_code == 403
    given = {"roles": ids(READER), "duration_days": "5"}
    assert client.post(url(row, "counter-offer-gdap"), given).status_code == 403
    assert status(row) == Status.APPROVAL_PENDING
    for _again in range(2):
        answer = client.post(url(row, "forward-gdap"), {"to": cast["delegation-admin"].pk})
        assert answer["Location"] == url(row)
    message = OutboxMessage.objects.get(kind="gdap_forwarded")
    assert (message.to_user, message.context["link"][:2]) == (cast["delegation-admin"], ["g", "gdap"])
    assert "You have forwarded it to delegation-admin" in page(client, row)
    assert client.post(url(row, "forward-gdap"), {"to": cast["user"].pk}).status_code == 403
    assert OutboxMessage.objects.filter(kind="gdap_forwarded").count() == 1


def test_a_forwarded_link_dies_with_its_request(cast: Cast) -> None:
    row = pending(cast)
    assert gdap_texts.working_versions([row.pk]) == {row.pk: 1}
    services.withdraw_request(relationship=row, actor=cast["admin-agent"])
    assert gdap_texts.working_versions([row.pk]) == {row.pk: None}


def test_the_partner_cannot_answer_itself_nor_on_behalf(dap_cast: Cast) -> None:
    """The Admin agent acts as Global Administrator of Contoso by DAP."""
    row = pending(dap_cast)
    for who in ("admin-agent", "partner-admin"):
        client = with_link(dap_cast[who], row)
        for name in ("answer-gdap", "decline-gdap", "counter-offer-gdap"):
            answer = client.get(url(row, name))
            assert (answer.status_code, "This is your own request" in answer.content.decode()) == (409, True)
        assert client.post(url(row, "approve-gdap"), {"yes": "on", "digest": "0" * 64}).status_code == 409
    assert status(row) == Status.APPROVAL_PENDING


def test_an_account_made_by_the_partner_cannot_answer(cast: Cast) -> None:
    row = pending(cast)
    made = factories.person(cast.contoso, "made", GLOBAL, domain="contoso.example", made_by_partner=cast.fabrikam)
    answer = with_link(made, row).get(url(row))
    assert answer.status_code == 403
    assert "Your account was made by the partner that asks" in answer.content.decode()


def test_a_role_given_by_the_partner_doesnt_count(cast: Cast) -> None:
    row = pending(cast)
    with write():
        people.give_role(cast["user"], factories.role(GLOBAL), actor=cast["global-admin"])
    RoleAssignment.objects.filter(user=cast["user"]).update(assigned_by_partner=cast.fabrikam)
    client = with_link(cast["user"], row)
    assert client.get(url(row)).status_code == 403
    assert client.post(url(row, "approve-gdap"), {"yes": "on", "digest": "0" * 64}).status_code == 403


def test_the_operator_answers_nothing(cast: Cast) -> None:
    row = pending(cast)
    operator = User.objects.create(
        sign_in_name="operator@portal.example",
        display_name="Operator",
        contact_address="operator@portal.example",
        created_at=clock.now(),
        activated_at=clock.now(),
    )
    assert "You have no organisation" in page(with_link(operator, row), row)


# ── decline, counter-offer ──


def test_declining_tells_the_reason_and_is_final(cast: Cast) -> None:
    row = pending(cast)
    client = with_link(cast["global-admin"], row)
    assert "The request is closed, for good" in page(client, row, "decline-gdap")
    assert client.post(url(row, "decline-gdap"), {"reason": "Too much."})["Location"] == reverse("start")
    row.refresh_from_db()
    assert (row.status, row.end_reason, row.end_note) == (Status.TERMINATED, "declined", "Too much.")
    again = client.get(link_path(row), follow=True)
    assert (again.status_code, "Declined by the customer" in again.content.decode()) == (410, True)


def test_a_counter_offer_is_made_shown_and_taken_back(cast: Cast) -> None:
    row = pending(cast, roles=roles(READER, HELPDESK), auto_extend=True)
    client = with_link(cast["global-admin"], row)
    given = {"roles": ids(READER), "duration_days": "7", "is_extension_forbidden": "on", "reason": "Start small."}
    assert client.post(url(row, "counter-offer-gdap"), given)["Location"] == url(row)
    offer = GdapCounterOffer.objects.get()
    assert (offer.role_ids, offer.duration_days, offer.is_extension_forbidden) == (ids(READER), 7, True)
    text = page(client, row)
    assert "You have offered less" in text
    assert "Start small." in text
    assert url(row, "counter-offer-gdap") not in text.replace(url(row, "withdraw-counter-offer-gdap"), "")
    assert client.post(url(row, "withdraw-counter-offer-gdap"))["Location"] == url(row)
    offer.refresh_from_db()
    assert offer.state == GdapCounterOffer.State.WITHDRAWN
    assert "You have offered less" not in page(client, row)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"roles": []}, "Choose at least one of the roles that were asked for, and no other."),
        ({"roles": ids(USERS)}, "is not one of the available choices"),
        ({"duration_days": "31"}, "30"),
        ({"duration_days": "0"}, "1"),
        ({"duration_days": "1.5"}, "whole number"),
        ({"roles": ids(READER, HELPDESK), "duration_days": "30"}, "This is what was asked for"),
    ],
)
def test_an_offer_that_is_no_narrower_is_refused_in_the_form(cast: Cast, changed: dict[str, Any], said: str) -> None:
    row = pending(cast, duration_days=30)
    client = with_link(cast["global-admin"], row)
    answer = client.post(url(row, "counter-offer-gdap"), {"roles": ids(READER), "duration_days": "7"} | changed)
    assert (answer.status_code, GdapCounterOffer.objects.count()) == (400, 0)
    assert said in answer.content.decode()


def test_a_second_counter_offer_waits_for_the_first(cast: Cast) -> None:
    row = pending(cast, duration_days=30)
    offered(cast, row, READER)
    client = with_link(cast["global-admin"], row)
    answer = client.post(url(row, "counter-offer-gdap"), {"roles": ids(READER), "duration_days": "7"})
    assert (answer.status_code, "Take it back first" in answer.content.decode()) == (400, True)


def test_all_can_still_be_approved_while_less_is_offered(cast: Cast) -> None:
    row = pending(cast)
    offered(cast, row, READER)
    assert say_yes(signed_in(cast["global-admin"]), row).status_code == 302
    assert status(row) == Status.ACTIVE


# ── inbox ──


def test_the_inbox_lists_requests_for_the_tenant_and_its_domains_only(cast: Cast) -> None:
    rows = {
        "Open to all": pending(cast, display_name="Open to all"),
        "By domain": pending(cast, display_name="By domain", limited_to_domain="contoso.example"),
        "By mail": pending(cast, display_name="By mail", customer_address="it@contoso.example"),
        "Woodgrove": pending(cast, display_name="Woodgrove", limited_to_domain="woodgrove.example"),
        "Past": approve(cast, pending(cast, display_name="Past")),
    }
    draft(cast, display_name="A draft", limited_to_domain="contoso.example")
    client = signed_in(cast["delegation-admin"])
    text = client.get(reverse("requests-gdap", args=[cast.contoso.slug])).content.decode()
    shown = {name for name in (*rows, "A draft") if f">{name}<" in text}
    assert shown == {"By domain", "By mail", "Past"}
    assert url(rows["By mail"]) in text
    narrowed = client.get(reverse("requests-gdap", args=[cast.contoso.slug]) + "?status=approvalPending&q=by+mail")
    assert (">By mail<" in narrowed.content.decode(), ">By domain<" in narrowed.content.decode()) == (True, False)
    found = client.get(reverse("requests-gdap-export", args=[cast.contoso.slug]) + "?status=active")
    head, *lines = csv.reader(b"".join(found.streaming_content).decode().splitlines())
    assert head == ["Partner", "Request", "Roles", "Days", "State", "Asked", "Time to answer"]
    (line,) = lines
    assert line[:5] == ["Fabrikam Cloud", "Past", "Directory Readers; Helpdesk Administrator", "30", "Active"]
    assert line[5].endswith("+00:00")


def test_what_waits_is_counted_on_the_start_page_and_the_tabs(cast: Cast) -> None:
    pending(cast, limited_to_domain="contoso.example")
    pending(cast, customer_address="it@contoso.example")
    assert "requests for admin roles" in signed_in(cast["delegation-admin"]).get("/").content.decode()
    assert "requests for admin roles" not in signed_in(cast["billing-admin"]).get("/").content.decode()
    text = signed_in(cast["billing-admin"]).get(reverse("requests", args=[cast.contoso.slug])).content.decode()
    assert re.search(r'requests/roles"[^>]*>Admin roles <span class="count">2<', text)


def test_on_behalf_only_the_own_partners_requests_are_listed(dap_cast: Cast) -> None:
    pending(dap_cast, display_name="Ours", customer=dap_cast.contoso)
    theirs = services.create_request(
        partner=dap_cast.litware,
        actor=dap_cast["stranger-partner"],
        display_name="Theirs",
        roles=roles(READER),
        limited_to_domain="contoso.example",
    )
    services.lock_request(relationship=theirs, actor=dap_cast["stranger-partner"])
    path = reverse("requests-gdap", args=[dap_cast.contoso.slug])
    ours = signed_in(dap_cast["admin-agent"]).get(path).content.decode()
    assert (">Ours<" in ours, ">Theirs<" in ours, url(theirs) in ours) == (True, False, False)
    all_of_them = signed_in(dap_cast["global-admin"]).get(path).content.decode()
    assert (">Ours<" in all_of_them, ">Theirs<" in all_of_them) == (True, True)
