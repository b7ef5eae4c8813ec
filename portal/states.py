"""Life cycles of the portal's own things: the allowed moves, also enforced by the database."""

from __future__ import annotations

from collections.abc import Mapping

Moves = Mapping[str, tuple[str, ...]]

#: DOMAIN §5: new → in progress → resolved → closed; reopened within 14 days (the days are the service's rule).
SERVICE_REQUEST: Moves = {
    "new": ("in_progress", "resolved"),
    "in_progress": ("resolved",),
    "resolved": ("closed", "in_progress"),
    "closed": ("in_progress",),
}

REOPEN_DAYS = 14
