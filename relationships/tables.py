"""The lists *Invitations* (the partner's) and *Requests* (the customer's)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.cells import badge, day, link, markup
from portal.lists import WrittenTable

_UNSENT = _("Not sent by the portal")
_TONES = {"accepted": "good", "open": "wait", "declined": "bad", "cancelled": "bad"}
_DELIVERY_TONES = {"delivered": "good"} | dict.fromkeys(("bounced", "rejected", "failed"), "bad")
_DELIVERY_TONES |= dict.fromkeys(("cancelled", "superseded"), "idle")


def state(invitation: Any) -> str:
    """What an invitation is now, as a badge."""
    return badge(_TONES.get(invitation.state_now, "idle"), invitation.state_label)


def delivery(message: Any) -> str:
    """What became of an invitation's message (None: the portal sent none), with the error where it failed."""
    if message is None:
        return markup('<span class="sub">{}</span>', _UNSENT)
    tone = _DELIVERY_TONES.get(message.state, "wait")
    state = badge(tone, message.get_state_display())
    return state + markup(' <span class="sub cut">{}</span>', message.last_error) if tone == "bad" else state


def moment(at: datetime | None) -> str:
    """A moment in an export: ISO 8601, UTC (DOMAIN §17)."""
    return at.astimezone(UTC).isoformat() if at else ""


class RequestTable(WrittenTable):
    """What both lists have in common: what is asked for, its state, its dates."""

    dap = tables.Column(accessor="with_dap", verbose_name=_("Delegated admin"))
    state = tables.Column(verbose_name=_("State"))
    expires_at = tables.Column(verbose_name=_("Expires"))

    def cell_dap(self, record: Any) -> str:
        return gettext("With") if record.with_dap else gettext("Without")

    def cell_state(self, record: Any) -> str:
        return state(record)

    def cell_expires_at(self, record: Any) -> str:
        return day(record.expires_at)

    def value_dap(self, record: Any) -> str:
        return self.cell_dap(record)

    def value_state(self, record: Any) -> str:
        return record.state_label

    def value_expires_at(self, record: Any) -> str:
        return moment(record.expires_at)


class InvitationTable(RequestTable):
    """A partner's invitations; delivery is known for those that the portal sent."""

    customer = tables.Column(accessor="customer_name", empty_values=(), verbose_name=_("Customer"))
    customer_address = tables.Column(verbose_name=_("E-mail"), visible=False)
    delivery = tables.Column(empty_values=(), verbose_name=_("Delivery"))
    uses = tables.Column(verbose_name=_("Accepted"))
    created_at = tables.Column(verbose_name=_("Created"))

    sorts = {"customer": "customer_key", "created_at": "created_at", "expires_at": "expires_at"}
    default_sort = "-created_at"
    caption = _("Invitations")
    empty_title = _("No invitations here")
    empty_icon = "envelope"
    unlabelled = frozenset({"customer"})

    class Meta(WrittenTable.Meta):
        sequence = ("customer", "customer_address", "state", "delivery", "dap", "uses", "created_at", "expires_at")
        empty_text = _("Requests for a relationship appear here, from the first draft on.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url

    def cell_customer(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.customer_name or gettext("Open link"), record.customer_address)

    def cell_delivery(self, record: Any) -> str:
        return delivery(record.delivery)

    def cell_uses(self, record: Any) -> str:
        return f"{record.uses} / {record.max_uses}"

    def cell_created_at(self, record: Any) -> str:
        return day(record.created_at)

    def value_customer(self, record: Any) -> str:
        return record.customer_name or gettext("Open link")

    def value_delivery(self, record: Any) -> str:
        return str(record.delivery.get_state_display() if record.delivery else _UNSENT)

    def value_created_at(self, record: Any) -> str:
        return moment(record.created_at)

    def value_uses(self, record: Any) -> str:
        return self.cell_uses(record)


class InboxTable(RequestTable):
    """Requests that are addressed to the tenant's verified domains."""

    partner = tables.Column(verbose_name=_("Partner"))
    customer_address = tables.Column(verbose_name=_("Sent to"))
    opened_at = tables.Column(verbose_name=_("Asked"))

    sorts = {"opened_at": "opened_at", "expires_at": "expires_at"}
    default_sort = "-opened_at"
    caption = _("Requests")
    empty_title = _("No requests here")
    empty_icon = "inbox"
    unlabelled = frozenset({"partner"})

    class Meta(WrittenTable.Meta):
        sequence = ("partner", "customer_address", "dap", "state", "opened_at", "expires_at")
        empty_text = _("Requests of partners that are addressed to your verified domains appear here.")
        order_by_field = "sort"

    def __init__(self, *args: Any, may_answer: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_answer = may_answer

    def cell_partner(self, record: Any) -> str:
        name = markup('<strong class="cut">{}</strong>', record.partner.display_name)
        if not self.may_answer:
            return name
        return markup('<a href="{}">{}</a>', reverse("answer-invitation", args=[record.pk]), name)

    def cell_customer_address(self, record: Any) -> str:
        return record.customer_address

    def cell_opened_at(self, record: Any) -> str:
        return day(record.opened_at)

    def value_partner(self, record: Any) -> str:
        return record.partner.display_name

    def value_opened_at(self, record: Any) -> str:
        return moment(record.opened_at)
