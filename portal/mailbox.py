"""The demo's mail backend: messages land in a table that the *Mailbox* page shows."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from portal import clock
from portal.models import MailboxMessage


class Backend(BaseEmailBackend):
    """Delivers to `MailboxMessage` as a mail server would: rendered, once per recipient."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Deliver all of them; how many messages."""
        MailboxMessage.objects.bulk_create(
            [_delivered(message, address) for message in email_messages for address in message.recipients()]
        )
        return len(email_messages)


def _delivered(message: EmailMessage, address: str) -> MailboxMessage:
    rendered = message.message()
    html = ""
    if isinstance(message, EmailMultiAlternatives):
        html = next((str(part.content) for part in message.alternatives if part.mimetype == "text/html"), "")
    return MailboxMessage(
        to_address=address,
        subject=message.subject,
        text=message.body,
        html=html,
        message_id=rendered["Message-ID"],
        headers={name: str(rendered[name]) for name in ("From", "To", "Date", "Message-ID", "Auto-Submitted")},
        received_at=clock.now(),
    )
