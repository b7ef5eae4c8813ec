"""Mail whose personal link died before its turn came doesn't go out (DOMAIN §3, §16); the twin of each goes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from anymail.signals import AnymailTrackingEvent
from django.core import mail as sent_mail
from django.test import Client
from django.urls import reverse

from portal import clock, links, tasks
from portal.errors import Refused
from portal.mail import outbox, rendering, reports, sending
from portal.models import OutboxMessage, RightLink, User
from portal.services import accounts
from relationships import services, texts
from relationships.models import Invitation
from tests.conftest import Cast
from tests.relationships.asking import accept, decline, draft, signed_in

State = OutboxMessage.State


@pytest.fixture
def sent(cast: Cast) -> Invitation:
    """An invitation whose mail is queued, and nothing else."""
    return services.send_invitation(invitation=draft(cast, with_dap=True), actor=cast["admin-agent"])


def cancel(cast: Cast, invitation: Invitation) -> None:
    services.cancel_invitation(invitation=invitation, actor=cast["sales-agent"])


def replace(cast: Cast, invitation: Invitation) -> None:
    services.replace_link(invitation=invitation, actor=cast["sales-agent"])


def message(kind: str = "invitation") -> OutboxMessage:
    return OutboxMessage.objects.filter(kind=kind).latest("created_at", "id")


def mails(kind: str = "invitation") -> list[str]:
    return [mail.body for mail in sent_mail.outbox if mail.tags == [kind]]


def accepted(cast: Cast, invitation: Invitation) -> None:
    accept(invitation, cast["global-admin"])


def declined(cast: Cast, invitation: Invitation) -> None:
    decline(invitation, cast["global-admin"])


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (cancel, State.CANCELLED),
        (accepted, State.CANCELLED),
        (declined, State.CANCELLED),
        (replace, State.SUPERSEDED),
    ],
)
def test_a_message_with_a_dead_link_does_not_go_out(
    cast: Cast, sent: Invitation, act: Callable[[Cast, Invitation], None], state: State
) -> None:
    act(cast, sent)
    tasks.send_due_mail()
    row = message()
    assert (row.state, row.attempts, row.claim, row.last_error) == (state, 0, None, "")
    assert row.settled_at is not None
    assert row.sent_at is None
    assert mails() == []


def test_a_message_with_a_working_link_goes_out(cast: Cast, sent: Invitation) -> None:
    tasks.send_due_mail()
    assert message().state == State.SENT
    (body,) = mails()
    assert texts.personal_link(sent) in body


def test_a_message_that_waits_beyond_the_end_does_not_go_out(cast: Cast, sent: Invitation) -> None:
    with clock.fixed(sent.expires_at):
        assert tasks.send_due_mail() == 0
    assert message().state == State.CANCELLED


def test_what_is_sent_again_after_the_link_was_replaced_goes_out_with_the_new_one(cast: Cast, sent: Invitation) -> None:
    replace(cast, sent)
    services.resend_invitation(invitation=sent, actor=cast["sales-agent"])
    tasks.send_due_mail()
    assert sorted(OutboxMessage.objects.filter(kind="invitation").values_list("state", flat=True)) == [
        State.SENT,
        State.SUPERSEDED,
    ]
    (body,) = mails()
    sent.refresh_from_db()
    assert texts.personal_link(sent) in body


def test_reminders_and_forwarded_requests_are_asked_about_too(cast: Cast, sent: Invitation) -> None:
    services.forward_invitation(invitation=sent, actor=cast["user"], version=1, to=cast["global-admin"])
    with clock.fixed(sent.expires_at - timedelta(days=1)):
        services.remind_due()
        cancel(cast, sent)
        tasks.send_due_mail()
    for kind in ("invitation_reminder", "invitation_forwarded"):
        assert (message(kind).state, mails(kind)) == (State.CANCELLED, [])


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 1), (3600.0, 2)])
def test_an_answer_counts_for_a_moment_only(
    cast: Cast, sent: Invitation, monkeypatch: pytest.MonkeyPatch, seconds: float, count: int
) -> None:
    """Two are claimed and rendered together; the second's link dies while the first is handed over."""
    monkeypatch.setattr(sending, "FRESH_SECONDS", seconds)
    second = services.send_invitation(invitation=draft(cast), actor=cast["admin-agent"])
    deliver = sending.Courier.deliver
    handed_over = []

    def delivering(self: sending.Courier, finished: rendering.Message) -> sending.Outcome:
        handed_over.append(finished)
        if len(handed_over) == 1:
            cancel(cast, second if texts.personal_link(sent) in finished.body else sent)
        return deliver(self, finished)

    monkeypatch.setattr(sending.Courier, "deliver", delivering)
    tasks.send_due_mail()
    assert len(handed_over) == len(mails()) == count
    assert OutboxMessage.objects.filter(state=State.CANCELLED).count() == 2 - count


