"""The list *Who has access*."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation import explorer
from delegation.explorer import Line
from portal.cells import ago, day, markup, path, privileged
from portal.lists import WrittenTable
from portal.models import PathKind, Scope, Tenant
from portal.tables import moment


class AccessTable(WrittenTable):
    """One line for each path, those of a person together; `tenant` makes the links, on a date there are none."""

    person = tables.Column(verbose_name=_("Person"), empty_values=())
    sign_in_name = tables.Column(verbose_name=_("Sign-in name"), empty_values=(), visible=False)
    partner = tables.Column(verbose_name=_("Partner"), empty_values=(), visible=False)
    kind = tables.Column(verbose_name=_("Kind"), empty_values=(), visible=False)
    role = tables.Column(verbose_name=_("Can act as"), empty_values=())
    is_privileged = tables.Column(verbose_name=_("Privileged"), empty_values=(), visible=False)
    path = tables.Column(verbose_name=_("Because of"), empty_values=())
    since = tables.Column(verbose_name=_("Since"), empty_values=())
    until = tables.Column(verbose_name=_("Until"), empty_values=())
    extends = tables.Column(verbose_name=_("Extends itself"), empty_values=(), visible=False)
    used_at = tables.Column(verbose_name=_("Last used"), empty_values=())
    second_factor = tables.Column(verbose_name=_("Second factor"), empty_values=(), visible=False)
    what_if = tables.Column(
        verbose_name=_("What if"), empty_values=(), exclude_from_export=True, attrs={"th": {"data-unseen": ""}}
    )

    sorts = {"person": "name", "since": "since", "until": "until", "used_at": "used_at"}
    default_sort = "person"
    caption = _("Who has access")
    empty_title = _("Nobody here")
    empty_icon = "user-group"
    unlabelled = frozenset({"person", "what_if"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Nobody from outside can do anything in this tenant by what is looked for.")
        order_by_field = "sort"

    def __init__(self, *args: Any, tenant: Tenant, is_past: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant, self.is_past = tenant, is_past
        self.url = reverse("who-has-access", args=[tenant.slug])
        if is_past:
            self.columns.hide("what_if")

    # ── cells ──

    def cell_person(self, line: Line) -> SafeString:
        row = line.row
        tag = "strong" if line.is_first else "span"
        name = markup(f'<{tag} class="cut">{{}}</{tag}>', row.name)
        home = row.partner_name or gettext("Guest")
        more = SafeString("")
        if line.more:
            text = ngettext("%(count)d more way", "%(count)d more ways", line.more) % {"count": line.more}
            more = markup(' <a href="{}?{}">{}</a>', self.url, urlencode({"person": row.user_id}), text)
        sub = markup(' <span class="sub cut">{}</span> <span class="sub cut">{}</span>', row.sign_in_name, home)
        return name + (sub if line.is_first else SafeString("")) + more

    def cell_role(self, line: Line) -> SafeString:
        text = markup('<span class="cut">{}</span>', line.row.role_label)
        return markup("{} {}", text, privileged()) if line.row.is_privileged else text

    def cell_path(self, line: Line) -> SafeString:
        steps: list[Any] = explorer.steps(line)
        url = "" if self.is_past else grant_url(line, self.tenant)
        if url:
            steps[-2] = (steps[-2], url)
        return path(steps)

    def cell_since(self, line: Line) -> SafeString:
        return day(line.row.since)

    def cell_until(self, line: Line) -> SafeString:
        return until(line)

    def cell_used_at(self, line: Line) -> SafeString:
        if line.row.used_at is None:
            return markup("{}", gettext("never"))
        return day(line.row.used_at) if self.is_past else ago(line.row.used_at)

    def cell_what_if(self, line: Line) -> SafeString:
        url = f"{reverse('what-if', args=[self.tenant.slug])}?{urlencode({'source': line.row.source})}"
        spoken = gettext("What if %(role)s of %(person)s ended") % {
            "role": line.row.role_label,
            "person": line.row.name,
        }
        return markup('<a class="button small" href="{}" aria-label="{}">{}</a>', url, spoken, gettext("What if"))

    # ── exports ──

    def value_person(self, record: Line) -> str:
        return record.row.name

    def value_sign_in_name(self, record: Line) -> str:
        return record.row.sign_in_name

    def value_partner(self, record: Line) -> str:
        return record.row.partner_name

    def value_kind(self, record: Line) -> str:
        return explorer.kind_label(record.row)

    def value_role(self, record: Line) -> str:
        return record.row.role_label

    def value_is_privileged(self, record: Line) -> str:
        return gettext("yes") if record.row.is_privileged else gettext("no")

    def value_path(self, record: Line) -> str:
        return " → ".join(explorer.steps(record))

    def value_since(self, record: Line) -> str:
        return moment(record.row.since)

    def value_until(self, record: Line) -> str:
        return moment(record.row.until or record.extends_until)

    def value_extends(self, record: Line) -> str:
        row = record.row
        return gettext("yes") if row.kind == PathKind.GDAP and row.until is None else gettext("no")

    def value_used_at(self, record: Line) -> str:
        return moment(record.row.used_at)

    def value_second_factor(self, record: Line) -> str:
        return gettext("unknown")


def until(line: Line) -> SafeString:
    """The end of a path, and whether it moves on by itself."""
    row = line.row
    if row.until:
        return day(row.until)
    if row.kind == PathKind.GDAP:
        extends = markup('<span class="sub">{}</span>', gettext("extends itself"))
        return markup("{} {}", day(line.extends_until), extends) if line.extends_until else extends
    return markup("{}", gettext("no end"))


def grant_url(line: Line, tenant: Tenant) -> str:
    """The page that shows the grant, and ends it for whoever may."""
    row = line.row
    if line.gdap is not None:
        return reverse("customer-gdap", args=[tenant.slug, row.pair_id, line.gdap.relationship_id])
    if row.kind == PathKind.DAP:
        return reverse("partner-relationship", args=[tenant.slug, row.pair_id])
    if row.kind == PathKind.EXPLICIT:
        return reverse("user", args=[tenant.slug, row.user_id])
    if row.scope_id and row.scope_kind != Scope.Kind.ROOT:
        return reverse("azure-scope", args=[tenant.slug, row.scope_id])
    return ""
