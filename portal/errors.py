"""What can go wrong, by what the caller has to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.utils.translation import gettext

if TYPE_CHECKING:
    from portal.access import Decision


class Refused(Exception):
    """A rule forbids it in the present state: answered as a clear page (409), nothing changed.

    `text` is marked for translation, `values` stand in it as `filled` says: so it can be read in any language, also
    later (`portal.jobs`). `field` names the form field at fault, if one is.
    """

    def __init__(self, text: object, *, field: str | None = None, **values: object) -> None:
        super().__init__(text)
        self.text = text
        self.values = values
        self.field = field

    def __str__(self) -> str:
        return str(self.message)

    @property
    def message(self) -> object:
        """What it says, in the present language."""
        return filled(self.text, self.values) if self.values else self.text


def filled(text: object, values: Mapping[str, object]) -> str:
    """A text with its values in the present language; those in a list are texts marked for translation."""
    found = {
        key: ", ".join(sorted(gettext(item) for item in value)) if isinstance(value, list) else value
        for key, value in values.items()
    }
    return str(text) % found


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
