"""Personal links: their secret is derived by signing, never stored, never logged (DOMAIN §3).

A token names a row and its link version. Replacing a link raises the version, which kills the old token.
Retired signing keys (`SECRET_KEY_FALLBACKS`) go on verifying.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.errors import BadLink

_SESSION_KEY = "links"
_MOST_IN_SESSION = 20


def _signer(purpose: str) -> signing.Signer:
    return signing.Signer(salt=f"mandate.link.{purpose}", sep=".")


def token(purpose: str, pk: uuid.UUID, version: int) -> str:
    """The secret part of the link to this row at this version."""
    return _signer(purpose).sign(f"{pk.hex}-{version}")


def url(prefix: str, purpose: str, pk: uuid.UUID, version: int) -> str:
    """The whole personal link, below the portal's public address: `prefix` is the route (`i`, `r`, …)."""
    return f"{settings.MANDATE_BASE_URL}/{prefix}/{token(purpose, pk, version)}"


def read(purpose: str, text: str) -> tuple[uuid.UUID, int]:
    """The row's key and the version that a token names. Raises BadLink for anything that wasn't signed here."""
    try:
        key, _separator, version = _signer(purpose).unsign(text).partition("-")
        return uuid.UUID(hex=key), int(version)
    except (signing.BadSignature, ValueError) as wrong:
        raise BadLink(_("This link is not valid. Ask the sender for a new one.")) from wrong


def keep(request: HttpRequest, purpose: str, pk: uuid.UUID, version: int) -> None:
    """Swap the secret for the session: the clean address works for this browser only."""
    kept = request.session.get(_SESSION_KEY, {})
    kept.pop(f"{purpose}:{pk}", None)
    kept[f"{purpose}:{pk}"] = version
    request.session[_SESSION_KEY] = dict(list(kept.items())[-_MOST_IN_SESSION:])


def kept_version(request: HttpRequest, purpose: str, pk: uuid.UUID) -> int | None:
    """The version this browser opened, or None if it never opened the link."""
    version = request.session.get(_SESSION_KEY, {}).get(f"{purpose}:{pk}")
    return int(version) if version is not None else None


def kept(request: HttpRequest) -> list[tuple[str, uuid.UUID, int]]:
    """Every link that this browser opened and hasn't used: (purpose, key, version), the latest last."""
    found = [(*key.split(":"), version) for key, version in request.session.get(_SESSION_KEY, {}).items()]
    return [(purpose, uuid.UUID(pk), int(version)) for purpose, pk, version in found]


def drop(request: HttpRequest, purpose: str, pk: uuid.UUID) -> None:
    """Forget a used link."""
    kept = request.session.get(_SESSION_KEY, {})
    if kept.pop(f"{purpose}:{pk}", None) is not None:
        request.session[_SESSION_KEY] = kept
