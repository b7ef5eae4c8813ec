"""The lists *Invitations* (the partner's) and *Requests* (the customer's)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.cells import Cell
from portal.lists import ListTable

_UNSENT = _("Not sent by the portal")


def moment(at: datetime | None) -> str:
    """A moment in an export: ISO 8601, UTC (DOMAIN §17)."""
    return at.astimezone(UTC).isoformat() if at else ""


def _moment(**options: Any) -> Cell:
    return Cell(template_name="relationships/_moment.html", **options)


class RequestTable(ListTable):
    """What both lists have in common: what is asked for, its state, its dates."""

    dap = tables.Column(accessor="with_dap", verbose_name=_("Delegated admin"))
    state = Cell(template_name="relationships/_state.html", verbose_name=_("State"))
    expires_at = _moment(verbose_name=_("Expires"), extra_context={"show": "date"})

    def render_dap(self, value: bool) -> str:
        return gettext("With") if value else gettext("Without")

    def value_state(self, record: Any) -> str:
        return record.state_label

    def value_expires_at(self, record: Any) -> str:
        return moment(record.expires_at)


class InvitationTable(RequestTable):
    """A partner's invitations; delivery is known for those that the portal sent."""

    customer = Cell(
        template_name="relationships/_customer.html",
        accessor="customer_name",
        empty_values=(),
        verbose_name=_("Customer"),
    )
    customer_address = tables.Column(verbose_name=_("E-mail"), visible=False)
    delivery = Cell(template_name="relationships/_delivery.html", empty_values=(), verbose_name=_("Delivery"))
    uses = tables.Column(verbose_name=_("Accepted"))
    created_at = _moment(verbose_name=_("Created"), extra_context={"show": "date"})

    sorts = {"customer": "customer_key", "created_at": "created_at", "expires_at": "expires_at"}
    default_sort = "-created_at"
    caption = _("Invitations")
    empty_title = _("No invitations here")
    empty_icon = "envelope"

    class Meta:
        sequence = ("customer", "customer_address", "state", "delivery", "dap", "uses", "created_at", "expires_at")
        template_name = "relationships/invitations_table.html"
        empty_text = _("Requests for a relationship appear here, from the first draft on.")
        order_by_field = "sort"

    def value_customer(self, record: Any) -> str:
        return record.customer_name or gettext("Open link")

    def value_delivery(self, record: Any) -> str:
        return str(record.delivery.get_state_display() if record.delivery else _UNSENT)

    def value_created_at(self, record: Any) -> str:
        return moment(record.created_at)

    def render_uses(self, record: Any) -> str:
        return f"{record.uses} / {record.max_uses}"


class InboxTable(RequestTable):
    """Requests that are addressed to the tenant's verified domains."""

    partner = Cell(template_name="relationships/_asking.html", verbose_name=_("Partner"))
    customer_address = tables.Column(verbose_name=_("Sent to"))
    opened_at = _moment(verbose_name=_("Asked"), extra_context={"show": "date"})

    sorts = {"opened_at": "opened_at", "expires_at": "expires_at"}
    default_sort = "-opened_at"
    caption = _("Requests")
    empty_title = _("No requests here")
    empty_icon = "inbox"

    class Meta:
        sequence = ("partner", "customer_address", "dap", "state", "opened_at", "expires_at")
        empty_text = _("Requests of partners that are addressed to your verified domains appear here.")
        order_by_field = "sort"

    def value_partner(self, record: Any) -> str:
        return record.partner.display_name
