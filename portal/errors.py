"""What can go wrong, by what the caller has to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied

if TYPE_CHECKING:
    from portal.access import Decision


class Refused(Exception):
    """A rule forbids it in the present state: answered as a clear page (409), nothing changed.

    `field` names the form field at fault, if one is.
    """

    def __init__(self, message: object, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooMany(Refused):
    """A rate limit was reached (429)."""


class Conflict(Refused):
    """Somebody else changed it since it was shown: nothing is merged silently, the present state is shown."""


class BadLink(Refused):
    """A personal link that is wrong, replaced or over."""


class PermissionDenied(DjangoPermissionDenied):
    """An insider without the right (403); carries the decision for *Why can't I?*."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(str(decision.capability))
        self.decision = decision
