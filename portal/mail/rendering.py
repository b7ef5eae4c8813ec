"""From a row to a message: text and HTML in the row's language; personal links are put in here and nowhere else."""

from __future__ import annotations

import unicodedata
import zoneinfo
from datetime import UTC
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.html import conditional_escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from portal import links
from portal.mail.mime import Message
from portal.mail.outbox import PLACEHOLDER, alive
from portal.models import OutboxMessage

#: Key of the row's id in what a provider gets along and reports back.
METADATA = "outbox"


def message_id(row: OutboxMessage) -> str:
    """The Message-ID, derived from the row, so that a duplicate carries the same one (DOMAIN §16)."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{row.pk}@{domain}>"


def row_id(text: str) -> UUID | None:
    """The row that a Message-ID of ours names, with or without its angle brackets."""
    try:
        return UUID(text.strip("<> ").partition("@")[0])
    except ValueError:
        return None


def render(row: OutboxMessage, connection: BaseEmailBackend | None = None) -> Message:
    """The finished message. Raises TemplateDoesNotExist for a kind without templates."""
    user = row.to_user
    zone = zoneinfo.ZoneInfo(user.time_zone) if user is not None else UTC
    with translation.override(row.language), timezone.override(zone):
        context = _context(row)
        subject = one_line(row.subject or render_to_string(f"mail/{row.kind}.subject.txt", context))
        context["subject"] = subject
        text = render_to_string(f"mail/{row.kind}.txt", context)
        html = render_to_string(f"mail/{row.kind}.html", context)
    message = Message(
        subject,
        text.strip() + "\n",
        settings.DEFAULT_FROM_EMAIL,
        [row.to_address],
        connection=connection,
        headers={"Message-ID": message_id(row), "Auto-Submitted": "auto-generated"},
        metadata={METADATA: str(row.pk)},
        tags=[row.kind],
        # Counting clicks would send personal links through the provider's redirects.
        track_clicks=False,
        track_opens=False,
    )
    message.boundary = f"={row.pk.hex}="
    message.attach_alternative(html, "text/html")
    return message


def _context(row: OutboxMessage) -> dict[str, Any]:
    stored = row.context
    context: dict[str, Any] = alive(stored.get("values", {}))
    if "sender" in context:
        context["sender"] = one_line(str(context["sender"]))
    action_url = ""
    if stored.get("link"):
        prefix, purpose, key, version = stored["link"]
        action_url = links.url(prefix, purpose, UUID(key), version)
    elif stored.get("path"):
        action_url = settings.MANDATE_BASE_URL + stored["path"]
    return {
        "action_label": _("Open in Mandate"),
        **context,
        "language": row.language,
        "action_url": action_url,
        "portal_url": settings.MANDATE_BASE_URL,
        "recipient": row.to_user,
        "written_text": row.body.replace(PLACEHOLDER, action_url),
        "written_html": written_html(row.body, action_url),
    }


def written_html(body: str, action_url: str) -> SafeString:
    """A plain text written by a person as HTML: all of it escaped, the placeholder a link to its own address."""
    link = format_html('<a href="{}">{}</a>', action_url, action_url)
    escaped = [str(conditional_escape(part)) for part in body.split(PLACEHOLDER)]
    return mark_safe(linebreaks(str(link).join(escaped)))  # the parts are escaped above


def one_line(text: str) -> str:
    """A header's text: one line, no control or direction characters, so that nothing can add a header."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    return " ".join("".join(char for char in kept if char not in _DIRECTIONS).split())


_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
