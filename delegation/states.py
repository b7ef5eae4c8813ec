"""Life cycles of GDAP (DOMAIN §6; names as in Graph), also enforced by the database."""

from __future__ import annotations

from portal.states import Moves

GDAP: Moves = {
    "created": ("approvalPending",),
    "approvalPending": ("approved", "terminated"),
    "approved": ("activating",),
    "activating": ("active",),
    "active": ("expiring", "terminationRequested"),
    "expiring": ("expired",),
    "expired": (),
    "terminationRequested": ("terminating",),
    "terminating": ("terminated",),
    "terminated": (),
}
#: No transaction leaves a row in one of these.
IN_BETWEEN = ("approved", "activating", "expiring", "terminationRequested", "terminating")
FINAL = ("expired", "terminated")

COUNTER_OFFER: Moves = {"open": ("accepted", "withdrawn", "lapsed"), "accepted": (), "withdrawn": (), "lapsed": ()}

#: Of a request through a reseller; a draft may still come to have one, or none.
RESELLER_ANSWER: Moves = {"": ("pending",), "pending": ("", "approved", "rejected"), "approved": (), "rejected": ()}

ASSIGNMENT: Moves = {"planned": ("active", "deleted"), "active": ("deleted",), "deleted": ()}
