"""Life cycle of a reseller invitation (DOMAIN §3), also enforced by the database."""

from __future__ import annotations

from portal.states import Moves

INVITATION: Moves = {
    "draft": ("open", "cancelled"),
    "open": ("accepted", "declined", "cancelled", "expired"),
    "accepted": (),
    "declined": (),
    "cancelled": (),
    "expired": (),
}

DEVICE_CONSENT: Moves = {"pending": ("given", "ended"), "given": ("ended",), "ended": ()}