def test_a_report_of_delivery_is_the_truth_also_then(cast: Cast, sent: Invitation) -> None:
    """A worker died after the mail server's yes; the next one found the link dead."""
    cancel(cast, sent)
    tasks.send_due_mail()
    event = AnymailTrackingEvent(
        event_type="delivered",
        event_id="1",
        message_id=None,
        timestamp=clock.now(),
        metadata={rendering.METADATA: str(message().pk)},
    )
    reports.note_report(None, event, "Postmark")
    assert message().state == State.DELIVERED


def test_the_partner_sees_that_it_was_withdrawn(cast: Cast, sent: Invitation) -> None:
    replace(cast, sent)
    tasks.send_due_mail()
    browser = signed_in(cast["sales-agent"])
    for page in ("invitations", "invitation"):
        more = [] if page == "invitations" else [sent.pk]
        text = browser.get(reverse(page, args=[cast.fabrikam.slug, *more])).content.decode()
        assert re.search(r'<span class="badge idle"><span class="cut">Replaced</span>', text), page
    assert (
        ",Replaced,"
        in b"".join(browser.get(reverse("invitations-export", args=[cast.fabrikam.slug])).streaming_content).decode()
    )


def test_the_operator_sees_it_and_cannot_send_it_again(cast: Cast, sent: Invitation) -> None:
    cancel(cast, sent)
    tasks.send_due_mail()
    operator = User.objects.create(
        sign_in_name="operator@portal.example", created_at=clock.now(), activated_at=clock.now()
    )
    client = Client()
    client.force_login(operator)
    text = client.get(reverse("outbox"), {"state": "cancelled"}).content.decode()
    assert "global-admin@contoso.example" in text
    assert "Withdrawn" in text
    assert "Send again" not in text
    with pytest.raises(Refused, match="was withdrawn"):
        outbox.resend_message(message=message(), actor=operator)
    assert message().state == State.CANCELLED


def test_links_of_the_base_app_are_asked_about_too(cast: Cast) -> None:
    first = accounts.start_reset(person=cast["user"], actor=cast["user-admin"])
    accounts.start_reset(person=cast["user"], actor=cast["user-admin"])  # the first link dies by it
    tasks.send_due_mail()
    states = dict(OutboxMessage.objects.filter(kind="reset_password").values_list("context__link__2", "state"))
    assert states.pop(str(first.pk)) == State.CANCELLED
    assert list(states.values()) == [State.SENT]
    (body,) = mails("reset_password")
    assert links.token("reset", first.pk, 1) not in body


def test_a_used_link_is_dead(cast: Cast) -> None:
    link = accounts.start_reset(person=cast["user"], actor=cast["user-admin"])
    accounts.finish_reset(pk=link.pk, version=1, password="an entirely different phrase")
    assert RightLink.objects.get(pk=link.pk).used_at is not None
    tasks.send_due_mail()
    assert message("reset_password").state == State.CANCELLED
