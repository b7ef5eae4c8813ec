"""The text of an invitation and its personal link (DOMAIN §3).

Stored texts hold a placeholder; people see and edit the real link; it is swapped back before anything is stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from urllib.parse import quote, urlsplit
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from linkify_it import LinkifyIt
from linkify_it.tlds import TLDS

from portal import clock, links, mail
from portal.errors import BadLink, Refused
from portal.models import User
from portal.services import organisations
from relationships.models import Invitation

#: What tokens of invitations are signed for, and the route below which they are.
PURPOSE, PREFIX = "invitation", "i"
#: A longer `mailto:` is cut by some mail programs, so it isn't offered (DOMAIN §3).
MOST_MAILTO = 1_800

_PERSONAL = re.compile(r"(?P<before>\S*?)/i/(?P<token>[0-9a-f]{32}-[0-9]+\.[A-Za-z0-9_-]+)")
_SCHEME = re.compile(r"\b([a-z][a-z0-9+.-]{0,30})://", re.IGNORECASE)
#: Characters that turn the text around them: in a letter they only deceive.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def link_of(invitation: Invitation) -> tuple[str, str, UUID, int]:
    """The personal link as `portal.mail` stores it: without its secret."""
    return (PREFIX, PURPOSE, invitation.pk, invitation.link_version)


def personal_link(invitation: Invitation) -> str:
    """The whole personal link; anybody who holds it can open the invitation."""
    return links.url(PREFIX, PURPOSE, invitation.pk, invitation.link_version)


def working_versions(keys: Collection[UUID]) -> dict[UUID, int | None]:
    """Which version of each invitation's link can be answered now, None where none can (`portal.mail.meant`)."""
    now = clock.now()
    rows = Invitation.objects.filter(pk__in=keys).values_list("pk", "state", "expires_at", "link_version")
    return {
        pk: version if state == Invitation.State.OPEN and expires_at > now else None
        for pk, state, expires_at, version in rows
    }


def default_text(invitation: Invitation, sender: User) -> tuple[str, str]:
    """Subject and body to start from, in the invitation's language, with the placeholder."""
    context = {"invitation": invitation, "sender": sender, "partner": invitation.partner, "link": mail.PLACEHOLDER}
    with translation.override(invitation.language):
        subject = render_to_string("relationships/draft.subject.txt", context)
        body = render_to_string("relationships/draft.txt", context)
    return " ".join(subject.split())[:200], _tidied(body)


def _tidied(body: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", body.replace("\r\n", "\n").replace("\r", "\n")).strip()


def shown(invitation: Invitation) -> str:
    """The body as people see and send it: with the real link."""
    return invitation.body.replace(invitation.PLACEHOLDER, personal_link(invitation))


def mailto(invitation: Invitation) -> str:
    """Address that opens the message in the default mail app; empty where it would be too long to be safe."""
    body = shown(invitation).replace("\n", "\r\n")
    address = quote(invitation.customer_address, safe="@")
    url = f"mailto:{address}?subject={quote(invitation.subject)}&body={quote(body)}"
    return url if len(url) < MOST_MAILTO else ""


def stored(invitation: Invitation, body: str) -> str:
    """The body with this invitation's link swapped for the placeholder.

    Raises Refused (field `body`) for another invitation's link, a replaced or a damaged one.
    """
    own = f"{settings.MANDATE_BASE_URL}/{PREFIX}/"

    def swap(match: re.Match[str]) -> str:
        before, token = match["before"], match["token"]
        start = len(before) - len(own) + len(f"/{PREFIX}/")
        if start < 0 or before[start:] + f"/{PREFIX}/" != own:
            return match[0]  # not this portal's address: refused below as any other link
        _check_own(invitation, token)
        return before[:start] + invitation.PLACEHOLDER

    return _PERSONAL.sub(swap, _tidied(body))


def _check_own(invitation: Invitation, token: str) -> None:
    try:
        pk, version = links.read(PURPOSE, token)
    except BadLink:
        message = _("The personal link was changed and would not work. Copy it again from the page.")
        raise Refused(message, field="body") from None
    if pk != invitation.pk:
        raise Refused(
            _("This text holds the personal link of another invitation. Use the link of this one."), field="body"
        )
    if version != invitation.link_version:
        raise Refused(_("This personal link has been replaced. Use the present one."), field="body")


def check_text(invitation: Invitation, subject: str, body: str) -> None:
    """Refuse a text that must not go out; `body` is the stored form.

    Raises Refused, with the field and what to do: the personal link exactly once, no other links than to the
    partner's verified domains, so that the portal is no relay for phishing (DOMAIN §3).
    """
    if not subject.strip():
        raise Refused(_("Give the message a subject."), field="subject")
    if len(subject) > 200 or len(body) > 10_000:
        raise Refused(_("The text is too long: 200 characters for the subject, 10,000 for the message."), field="body")
    count = body.count(invitation.PLACEHOLDER)
    if count == 0:
        raise Refused(_("The personal link is missing. It must stay in the message, exactly once."), field="body")
    if count > 1:
        raise Refused(_("The personal link is there more than once. Leave it in exactly once."), field="body")
    domains = organisations.domains_of(invitation.partner)
    _check_plain("subject", subject, domains)
    _check_plain("body", body.replace(invitation.PLACEHOLDER, " "), domains)


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
            raise Refused(message % {"link": host}, field=field)


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
