"""The lists of *Our access*: people, and one person's customers; their filters."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation import explorer, our_access
from delegation.explorer import Line
from delegation.explorer_tables import until
from portal import lists
from portal.cells import ago, badge, link, markup, path, privileged
from portal.filters import TenantFilter
from portal.lists import WrittenTable
from portal.models import Pair, PathKind, Tenant, User
from portal.tables import moment, state_of

SHOWN = (("access", _("With access")), ("none", _("Without")), ("blocked", _("Blocked")))
WAYS = ((PathKind.DAP, _("DAP")), (PathKind.GDAP, _("GDAP")), (PathKind.AZURE, _("Azure")))
#: More lines of one customer than a row of a list needs; the customer's page has the rest.
MOST_LINES = 5


class PeopleFilter(TenantFilter):
    """The partner's people, by name and by whether they are in a group that holds anything for a customer."""

    show = django_filters.ChoiceFilter(choices=SHOWN, method="shown")

    class Meta:
        model = User
        fields: list[str] = []

    def shown(self, queryset: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        if value == "blocked":
            return queryset.filter(blocked_at__isnull=False)
        held = our_access.with_access(queryset.filter(blocked_at__isnull=True))
        return held if value == "access" else queryset.filter(blocked_at__isnull=True).exclude(pk__in=held.values("pk"))


class PeopleTable(WrittenTable):
    """Our people, with how many customers each reaches and how."""

    name = tables.Column(verbose_name=_("Person"), accessor="display_name")
    sign_in_name = tables.Column(verbose_name=_("Sign-in name"), visible=False)
    state = tables.Column(verbose_name=_("State"), empty_values=(), accessor="pk")
    customers = tables.Column(verbose_name=_("Customers"))
    ways = tables.Column(verbose_name=_("By"), empty_values=())
    groups = tables.Column(verbose_name=_("Groups"), empty_values=(), accessor="group_names")

    sorts = {"name": "name_key"}
    default_sort = "name"
    caption = _("Our access")
    empty_title = _("Nobody here")
    empty_icon = "user-group"
    unlabelled = frozenset({"name"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Nobody matches.")
        order_by_field = "sort"

    def __init__(self, *args: Any, partner: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partner = partner

    def cell_name(self, record: Any) -> SafeString:
        url = reverse("our-access-person", args=[self.partner.slug, record.pk])
        return link(url, record.display_name, record.sign_in_name)

    def cell_state(self, record: Any) -> SafeString:
        states = {
            "active": ("good", gettext("Active")),
            "blocked": ("bad", gettext("Blocked")),
            "invited": ("wait", gettext("Invited")),
            "deleted": ("idle", gettext("Deleted")),
        }
        return badge(*states[state_of(record)])

    def cell_customers(self, record: Any) -> str:
        return lists.shown_count(record.customers, lists.CHIP_UP_TO)

    def cell_ways(self, record: Any) -> SafeString:
        return format_html_join(" ", "{}", ((badge("plain", kind.label),) for kind in record.ways))

    def cell_groups(self, record: Any) -> SafeString:
        return markup('<span class="cut">{}</span>', ", ".join(record.group_names))

    def value_state(self, record: Any) -> str:
        return state_of(record)

    def value_customers(self, record: Any) -> str:
        return self.cell_customers(record)

    def value_ways(self, record: Any) -> str:
        return "; ".join(str(kind.label) for kind in record.ways)

    def value_groups(self, record: Any) -> str:
        return "; ".join(record.group_names)


class CustomersFilter(TenantFilter):
    """A person's customers by name; the view narrows by kind, which changes the question."""

    kind = django_filters.ChoiceFilter(choices=WAYS, method="as_it_is")

    class Meta:
        model = Pair
        fields: list[str] = []

    def as_it_is(self, queryset: QuerySet[Pair], name: str, value: str) -> QuerySet[Pair]:
        return queryset


class ReachTable(WrittenTable):
    """One person's customers, with every role held there."""

    customer = tables.Column(verbose_name=_("Customer"), accessor="customer_name")
    domain = tables.Column(verbose_name=_("Domain"), accessor="customer_domain", visible=False)
    roles = tables.Column(verbose_name=_("Can act as"), empty_values=(), accessor="pk")
    paths = tables.Column(verbose_name=_("Because of"), empty_values=(), accessor="pk")
    until = tables.Column(verbose_name=_("Until"), empty_values=(), accessor="pk")
    used_at = tables.Column(verbose_name=_("Last used"), empty_values=(), accessor="pk")

    sorts = {"customer": "customer_key"}
    default_sort = "customer"
    caption = _("Customers")
    empty_title = _("No customers here")
    empty_icon = "building-office-2"
    unlabelled = frozenset({"customer"})

    class Meta(WrittenTable.Meta):
        empty_text = _("This person can do nothing in any customer's tenant by what is looked for.")
        order_by_field = "sort"

    def __init__(self, *args: Any, partner: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partner = partner

    def cell_customer(self, record: Any) -> SafeString:
        url = reverse("customer", args=[self.partner.slug, record.pk])
        return link(url, record.customer_name, record.customer_domain)

    def cell_roles(self, record: Any) -> SafeString:
        shown = {line.row.role_label: line.row.is_privileged for line in record.lines}
        marked = (
            (name, privileged() if is_privileged else "") for name, is_privileged in [*shown.items()][:MOST_LINES]
        )
        more = gettext("and %(count)d more") % {"count": len(shown) - MOST_LINES} if len(shown) > MOST_LINES else ""
        return format_html_join("", '<span class="cut">{} {}</span>', marked) + markup(
            ' <span class="sub">{}</span>', more
        )

    def cell_paths(self, record: Any) -> SafeString:
        seen = dict.fromkeys(tuple(explorer.steps(line)) for line in record.lines)
        return SafeString("".join(path(steps) for steps in [*seen][:MOST_LINES]))

    def cell_until(self, record: Any) -> SafeString:
        line = _first_to_end(record.lines)
        return until(line) if line else SafeString("")

    def cell_used_at(self, record: Any) -> SafeString:
        last = _last_use(record.lines)
        return ago(last) if last else markup("{}", gettext("never"))

    def value_roles(self, record: Any) -> str:
        return "; ".join(dict.fromkeys(line.row.role_label for line in record.lines))

    def value_paths(self, record: Any) -> str:
        return "; ".join(dict.fromkeys(" → ".join(explorer.steps(line)) for line in record.lines))

    def value_until(self, record: Any) -> str:
        line = _first_to_end(record.lines)
        return moment(line.row.until) if line else ""

    def value_used_at(self, record: Any) -> str:
        return moment(_last_use(record.lines))


def _first_to_end(lines: list[Line]) -> Line | None:
    return min(lines, key=lambda line: (line.row.until is None, line.row.until or line.row.since), default=None)


def _last_use(lines: list[Line]) -> Any:
    return max((line.row.used_at for line in lines if line.row.used_at), default=None)
