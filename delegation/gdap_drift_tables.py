"""The list *Drift*."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation.gdap_tables import customer_of
from portal.cells import badge, link, tick
from portal.lists import WrittenTable


class DriftTable(WrittenTable):
    """Relationships in force that differ from their template's present version; those that can be chosen."""

    chosen = tables.Column(
        verbose_name=_("Choose"), empty_values=(), exclude_from_export=True, attrs={"th": {"data-unseen": ""}}
    )
    display_name = tables.Column(verbose_name=_("Name"))
    customer = tables.Column(verbose_name=_("Customer"), empty_values=())
    template = tables.Column(verbose_name=_("Template"), empty_values=(), accessor="pk")
    missing = tables.Column(verbose_name=_("Roles missing"), empty_values=(), accessor="pk")
    extra = tables.Column(verbose_name=_("Roles too many"), empty_values=(), accessor="pk")
    days = tables.Column(verbose_name=_("Days"), empty_values=(), accessor="pk")
    extension = tables.Column(verbose_name=_("Auto-extend"), empty_values=(), accessor="pk")
    asked = tables.Column(verbose_name=_("Amendment"), empty_values=(), accessor="pk")

    sorts = {"display_name": "name_key"}
    default_sort = "display_name"
    caption = _("Drift")
    empty_title = _("Nothing differs")
    empty_icon = "scale"
    unlabelled = frozenset({"chosen", "display_name"})

    class Meta(WrittenTable.Meta):
        sequence = ("chosen", "display_name", "customer", "template", "missing", "extra", "days", "extension", "asked")
        empty_text = _("Every relationship in force that was made from a template is as the template says now.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, form: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url, self.form = url, form
        if not form:
            self.columns.hide("chosen")

    def cell_chosen(self, record: Any) -> str:
        return tick(self.form, "chosen", record.pk, record.display_name)

    def cell_display_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.display_name)

    def cell_customer(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', customer_of(record))

    def cell_template(self, record: Any) -> str:
        return format_html(
            '<span class="cut">{}</span> <span class="sub">{}</span>',
            record.drift.present.template.name,
            gettext("version %(made)s, now %(present)s")
            % {"made": record.template_version.number, "present": record.drift.present.number},
        )

    def cell_missing(self, record: Any) -> str:
        return ", ".join(record.drift.missing_names)

    def cell_extra(self, record: Any) -> str:
        return ", ".join(record.drift.extra_names)

    def cell_days(self, record: Any) -> str:
        if not record.drift.has_other_days:
            return ""
        return gettext("%(has)s, not %(says)s") % {
            "has": record.granted_days,
            "says": record.drift.present.duration_days,
        }

    def cell_extension(self, record: Any) -> str:
        if not record.drift.has_other_extension:
            return ""
        return gettext("on, not off") if record.auto_extend else gettext("off, not on")

    def cell_asked(self, record: Any) -> str:
        return badge("wait", gettext("asked for")) if record.is_asked else ""

    def value_display_name(self, record: Any) -> str:
        return record.display_name

    def value_customer(self, record: Any) -> str:
        return customer_of(record)

    def value_template(self, record: Any) -> str:
        return str(record.drift.present)

    def value_missing(self, record: Any) -> str:
        return "; ".join(record.drift.missing_names)

    def value_extra(self, record: Any) -> str:
        return "; ".join(record.drift.extra_names)

    def value_days(self, record: Any) -> str:
        return self.cell_days(record)

    def value_extension(self, record: Any) -> str:
        return self.cell_extension(record)

    def value_asked(self, record: Any) -> str:
        return gettext("yes") if record.is_asked else gettext("no")
