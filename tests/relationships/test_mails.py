"""Every message about invitations: text and HTML in each language, its link put in when it is rendered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.mail import rendering
from portal.models import OutboxMessage
from relationships import services, texts
from relationships.models import LANGUAGES, Invitation
from tests.cast import Cast
from tests.relationships.asking import accept, decline, draft, opened

KINDS = {
    "invitation",
    "invitation_reminder",
    "invitation_accepted",
    "invitation_declined",
    "invitation_forwarded",
    "invitations_expired",
    "relationship_ended",
}


@pytest.fixture
def told(cast: Cast) -> Cast:
    """One message of each kind, at least."""
    now = clock.now()
    sent = services.send_invitation(invitation=draft(cast, with_dap=True), actor=cast["admin-agent"])
    services.forward_invitation(invitation=sent, actor=cast["user"], version=1, to=cast["global-admin"])
    with clock.fixed(now + timedelta(days=25)):
        services.remind_due()
        pair = accept(sent, cast["global-admin"]).pair
        decline(opened(cast), cast["global-admin"])
        services.end_relationship(relationship=pair.relationships.get(), actor=cast["admin-agent"], reason="<moved>")
    opened(cast, days=1)
    with clock.fixed(now + timedelta(days=40)):
        services.expire_due()
    return cast


def test_every_message_in_every_language(told: Cast) -> None:
    assert set(OutboxMessage.objects.values_list("kind", flat=True)) == KINDS
    for row in OutboxMessage.objects.select_related("to_user"):
        for language, _name in LANGUAGES:
            row.language = language
            message = rendering.render(row)
            (html, _kind) = message.alternatives[0]
            assert message.subject.strip()
            assert "\n" not in message.subject
            for body in (message.body, html):
                assert Invitation.PLACEHOLDER not in body
                assert "{{" not in body
                assert "{%" not in body
            assert "<moved>" not in html


def test_the_personal_link_is_in_the_messages_that_carry_it_and_nowhere_else(told: Cast) -> None:
    secret = texts.personal_link(Invitation.objects.get(sent_at__isnull=False)).rpartition(".")[2]
    carrying = {"invitation", "invitation_reminder", "invitation_forwarded"}
    for row in OutboxMessage.objects.select_related("to_user"):
        message = rendering.render(row)
        assert (secret in message.body) is (row.kind in carrying), row.kind
        assert (secret in message.alternatives[0][0]) is (row.kind in carrying), row.kind


def test_the_frame_names_the_sender(told: Cast) -> None:
    message = rendering.render(OutboxMessage.objects.get(kind="invitation"))
    for body in (message.body, message.alternatives[0][0]):
        assert "Fabrikam Cloud (admin-agent@fabrikam.example)" in body
