"""How a GDAP request reaches the customer: its text, its link, its mail (DOMAIN §3, §6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as django_mail
from django.http import Http404

from delegation import gdap_texts, services
from delegation.models import GdapRelationship
from portal import clock, mail
from portal.errors import Conflict, PermissionDenied, Refused, TooMany
from portal.mail import meant
from portal.models import OutboxMessage, Pair
from portal.tasks import send_due_mail
from relationships import services as relationship_services
from relationships import texts
from tests.cast import Cast
from tests.delegation.granting import GLOBAL, READER, approve, draft, pending, roles

State = OutboxMessage.State


def letters() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind=gdap_texts.MAIL).order_by("created_at", "id"))


def addressed(cast: Cast, **options: Any) -> GdapRelationship:
    return draft(cast, customer_name="Contoso", customer_address="it@contoso.example", **options)


def edit(cast: Cast, row: GdapRelationship, body: str, subject: str = "Roles", **more: Any) -> GdapRelationship:
    given = {"version": row.version, "actor": cast["admin-agent"]} | more
    return services.edit_text(relationship=row, subject=subject, body=body, **given)


def test_an_unedited_text_follows_the_options_until_it_is_locked(dap_cast: Cast) -> None:
    row = addressed(dap_cast)
    assert "- Directory Readers" in gdap_texts.default_text(row)[1]
    row = services.edit_request(
        relationship=row, actor=dap_cast["admin-agent"], version=row.version, language="de", roles=roles(GLOBAL)
    )
    assert "- Globaler Administrator" in gdap_texts.default_text(row)[1]
    assert row.body == ""
    row = services.lock_request(relationship=row, actor=dap_cast["admin-agent"])
    assert row.body.count(mail.PLACEHOLDER) == 1
    assert "Globaler Administrator" in row.body


def test_a_customer_named_like_a_domain_is_not_named_in_the_default_text(dap_cast: Cast) -> None:
    row = draft(dap_cast, customer_name="booking.example", limited_to_domain="booking.example")
    assert "booking" not in gdap_texts.default_text(row)[1]
    assert services.lock_request(relationship=row, actor=dap_cast["admin-agent"]).status == "approvalPending"


def test_the_personal_link_stays_in_exactly_once(dap_cast: Cast) -> None:
    row, other = addressed(dap_cast), addressed(dap_cast)
    link = gdap_texts.personal_link(row)
    edited = edit(dap_cast, row, f"Please: {link}")
    assert (edited.body, edited.version) == (f"Please: {mail.PLACEHOLDER}", row.version + 1)
    assert gdap_texts.shown(edited) == f"Please: {link}"
    refusals = {
        "": "missing",
        f"{link} {link}": "more than once",
        gdap_texts.personal_link(other): "another request",
        link[:-3]: "was changed",
        f"{link} https://evil.example": "verified domains",
    }
    for body, why in refusals.items():
        with pytest.raises(Refused, match=why):
            edit(dap_cast, edited, body)
    edited.refresh_from_db()
    assert edited.body == f"Please: {mail.PLACEHOLDER}"


def test_a_link_of_an_invitation_is_not_the_link_of_a_request(dap_cast: Cast) -> None:
    row = addressed(dap_cast)
    invitation = relationship_services.create_invitation(
        partner=dap_cast.fabrikam,
        actor=dap_cast["admin-agent"],
        customer_name="Contoso",
        customer_address="it@contoso.example",
    )
    with pytest.raises(Refused):
        edit(dap_cast, row, f"{gdap_texts.personal_link(row)} {texts.personal_link(invitation)}")


def test_a_stale_text_is_a_conflict_and_a_locked_one_frozen(dap_cast: Cast) -> None:
    row = addressed(dap_cast)
    link = gdap_texts.personal_link(row)
    edit(dap_cast, row, f"First {link}")
    with pytest.raises(Conflict):
        edit(dap_cast, row, f"Second {link}")
    row = services.lock_request(relationship=row, actor=dap_cast["admin-agent"])
    with pytest.raises(Refused):
        edit(dap_cast, row, f"Third {link}")
    assert row.body == f"First {mail.PLACEHOLDER}"


def test_sending_locks_and_queues_one_message_however_often(dap_cast: Cast) -> None:
    row = addressed(dap_cast)
    for _again in range(2):
        row = services.send_request(relationship=row, actor=dap_cast["admin-agent"])
    assert (row.status, row.sent_at is not None) == ("approvalPending", True)
    (message,) = letters()
    assert (message.to_address, message.language, message.about_id) == ("it@contoso.example", "en", row.pk)
    secret = gdap_texts.personal_link(row).rpartition(".")[2]
    assert secret not in f"{message.body}{message.context}"
    send_due_mail()
    (sent,) = [item for item in django_mail.outbox if item.to == ["it@contoso.example"]]
    assert gdap_texts.personal_link(row) in sent.body
    assert "Fabrikam" in sent.body


def test_without_an_address_it_goes_to_the_known_customers_approvers(dap_cast: Cast) -> None:
    row = draft(dap_cast, customer=dap_cast.contoso)
    services.send_request(relationship=row, actor=dap_cast["admin-agent"])
    approvers = {dap_cast["global-admin"].contact_address, dap_cast["delegation-admin"].contact_address}
    assert {message.to_address for message in letters()} == approvers


def test_an_open_request_has_nobody_to_be_sent_to(dap_cast: Cast) -> None:
    row = draft(dap_cast)
    with pytest.raises(Refused, match="nobody"):
        services.send_request(relationship=row, actor=dap_cast["admin-agent"])
    row.refresh_from_db()
    assert (row.status, letters()) == ("created", [])


def test_resending_keeps_link_and_end(dap_cast: Cast) -> None:
    row = services.send_request(relationship=addressed(dap_cast), actor=dap_cast["admin-agent"])
    again = services.resend_request(relationship=row, actor=dap_cast["admin-agent"])
    assert (again.link_version, again.lapses_at, len(letters())) == (row.link_version, row.lapses_at, 2)
    with pytest.raises(Refused):
        services.resend_request(relationship=addressed(dap_cast), actor=dap_cast["admin-agent"])


def test_mail_with_a_dead_link_is_withdrawn(dap_cast: Cast) -> None:
    replaced = services.send_request(relationship=addressed(dap_cast), actor=dap_cast["admin-agent"])
    services.replace_link(relationship=replaced, actor=dap_cast["admin-agent"])
    withdrawn = services.send_request(relationship=addressed(dap_cast), actor=dap_cast["admin-agent"])
    services.withdraw_request(relationship=withdrawn, actor=dap_cast["admin-agent"])
    kept = services.send_request(relationship=addressed(dap_cast), actor=dap_cast["admin-agent"])
    found = {message.about_id: meant.withdrawn([message]).get(message.pk) for message in letters()}
    assert found == {replaced.pk: State.SUPERSEDED, withdrawn.pk: State.CANCELLED, kept.pk: None}


def test_what_has_ended_is_neither_sent_nor_given_a_new_link(dap_cast: Cast) -> None:
    agent = dap_cast["admin-agent"]
    granted = approve(dap_cast, services.send_request(relationship=addressed(dap_cast), actor=agent))
    lapsed = pending(dap_cast)
    with clock.fixed(clock.now() + timedelta(days=91)):
        for row in (granted, lapsed):
            for act in (services.send_request, services.resend_request, services.replace_link):
                with pytest.raises(Refused):
                    act(relationship=row, actor=agent)
    assert len(letters()) == 1


def test_a_blocked_partner_neither_sends_nor_resends(dap_cast: Cast) -> None:
    agent = dap_cast["admin-agent"]
    sent = services.send_request(relationship=draft(dap_cast, customer=dap_cast.contoso), actor=agent)
    row = draft(dap_cast, customer=dap_cast.contoso)
    Pair.objects.filter(pk=dap_cast.pair.pk).update(blocked_at=clock.now())
    before = len(letters())
    for act, which in ((services.send_request, row), (services.resend_request, sent)):
        with pytest.raises(Refused, match="doesn't accept"):
            act(relationship=which, actor=agent)
    assert len(letters()) == before


def test_only_who_may_request_delivers(dap_cast: Cast) -> None:
    row = addressed(dap_cast)
    for who, refusal in {
        "sales-agent": PermissionDenied,
        "partner-user": PermissionDenied,
        "global-admin": Http404,
    }.items():
        for act in (services.open_request, services.send_request, services.resend_request, services.replace_link):
            with pytest.raises(refusal):
                act(relationship=row, actor=dap_cast[who])
        with pytest.raises(refusal):
            edit(dap_cast, row, gdap_texts.personal_link(row), actor=dap_cast[who])


def test_requests_count_with_the_invitations_of_the_day(dap_cast: Cast, settings: Any) -> None:
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 2
    agent = dap_cast["admin-agent"]
    first = services.open_request(relationship=addressed(dap_cast), actor=agent)
    services.open_request(relationship=first, actor=agent)  # an open one isn't counted again
    services.send_request(relationship=addressed(dap_cast), actor=agent)
    third = addressed(dap_cast)
    with pytest.raises(TooMany):
        services.send_request(relationship=third, actor=agent)
    third.refresh_from_db()
    assert third.status == "created"


def test_roles_are_named_as_long_as_they_are_few(dap_cast: Cast) -> None:
    assert "Directory Readers" in gdap_texts.default_text(draft(dap_cast, roles=roles(READER)))[1]
