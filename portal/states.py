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

#: A bulk job: cancelled and failed ones can be resumed.
JOB: Moves = {
    "queued": ("running", "cancelled", "failed"),
    "running": ("done", "cancelled", "failed"),
    "cancelled": ("queued",),
    "failed": ("queued",),
    "done": (),
}
#: Each row has one outcome, once.
JOB_ROW: Moves = {"waiting": ("done", "refused", "failed"), "done": (), "refused": (), "failed": ()}
