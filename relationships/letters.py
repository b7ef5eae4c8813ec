"""Texts that people write and a personal link goes out with: of invitations, of GDAP requests (DOMAIN §3).

Stored texts hold a placeholder; people see and edit the real link; it is swapped back before anything is stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol
from urllib.parse import quote, urlsplit
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from linkify_it import LinkifyIt
from linkify_it.tlds import TLDS

from portal import links
from portal.errors import BadLink, Refused
from portal.mail import PLACEHOLDER
from portal.models import Tenant, User
from portal.services import organisations

#: A longer `mailto:` is cut by some mail programs, so it isn't offered (DOMAIN §3).
MOST_MAILTO = 1_800

_SCHEME = re.compile(r"\b([a-z][a-z0-9+.-]{0,30})://", re.IGNORECASE)
#: Characters that turn the text around them: in a letter they only deceive.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Letter(Protocol):
    """A row whose text goes out with its personal link."""

    pk: Any
    partner: Tenant
    customer_address: Any
    language: Any
    link_version: Any
    subject: Any
    body: Any


@dataclass(frozen=True)
class Letters:
    """One kind of letters.

    `purpose` is what its tokens are signed for, `prefix` the route below which they are; `<draft>.txt` and
    `<draft>.subject.txt` are the templates of the text to start from.
    """

    purpose: str
    prefix: str
    draft: str

    def link_of(self, row: Letter) -> tuple[str, str, UUID, int]:
        """The personal link as `portal.mail` stores it: without its secret."""
        return (self.prefix, self.purpose, row.pk, row.link_version)

    def personal_link(self, row: Letter) -> str:
        """The whole personal link; anybody who holds it can open what it is for."""
        return links.url(self.prefix, self.purpose, row.pk, row.link_version)

    def default_text(self, row: Letter, sender: User, **more: Any) -> tuple[str, str]:
        """Subject and body to start from, in the row's language, with the placeholder.

        The templates get `row`, `sender`, `partner`, `link` and `more`.
        """
        context = {"row": row, "sender": sender, "partner": row.partner, "link": PLACEHOLDER, **more}
        with translation.override(row.language):
            subject = render_to_string(f"{self.draft}.subject.txt", context)
            body = render_to_string(f"{self.draft}.txt", context)
        return " ".join(subject.split())[:200], _tidied(body)

    def shown(self, row: Letter) -> str:
        """The body as people see and send it: with the real link."""
        return row.body.replace(PLACEHOLDER, self.personal_link(row))

    def mailto(self, row: Letter) -> str:
        """Address that opens the message in the default mail app; empty where it would be too long to be safe."""
        body = self.shown(row).replace("\n", "\r\n")
        address = quote(row.customer_address, safe="@")
        url = f"mailto:{address}?subject={quote(row.subject)}&body={quote(body)}"
        return url if len(url) < MOST_MAILTO else ""

    def stored(self, row: Letter, body: str) -> str:
        """The body with the row's own link swapped for the placeholder.

        Raises Refused (field `body`) for another row's link, a replaced or a damaged one.
        """
        own = f"{settings.MANDATE_BASE_URL}/{self.prefix}/"

        def swap(match: re.Match[str]) -> str:
            before, token = match["before"], match["token"]
            start = len(before) - len(own) + len(f"/{self.prefix}/")
            if start < 0 or before[start:] + f"/{self.prefix}/" != own:
                return match[0]  # not this portal's address: refused below as any other link
            self._check_own(row, token)
            return before[:start] + PLACEHOLDER

        return self._personal.sub(swap, _tidied(body))

    @cached_property
    def _personal(self) -> re.Pattern[str]:
        return re.compile(rf"(?P<before>\S*?)/{self.prefix}/(?P<token>[0-9a-f]{{32}}-[0-9]+\.[A-Za-z0-9_-]+)")

    def _check_own(self, row: Letter, token: str) -> None:
        try:
            pk, version = links.read(self.purpose, token)
        except BadLink:
            message = _("The personal link was changed and would not work. Copy it again from the page.")
            raise Refused(message, field="body") from None
        if pk != row.pk:
            raise Refused(
                _("This text holds the personal link of another request. Use the link of this one."), field="body"
            )
        if version != row.link_version:
            raise Refused(_("This personal link has been replaced. Use the present one."), field="body")


def _tidied(body: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", body.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check_text(row: Letter, subject: str, body: str) -> None:
    """Refuse a text that must not go out; `body` is the stored form.

    Raises Refused, with the field and what to do: the personal link exactly once, no other links than to the
    partner's verified domains, so that the portal is no relay for phishing (DOMAIN §3).
    """
    if not subject.strip():
        raise Refused(_("Give the message a subject."), field="subject")
    if len(subject) > 200 or len(body) > 10_000:
        raise Refused(_("The text is too long: 200 characters for the subject, 10,000 for the message."), field="body")
    count = body.count(PLACEHOLDER)
    if count == 0:
        raise Refused(_("The personal link is missing. It must stay in the message, exactly once."), field="body")
    if count > 1:
        raise Refused(_("The personal link is there more than once. Leave it in exactly once."), field="body")
    domains = organisations.domains_of(row.partner)
    _check_plain("subject", subject, domains)
    _check_plain("body", body.replace(PLACEHOLDER, " "), domains)


def reads_as_link(text: str) -> bool:
    """Whether a mail program would make a link of it: a name that does is left out of the text to start from."""
    return next(_hosts(text), None) is not None


def _check_plain(field: str, text: str, domains: Collection[str]) -> None:
    allowed = "" if field == "subject" else "\n\t"
    if any(
        (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in allowed) or char in _TURNING
        for char in text
    ):
        raise Refused(_("The text holds characters that can't be sent. Remove control characters."), field=field)
    for host in _hosts(text):
        if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
            message = _("Only your personal link and links to your own verified domains may be in it: remove %(link)s.")
            raise Refused(message, field=field, link=host)


def _hosts(text: str) -> Iterator[str]:
    """Hosts of everything in a text that a mail program would make a link of."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf").replace("。", ".")
    for scheme in _SCHEME.findall(plain):
        if scheme.lower() not in ("http", "https"):
            yield f"{scheme}://"
    for match in _finder().match(plain) or ():
        yield _host(match.url)


def _host(url: str) -> str:
    if url.startswith("mailto:"):
        return url.rpartition("@")[2].lower()
    try:
        parts = urlsplit(url)
        return url if "@" in parts.netloc else (parts.hostname or url).rstrip(".")
    except ValueError:
        return url


@cache
def _finder() -> LinkifyIt:
    """Finds what looks like a link, also without `https://`; the reserved names count too."""
    return LinkifyIt(options={"fuzzy_ip": True}).tlds([*TLDS, "example", "test", "local", "internal"])
