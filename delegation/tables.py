"""The lists *Customers* and *Partner relationships*."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from portal.lists import ListTable


def dap_words(pair: Any) -> str:
    """The state of delegated admin in words, for CSV."""
    if pair.dap is not None:
        return gettext("DAP")
    return gettext("Requested") if getattr(pair, "dap_asked_until", None) else gettext("None")


class PairTable(ListTable):
    """What both sides' lists of pairs have in common. Rows are written by the table's template, CSV by `value_…`."""

    types = tables.Column(verbose_name=_("Relationship"))
    dap = tables.Column(verbose_name=_("Delegated admin"), empty_values=())

    def value_types(self, record: Any) -> str:
        return "; ".join(map(str, record.types))

    def value_dap(self, record: Any) -> str:
        return dap_words(record)


class CustomerTable(PairTable):
    """A partner's customers; a row expands to the services of the customer (DOMAIN §4)."""

    services = tables.Column(
        verbose_name=_("Services"), empty_values=(), exclude_from_export=True, attrs={"th": {"data-unseen": ""}}
    )
    customer_name = tables.Column(verbose_name=_("Customer"))
    customer_domain = tables.Column(verbose_name=_("Domain"), visible=False)
    started_at = tables.Column(verbose_name=_("Since"))
    ended_at = tables.Column(verbose_name=_("Until"), visible=False)
    last_on_behalf_at = tables.Column(verbose_name=_("Last work on behalf"))

    sorts = {
        "customer_name": "customer_key",
        "started_at": "started_at",
        "last_on_behalf_at": "last_on_behalf_at",
    }
    default_sort = "customer_name"
    caption = _("Customers")
    empty_title = _("No customers here")
    empty_icon = "building-office-2"

    class Meta:
        sequence = ("services", "customer_name", "customer_domain", "types", "dap", "started_at", "...")
        template_name = "delegation/customers_table.html"
        empty_text = _("A customer appears here when it accepts your request for a relationship.")
        order_by_field = "sort"

    def value_customer_name(self, record: Any) -> str:
        return record.customer_name

    def value_started_at(self, record: Any) -> str:
        return _iso(record.started_at)

    def value_ended_at(self, record: Any) -> str:
        return _iso(record.ended_at)

    def value_last_on_behalf_at(self, record: Any) -> str:
        return _iso(record.last_on_behalf_at)


class PartnerTable(PairTable):
    """A customer's partners; the selected one's details stand beside the list."""

    partner_name = tables.Column(verbose_name=_("Partner"))
    partner_number = tables.Column(
        accessor="partner__profile__partner_number", verbose_name=_("Partner ID"), visible=False
    )
    country = tables.Column(accessor="partner__country", verbose_name=_("Country"), visible=False)
    started_at = tables.Column(verbose_name=_("Since"))
    ended_at = tables.Column(verbose_name=_("Until"))
    last_on_behalf_at = tables.Column(verbose_name=_("Last work here"))

    sorts = {
        "partner_name": "partner_key",
        "started_at": "started_at",
        "ended_at": "ended_at",
        "last_on_behalf_at": "last_on_behalf_at",
    }
    default_sort = "partner_name"
    caption = _("Partner relationships")
    empty_title = _("No partners here")
    empty_icon = "link"

    class Meta:
        sequence = ("partner_name", "partner_number", "country", "types", "dap", "started_at", "...")
        empty_text = _("Organisations that you accept as a partner appear here, with what they may do in your tenant.")
        order_by_field = "sort"
        template_name = "delegation/partners_table.html"

    def __init__(self, *args: Any, selected: Any = None, has_ended: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.selected, self.has_ended = selected, has_ended
        if not has_ended:  # an empty column; CSV has it anyway
            self.columns.hide("ended_at")
        if selected:  # the details beside the list say it
            self.columns.hide("started_at")

    def value_partner_name(self, record: Any) -> str:
        return record.partner_name

    def value_country(self, value: str) -> str:
        return str(countries.name(value) or value)

    def value_started_at(self, record: Any) -> str:
        return _iso(record.started_at)

    def value_ended_at(self, record: Any) -> str:
        return _iso(record.ended_at)

    def value_last_on_behalf_at(self, record: Any) -> str:
        return _iso(record.last_on_behalf_at)


def _iso(moment: Any) -> str:
    """UTC in exports (DOMAIN §17)."""
    return moment.isoformat(timespec="seconds") if moment else ""
