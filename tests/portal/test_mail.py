"""The outbox: rows, rendering, claims, outcomes (DOMAIN §16)."""

import uuid

import pytest
from django.core import mail as sent_mail

from portal import mail, tasks
from portal.models import OutboxMessage
from portal.writes import write

pytestmark = pytest.mark.django_db
LINK = ("i", "invitation", uuid.UUID(int=7), 1)


def queue_invitation(**changes):
    arguments = {
        "to": "buyer@contoso.example",
        "tenant": None,
        "language": "en",
        "context": {"sender": "Fabrikam Cloud (sales-agent@fabrikam.example)"},
        "link": LINK,
        "subject": "A request",
        "body": "Hello,\n\nplease open {{personal-link}}\n\nBye",
    }
    with write():
        return mail.queue("invitation", **(arguments | changes))


def test_a_message_is_a_row_first_and_goes_out_with_its_link_filled_in():
    row = queue_invitation()
    assert sent_mail.outbox == []
    assert tasks.send_due_mail() == 1
    (message,) = sent_mail.outbox
    row.refresh_from_db()
    assert row.state == OutboxMessage.State.SENT
    assert "/i/" in message.body
    assert "{{" not in message.body
