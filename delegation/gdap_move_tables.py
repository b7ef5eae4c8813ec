"""The list *DAP to GDAP*."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from delegation import gdap_move
from delegation.models import DapGrant, GdapRelationship
from portal.cells import ago, badge, day, link, tick
from portal.lists import WrittenTable
from portal.tables import moment

Status = GdapRelationship.Status
LABELS = dict(gdap_move.STATES)
_LIVE = (Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)
TONES = {
    gdap_move.OPEN: "bad",
    gdap_move.PROPOSED: "idle",
    gdap_move.REQUESTED: "wait",
    gdap_move.APPROVED: "wait",
    gdap_move.CHECKED: "good",
    gdap_move.DONE: "good",
}


def state_badge(state: str) -> SafeString:
    """How far a move is."""
    return badge(TONES[state], LABELS[state])


def add_details(rows: list[Any]) -> None:
    """Set `dap_since`, `dap_until` and `relationship`, the GDAP one that the move is about: two queries."""
    keys = [row.pk for row in rows]
    grants = DapGrant.objects.filter(pair__in=keys).order_by("pair", "started_at")
    dap = {grant.pair_id: grant for grant in grants}
    found = list(GdapRelationship.objects.filter(pair__in=keys).order_by("created_at"))
    last = {row.pair_id: row for row in found}
    live = {row.pair_id: row for row in found if row.status_now in _LIVE}
    for row in rows:
        row.dap_since, row.dap_until = dap[row.pk].started_at, dap[row.pk].ended_at
        row.relationship = live.get(row.pk) or last.get(row.pk)


class MoveTable(WrittenTable):
    """A partner's customers with DAP, and those that gave it up for GDAP."""

    chosen = tables.Column(
        verbose_name=_("Choose"),
        empty_values=(),
        accessor="pk",
        exclude_from_export=True,
        attrs={"th": {"data-unseen": ""}},
    )
    customer_name = tables.Column(verbose_name=_("Customer"))
    customer_domain = tables.Column(verbose_name=_("Domain"), visible=False)
    state = tables.Column(verbose_name=_("State"), empty_values=(), accessor="pk")
    gdap = tables.Column(verbose_name=_("Admin relationship"), empty_values=(), accessor="pk")
    dap_since = tables.Column(verbose_name=_("DAP since"), empty_values=(), accessor="pk")
    dap_until = tables.Column(verbose_name=_("DAP until"), empty_values=(), accessor="pk", visible=False)
    last_on_behalf_at = tables.Column(verbose_name=_("Last work on behalf"))

    sorts = {"customer_name": "customer_key", "last_on_behalf_at": "last_on_behalf_at"}
    default_sort = "customer_name"
    caption = _("DAP to GDAP")
    empty_title = _("No customers here")
    empty_icon = "arrow-right-circle"
    unlabelled = frozenset({"chosen", "customer_name"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Customers that granted you delegated admin (DAP) appear here.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, can_choose: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url
        if not can_choose:
            self.columns.hide("chosen")

    def cell_chosen(self, record: Any) -> str:
        return tick("chosen", "chosen", record.pk, record.customer_name)

    def cell_customer_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.customer_name, record.customer_domain)

    def cell_state(self, record: Any) -> str:
        return state_badge(record.move_state)

    def cell_gdap(self, record: Any) -> str:
        return f"{record.relationship.display_name} ({record.relationship.status_label})" if record.relationship else ""

    def cell_dap_since(self, record: Any) -> str:
        return day(record.dap_since)

    def cell_dap_until(self, record: Any) -> str:
        return day(record.dap_until)

    def cell_last_on_behalf_at(self, record: Any) -> str:
        return ago(record.last_on_behalf_at)

    def value_customer_name(self, record: Any) -> str:
        return record.customer_name

    def value_state(self, record: Any) -> str:
        return str(LABELS[record.move_state])

    def value_gdap(self, record: Any) -> str:
        return self.cell_gdap(record)

    def value_dap_since(self, record: Any) -> str:
        return moment(record.dap_since)

    def value_dap_until(self, record: Any) -> str:
        return moment(record.dap_until)

    def value_last_on_behalf_at(self, record: Any) -> str:
        return moment(record.last_on_behalf_at)
