"""The lists *Customers* and *Partner relationships*."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_tables2 as tables
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from portal import clock
from portal.cells import ago, badge, day, link, markup, per_language
from portal.lists import WrittenTable

#: What ends this soon is marked.
_SOON = timedelta(days=30)


def dap_words(pair: Any) -> str:
    """The state of delegated admin in words, for CSV."""
    held = [gettext("DAP")] if pair.has_dap else []
    if pair.gdap_until is not None:
        held.append(gettext("GDAP"))
    if pair.dap_asked_until:
        held.append(gettext("Requested"))
    return "; ".join(held) or gettext("None")


class PairTable(WrittenTable):
    """What both sides' lists of pairs have in common."""

    types = tables.Column(verbose_name=_("Relationship"))
    dap = tables.Column(verbose_name=_("Delegated admin"), empty_values=())

    @cached_property
    def _held(self) -> SafeString:
        return badge("bad", gettext("DAP · all rights"))

    @cached_property
    def _gdap(self) -> SafeString:
        return badge("good", gettext("GDAP"))

    @cached_property
    def _not_held(self) -> SafeString:
        return badge("idle", gettext("None"))

    @cached_property
    def _extends(self) -> SafeString:
        return markup(' <span class="sub">{}</span> ', gettext("extends itself"))

    @cached_property
    def _until_word(self) -> str:
        return gettext("until")

    def cell_types(self, record: Any) -> str:
        return SafeString("".join(markup('<span class="cut">{}</span>', name) for name in record.types))

    def cell_dap(self, record: Any) -> str:
        held = self._held if record.has_dap else SafeString("")
        if record.gdap_until is not None:
            held += self.gdap(record)
        if record.dap_asked_until is not None:
            held += badge("wait", gettext("Requested")) + self._until(record.dap_asked_until)
        return held or self._not_held

    def gdap(self, record: Any) -> SafeString:
        """What it holds by GDAP."""
        return self._gdap + self._until(record.gdap_until, record.extends)

    def _until(self, end: Any, extends: bool = False) -> SafeString:
        return self._extends if extends else markup(' <span class="sub">{} {}</span> ', self._until_word, day(end))

    def cell_started_at(self, record: Any) -> str:
        return day(record.started_at)

    def cell_ended_at(self, record: Any) -> str:
        return day(record.ended_at)

    def cell_last_on_behalf_at(self, record: Any) -> str:
        return ago(record.last_on_behalf_at)

    def value_started_at(self, record: Any) -> str:
        return _iso(record.started_at)

    def value_ended_at(self, record: Any) -> str:
        return _iso(record.ended_at)

    def value_last_on_behalf_at(self, record: Any) -> str:
        return _iso(record.last_on_behalf_at)

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
    unlabelled = frozenset({"services", "customer_name"})

    class Meta(WrittenTable.Meta):
        sequence = ("services", "customer_name", "customer_domain", "types", "dap", "started_at", "...")
        empty_text = _("A customer appears here when it accepts your request for a relationship.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, details_of: Callable[[Any], str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url, self.details_of = url, details_of
        self.opened = self.kept = ""

    def keep(self, query: QueryDict) -> None:
        """Take over from the address which row is open and what the others' links keep."""
        query = query.copy()
        self.opened = query.pop("open", [""])[-1]
        self.kept = query.urlencode()

    def is_open(self, record: Any) -> bool:
        return str(record.pk) == self.opened

    @cached_property
    def _arrow(self) -> str:
        return render_to_string("cotton/icon.html", {"name": "chevron-right"})

    @cached_property
    def _services_of(self) -> str:
        return gettext("Services of %(name)s")

    def cell_services(self, record: Any) -> str:
        label = self._services_of % {"name": record.customer_name}
        if self.is_open(record):
            return markup(
                '<a class="expander" id="arrow-{pk}" aria-label="{label}" href="{url}?{kept}" aria-expanded="true"'
                ' aria-controls="details-{pk}" hx-get="{url}/{pk}/services?close=1" hx-target="#details-{pk}"'
                ' hx-swap="delete">{arrow}</a>',
                pk=record.pk,
                label=label,
                url=self.url,
                kept=self.kept,
                arrow=self._arrow,
            )
        return markup(
            '<a class="expander" id="arrow-{pk}" aria-label="{label}" href="{url}?{kept}open={pk}"'
            ' aria-expanded="false" hx-get="{url}/{pk}/services" hx-target="closest tr" hx-swap="afterend">{arrow}</a>',
            pk=record.pk,
            label=label,
            url=self.url,
            kept=self.kept and f"{self.kept}&",
            arrow=self._arrow,
        )

    def cell_customer_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.customer_name, record.customer_domain)

    def after_row(self, record: Any) -> SafeString:
        if not self.is_open(record):
            return SafeString("")
        return markup(
            '<tr class="details" role="row" id="details-{}"><td role="cell" colspan="{}">{}</td></tr>',
            record.pk,
            len(self.columns),
            self.details_of(record),
        )

    def value_customer_name(self, record: Any) -> str:
        return record.customer_name


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
    unlabelled = frozenset({"partner_name"})

    class Meta(WrittenTable.Meta):
        sequence = ("partner_name", "partner_number", "country", "types", "dap", "started_at", "...")
        empty_text = _("Organisations that you accept as a partner appear here, with what they may do in your tenant.")
        order_by_field = "sort"

    def __init__(
        self, *args: Any, url: str, kept: str = "", selected: Any = None, has_ended: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.url, self.kept, self.selected, self.now = url, kept, selected, clock.now()
        if not has_ended:  # an empty column; CSV has it anyway
            self.columns.hide("ended_at")
        if selected:  # the details beside the list say it
            self.columns.hide("started_at")

    def cell_dap(self, record: Any) -> str:
        held = super().cell_dap(record)
        if not record.gdap_pending:
            return held
        text = ngettext("%(count)d request", "%(count)d requests", record.gdap_pending)
        asked = badge("wait", text % {"count": record.gdap_pending})
        is_bare = not (record.has_dap or record.gdap_until or record.dap_asked_until)
        return asked if is_bare else markup("{} {}", held, asked)

    def gdap(self, record: Any) -> SafeString:
        """How many roles, and the first end that nothing prolongs."""
        text = ngettext("%(count)d role", "%(count)d roles", record.gdap_roles) % {"count": record.gdap_roles}
        end = record.gdap_ends_at
        if end is None:
            return badge("good", text) + self._until(None, extends=True)
        is_soon = end - self.now <= _SOON
        return badge("wait" if is_soon else "good", text) + self._until(end)

    @cached_property
    def _number(self) -> str:
        return gettext("ID %(number)s")

    def row_marks(self, record: Any) -> SafeString:
        return SafeString(' aria-selected="true"' if record.pk == self.selected else "")

    def cell_partner_name(self, record: Any) -> str:
        profile = record.partner.partner_profile
        number = self._number % {"number": profile.partner_number} if profile else ""
        about = " · ".join(filter(None, [number, _country(record.partner.country)]))
        name = link(f"{self.url}/{record.pk}{self.kept}", record.partner_name, about)
        return name + " " + badge("wait", gettext("Blocked")) if record.blocked_at else name

    def value_partner_name(self, record: Any) -> str:
        return record.partner_name

    def value_country(self, value: str) -> str:
        return str(_country(value) or value)


@per_language
def _country(code: str) -> str:
    return str(countries.name(code))


def _iso(moment: Any) -> str:
    """UTC in exports (DOMAIN §17)."""
    return moment.isoformat(timespec="seconds") if moment else ""
