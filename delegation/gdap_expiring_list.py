"""The list *Expiring*: its filter and its table."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation import catalogue, gdap_expiring
from delegation.gdap_tables import GdapTable
from delegation.models import GdapRelationship
from portal import search
from portal.cells import badge, day, markup, per_language, tick

BESIDE = (("with", _("DAP is still there")), ("without", _("No DAP")))
SWITCHED = (("on", _("Auto-extend on")), ("off", _("Auto-extend off")))


class ExpiringFilter(django_filters.FilterSet):
    """By when it ends, by auto-extend, by whether DAP lives beside it, by words of the name or the customer.

    Without a choice: all in force.
    """

    q = django_filters.CharFilter(method="by_words", max_length=200)
    due = django_filters.ChoiceFilter(choices=gdap_expiring.DUE, method="as_it_is")
    extend = django_filters.ChoiceFilter(
        label=_("Auto-extend"), empty_label=_("All"), choices=SWITCHED, method="by_extension"
    )

    dap = django_filters.ChoiceFilter(label=_("DAP"), empty_label=_("All"), choices=BESIDE, method="by_dap")

    class Meta:
        model = GdapRelationship
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[GdapRelationship]) -> QuerySet[GdapRelationship]:
        """What is over only where it is asked for."""
        return gdap_expiring.due(super().filter_queryset(queryset), self.form.cleaned_data.get("due") or "")

    def as_it_is(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return queryset

    def by_extension(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return queryset.filter(auto_extend=value == "on")

    def by_dap(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return gdap_expiring.beside_dap(queryset, is_there=value == "with")

    def by_words(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        acting: Any = self.request.acting  # type: ignore[union-attr]
        return search.matching(queryset, [acting.tenant.pk], value)


@per_language
def _days_left(left: int, is_extending: bool) -> str:
    text = ngettext("%(count)d day", "%(count)d days", left) % {"count": left}
    if is_extending or left >= max(catalogue.REMINDERS):
        return text
    return badge("bad" if left < min(catalogue.REMINDERS) else "wait", text)


@per_language
def _switch(is_on: bool) -> str:
    return badge("good", gettext("On")) if is_on else badge("idle", gettext("Off"))


class ExpiringTable(GdapTable):
    """Relationships by their end; rows can be chosen for an act on all of them."""

    select = tables.Column(
        verbose_name=_("Choose"),
        empty_values=(),
        accessor="pk",
        exclude_from_export=True,
        attrs={"th": {"data-unseen": ""}},
    )
    days_left = tables.Column(verbose_name=_("Days left"), empty_values=(), accessor="pk")
    auto_extend = tables.Column(verbose_name=_("Auto-extend"))
    falls_back = tables.Column(verbose_name=_("Falls back to DAP"), visible=False)

    sorts = {"display_name": "name_key", "ends_at": "ends_at", "created_at": "created_at"}
    default_sort = "ends_at"
    caption = _("Expiring")
    empty_title = _("Nothing ends here")
    empty_icon = "clock"
    unlabelled = frozenset({"select", "display_name"})

    class Meta(GdapTable.Meta):
        sequence = (
            "select",
            "display_name",
            "customer",
            "status",
            "ends_at",
            "days_left",
            "auto_extend",
            "roles",
            "...",
        )
        exclude = ("groups", "created_at")
        empty_text = _("Active relationships are listed here by their end.")

    def __init__(self, *args: Any, can_choose: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_choose:
            self.columns.hide("select")

    def cell_select(self, record: Any) -> str:
        return tick("bulk", "row", record.pk, record.display_name)

    def cell_days_left(self, record: Any) -> str:
        if record.shown_status != GdapRelationship.Status.ACTIVE:
            return ""
        return _days_left(gdap_expiring.days_left(record, self.now), record.auto_extend)

    def cell_ends_at(self, record: Any) -> str:
        return day(record.ended_at or record.end_at(self.now))

    def cell_auto_extend(self, record: Any) -> str:
        return _switch(record.auto_extend) if record.shown_status == GdapRelationship.Status.ACTIVE else ""

    def cell_roles(self, record: Any) -> str:
        roles = super().cell_roles(record)
        return markup("{} {}", roles, _beside(record)) if record.falls_back else roles

    def value_days_left(self, record: Any) -> str:
        return str(gdap_expiring.days_left(record, self.now))

    def value_auto_extend(self, record: Any) -> str:
        return gettext("yes") if record.auto_extend else gettext("no")

    def value_falls_back(self, record: Any) -> str:
        return gettext("yes") if record.falls_back else gettext("no")


def _beside(record: Any) -> str:
    """What DAP, which lives beside it, means for its end."""
    return _beside_dap(record.shown_status == GdapRelationship.Status.ACTIVE, record.auto_extend)


@per_language
def _beside_dap(is_active: bool, is_extending: bool) -> str:
    if not is_active:
        return badge("bad", gettext("DAP again"))
    return badge("wait", gettext("DAP as well")) if is_extending else badge("bad", gettext("then DAP again"))
