"""SMTP for the outbox: a message is bytes before the mail server waits for it, its address was checked when queued."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from portal.mail.mime import Message

#: What EMAIL_BACKEND names for SMTP; the outbox uses `Backend` for it, with the same settings.
DJANGO = "django.core.mail.backends.smtp.EmailBackend"


class Backend(EmailBackend):
    """Django's backend; only messages of the outbox take the short way."""

    def _send(self, email_message: Any) -> bool:
        if not isinstance(email_message, Message) or not email_message.wire:
            return bool(super()._send(email_message))
        sender = parseaddr(email_message.from_email)[1]
        self.connection.sendmail(sender, [_address(text) for text in email_message.to], email_message.wire)
        return True


def _address(text: str) -> str:
    return text if text.isascii() else str(sanitize_address(text, "utf-8"))
