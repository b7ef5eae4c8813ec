"""The list *Role templates*."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.db.models import Count
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation import gdap_templates
from delegation.models import GdapRelationship, GdapTemplate, GdapTemplateVersion
from portal import catalogue, clock
from portal.cells import badge, day, link
from portal.lists import WrittenTable
from portal.tables import moment


def add_details(rows: list[GdapTemplate]) -> None:
    """Set `present`, the version that counts, and `live`, how many relationships in force were made from it."""
    keys = [row.pk for row in rows]
    versions = GdapTemplateVersion.objects.filter(gdap_templates.PRESENT, template__in=keys)
    present = {version.template_id: version for version in versions}
    in_force = GdapRelationship.objects.in_force(clock.now()).filter(template_version__template__in=keys)
    live = dict(in_force.values_list("template_version__template").annotate(Count("pk")).order_by())
    for row in rows:
        row.present, row.live = present[row.pk], live.get(row.pk, 0)  # type: ignore[attr-defined]


def roles_cell(role_ids: Any) -> str:
    """How many roles, and how many of them privileged."""
    found = [catalogue.roles()[role_id] for role_id in role_ids]
    text = ngettext("%(count)d role", "%(count)d roles", len(found)) % {"count": len(found)}
    privileged = sum(role.is_privileged for role in found)
    if not privileged:
        return text
    label = ngettext("%(count)d privileged", "%(count)d privileged", privileged) % {"count": privileged}
    return format_html("{} {}", text, badge("wait", label))


class TemplateTable(WrittenTable):
    """The partner's own templates, by their present versions."""

    name = tables.Column(verbose_name=_("Name"))
    version = tables.Column(verbose_name=_("Version"), accessor="latest")
    roles = tables.Column(verbose_name=_("Roles"), empty_values=(), accessor="pk")
    days = tables.Column(verbose_name=_("Days"), empty_values=(), accessor="pk")
    auto_extend = tables.Column(verbose_name=_("Auto-extend"), empty_values=(), accessor="pk")
    groups = tables.Column(verbose_name=_("Groups"), empty_values=(), accessor="pk")
    live = tables.Column(verbose_name=_("Relationships in force"), empty_values=())
    changed_at = tables.Column(verbose_name=_("Changed"), empty_values=(), accessor="pk")

    sorts = {"name": "name_key"}
    default_sort = "name"
    caption = _("Role templates")
    empty_title = _("No templates of your own here")
    empty_icon = "clipboard-document-list"
    unlabelled = frozenset({"name"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Make one, or copy one of the built-in ones below.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url

    def cell_name(self, record: Any) -> str:
        name = link(f"{self.url}/{record.pk}", record.name, record.present.note)
        return name + " " + badge("idle", gettext("Retired")) if record.retired_at else name

    def cell_version(self, record: Any) -> str:
        return str(record.latest)

    def cell_roles(self, record: Any) -> str:
        return roles_cell(record.present.roles)

    def cell_days(self, record: Any) -> str:
        return str(record.present.duration_days)

    def cell_auto_extend(self, record: Any) -> str:
        return gettext("yes") if record.present.auto_extend else gettext("no")

    def cell_groups(self, record: Any) -> str:
        return str(len(record.present.plans))

    def cell_live(self, record: Any) -> str:
        return str(record.live)

    def cell_changed_at(self, record: Any) -> str:
        return day(record.present.made_at)

    def value_roles(self, record: Any) -> str:
        return "; ".join(gdap_templates.role_labels(record.present.roles))

    def value_days(self, record: Any) -> str:
        return self.cell_days(record)

    def value_auto_extend(self, record: Any) -> str:
        return self.cell_auto_extend(record)

    def value_groups(self, record: Any) -> str:
        return "; ".join(plan["name"] for plan in record.present.plans)

    def value_live(self, record: Any) -> str:
        return self.cell_live(record)

    def value_changed_at(self, record: Any) -> str:
        return moment(record.present.made_at)
