"""Mail (DOMAIN §16): every message is a row first, then sent by a job, then followed by the provider's reports.

`queue`, `queue_selected` and `store` are what services and writes use; `rendering`, `sending` and `reports` are the
job's side.
"""

from portal.mail.outbox import PLACEHOLDER, collect, latest_about, nudge, queue, resend_message, store
from portal.mail.sets import moment, queue_selected

__all__ = [
    "PLACEHOLDER",
    "collect",
    "latest_about",
    "moment",
    "nudge",
    "queue",
    "queue_selected",
    "resend_message",
    "store",
]
