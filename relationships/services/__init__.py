"""Every write about invitations, their answers and relationships (DOMAIN §3, §4)."""

from relationships.services.answers import (
    Acceptance,
    Closed,
    OfferChanged,
    accept_invitation,
    decline_invitation,
    forward_invitation,
    forward_request,
)
from relationships.services.invitations import (
    cancel_invitation,
    count_opening,
    create_invitation,
    edit_draft,
    open_invitation,
    replace_link,
    resend_invitation,
    send_invitation,
)
from relationships.services.relationships import (
    block_partner,
    end_relationship,
    give_device_consent,
    unblock_partner,
)
from relationships.services.sweeps import expire_due, remind_due
from relationships.services.types import begin_type, end_type, end_types

__all__ = [
    "Acceptance",
    "Closed",
    "OfferChanged",
    "accept_invitation",
    "begin_type",
    "block_partner",
    "cancel_invitation",
    "count_opening",
    "create_invitation",
    "decline_invitation",
    "edit_draft",
    "end_relationship",
    "end_type",
    "end_types",
    "expire_due",
    "forward_invitation",
    "forward_request",
    "give_device_consent",
    "open_invitation",
    "remind_due",
    "replace_link",
    "resend_invitation",
    "send_invitation",
    "unblock_partner",
]
