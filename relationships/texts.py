"""The text of an invitation and its personal link (DOMAIN §3)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from portal import clock
from relationships.letters import MOST_MAILTO, Letters, check_text
from relationships.models import Invitation

__all__ = [
    "MOST_MAILTO",
    "PREFIX",
    "PURPOSE",
    "check_text",
    "default_text",
    "link_of",
    "mailto",
    "personal_link",
    "shown",
    "stored",
    "working_versions",
]

#: What tokens of invitations are signed for, and the route below which they are.
PURPOSE, PREFIX = "invitation", "i"

_LETTERS = Letters(PURPOSE, PREFIX, "relationships/draft")
link_of = _LETTERS.link_of
personal_link = _LETTERS.personal_link
default_text = _LETTERS.default_text
shown = _LETTERS.shown
mailto = _LETTERS.mailto
stored = _LETTERS.stored


def working_versions(keys: Collection[UUID]) -> dict[UUID, int | None]:
    """Which version of each invitation's link can be answered now, None where none can (`portal.mail.meant`)."""
    now = clock.now()
    rows = Invitation.objects.filter(pk__in=keys).values_list("pk", "state", "expires_at", "link_version")
    return {
        pk: version if state == Invitation.State.OPEN and expires_at > now else None
        for pk, state, expires_at, version in rows
    }
