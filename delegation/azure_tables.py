"""The lists of Azure: subscriptions, what is below a scope, role assignments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import django_tables2 as tables
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation import azure_pages
from delegation.models import AzureSubscription
from portal.cells import badge, button, day, link
from portal.lists import WrittenTable
from portal.models import Scope, User
from portal.tables import moment


def state_badge(subscription: AzureSubscription) -> SafeString:
    """Active or cancelled, by word and colour."""
    tone = "good" if subscription.state == AzureSubscription.State.ACTIVE else "bad"
    return badge(tone, subscription.get_state_display())


def provisioner(subscription: AzureSubscription, user: User) -> str:
    """By which partner it was provisioned; on behalf, other partners have no name (DOMAIN §5)."""
    partner = subscription.provisioned_by
    if partner is None:
        return gettext("the customer itself")
    known = user.tenant_id in (subscription.tenant_id, partner.pk)
    return partner.display_name if known else gettext("another partner")


class SubscriptionTable(WrittenTable):
    """A tenant's subscriptions, as far as this person sees them."""

    name = tables.Column(verbose_name=_("Name"))
    key = tables.Column(verbose_name=_("Subscription ID"), accessor="pk")
    state = tables.Column(verbose_name=_("State"), empty_values=(), accessor="pk")
    offer = tables.Column(verbose_name=_("Offer"), empty_values=(), accessor="pk")
    provisioned_by = tables.Column(verbose_name=_("Provisioned by"), empty_values=(), accessor="pk")
    below = tables.Column(verbose_name=_("Resource groups"), empty_values=(), accessor="pk")
    created_at = tables.Column(verbose_name=_("Since"))

    sorts = {"name": "name", "created_at": "created_at"}
    default_sort = "name"
    caption = _("Azure subscriptions")
    empty_title = _("No subscriptions here")
    empty_icon = "cloud"
    unlabelled = frozenset({"name"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Subscriptions at which you hold an Azure role are listed here.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url, self.user = url, user

    def cell_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.name)

    def cell_key(self, record: Any) -> str:
        return format_html("<code>{}</code>", record.pk)

    def cell_state(self, record: Any) -> str:
        return state_badge(record.subscription)

    def cell_offer(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', record.subscription.offer)

    def cell_provisioned_by(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', provisioner(record.subscription, self.user))

    def cell_below(self, record: Any) -> str:
        return str(record.below_count)

    def cell_created_at(self, record: Any) -> str:
        return day(record.created_at)

    def value_key(self, record: Any) -> str:
        return str(record.pk)

    def value_state(self, record: Any) -> str:
        return str(record.subscription.state)

    def value_offer(self, record: Any) -> str:
        return str(record.subscription.offer)

    def value_provisioned_by(self, record: Any) -> str:
        return provisioner(record.subscription, self.user)

    def value_below(self, record: Any) -> str:
        return str(record.below_count)

    def value_created_at(self, record: Any) -> str:
        return moment(record.created_at)


def tag_words(scope: Scope) -> str:
    """Its tags in one line."""
    return ", ".join(f"{name}={value}" if value else name for name, value in sorted(scope.tags.items()))


class TreeTable(WrittenTable):
    """What is below a scope: a resource group expands to its resources."""

    opener = tables.Column(
        verbose_name=_("Resources"),
        empty_values=(),
        accessor="pk",
        exclude_from_export=True,
        attrs={"th": {"data-unseen": ""}},
    )
    kind = tables.Column(verbose_name=_("Kind"), visible=False)
    name = tables.Column(verbose_name=_("Name"))
    resource_type = tables.Column(verbose_name=_("Type"), empty_values=())
    parent = tables.Column(verbose_name=_("In"), empty_values=(), accessor="pk")
    tags = tables.Column(verbose_name=_("Tags"), empty_values=(), visible=False)
    below = tables.Column(verbose_name=_("Resources"), empty_values=(), accessor="pk", exclude_from_export=True)
    roles = tables.Column(verbose_name=_("Assignments here"), empty_values=(), accessor="pk")

    sorts = {"name": "name"}
    default_sort = "name"
    caption = _("Resource groups and resources")
    empty_title = _("Nothing is below this scope")
    empty_icon = "square-3-stack-3d"
    unlabelled = frozenset({"opener", "name"})

    class Meta(WrittenTable.Meta):
        sequence = ("opener", "kind", "name", "resource_type", "parent", "tags", "below", "roles")
        empty_text = _("Resource groups and resources are created here, or imported.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, kind: str, is_deep: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url, self.opened, self.kept = url, "", ""
        self.inside: list[Scope] = []
        is_group_list = kind == Scope.Kind.SUBSCRIPTION and not is_deep
        for name, is_shown in (
            ("opener", is_group_list),
            ("below", is_group_list),
            ("parent", is_deep and kind == Scope.Kind.SUBSCRIPTION),
            ("resource_type", not is_group_list),
        ):
            if not is_shown:
                self.columns.hide(name)

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

    def cell_opener(self, record: Any) -> str:
        if not record.below_count:
            return ""
        is_open = self.is_open(record)
        more = "" if is_open else f"open={record.pk}"
        return format_html(
            '<a class="expander" id="arrow-{pk}" aria-label="{label}" href="?{query}" aria-expanded="{state}"{controls}'
            ' hx-get="?{query}" hx-target="#list" hx-select="#list" hx-swap="outerHTML show:none">{arrow}</a>',
            pk=record.pk,
            label=gettext("Resources of %(name)s") % {"name": record.name},
            query="&".join(filter(None, (self.kept, more))),
            state="true" if is_open else "false",
            controls=format_html(' aria-controls="below-{}"', record.pk) if is_open else "",
            arrow=self._arrow,
        )

    def cell_kind(self, record: Any) -> str:
        return str(record.get_kind_display())

    def cell_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.name, tag_words(record))

    def cell_resource_type(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', record.resource_type or record.get_kind_display())

    def cell_parent(self, record: Any) -> str:
        if record.kind == Scope.Kind.RESOURCE_GROUP:
            return ""
        return format_html('<a href="{}/{}"><span class="cut">{}</span></a>', self.url, record.parent_id, record.parent)

    def cell_below(self, record: Any) -> str:
        return str(record.below_count)

    def cell_roles(self, record: Any) -> str:
        return str(record.assignment_count)

    def after_row(self, record: Any) -> SafeString:
        if not self.is_open(record):
            return SafeString("")
        more = record.below_count - len(self.inside)
        inside = render_to_string(
            "delegation/_azure_below.html", {"inside": self.inside, "url": self.url, "more": more, "record": record}
        )
        return format_html(
            '<tr class="details" role="row" id="below-{}"><td role="cell" colspan="{}">{}</td></tr>',
            record.pk,
            len(self.columns),
            inside,
        )

    def value_parent(self, record: Any) -> str:
        return "" if record.kind == Scope.Kind.RESOURCE_GROUP else record.parent.name

    def value_tags(self, record: Any) -> str:
        return ";".join(f"{name}={value}" for name, value in sorted(record.tags.items()))

    def value_roles(self, record: Any) -> str:
        return str(record.assignment_count)


class AssignmentTable(WrittenTable):
    """Who holds what at a scope: made here, or inherited from above."""

    principal = tables.Column(verbose_name=_("Principal"), empty_values=(), accessor="principal_name")
    principal_type = tables.Column(verbose_name=_("Type"), visible=False)
    partner = tables.Column(verbose_name=_("Partner"), empty_values=(), accessor="pk", visible=False)
    role = tables.Column(verbose_name=_("Role"), empty_values=(), accessor="pk")
    scope = tables.Column(verbose_name=_("From"), empty_values=(), accessor="pk")
    description = tables.Column(verbose_name=_("Description"), empty_values=(), visible=False)
    started_at = tables.Column(verbose_name=_("Since"))
    maker = tables.Column(verbose_name=_("By"), empty_values=(), accessor="pk", visible=False)
    until = tables.Column(verbose_name=_("Until"), empty_values=())
    elevated = tables.Column(verbose_name=_("Made elevated"), empty_values=(), accessor="pk", visible=False)
    actions = tables.Column(
        verbose_name=_("Actions"),
        empty_values=(),
        accessor="pk",
        exclude_from_export=True,
        attrs={"th": {"data-unseen": ""}},
    )

    sorts = {"principal": "principal_name", "started_at": "started_at", "until": "until"}
    default_sort = "principal"
    caption = _("Role assignments")
    empty_title = _("No role assignments")
    empty_icon = "key"
    unlabelled = frozenset({"principal", "actions"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Whoever holds a role here, or inherits one from above, is listed here.")
        order_by_field = "sort"

    def __init__(self, *args: Any, here: UUID, url: str, user: User, may_assign: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.here, self.url, self.user = here, url, user
        if not may_assign:
            self.columns.hide("actions")

    def is_inherited(self, record: Any) -> bool:
        return bool(record.scope_id != self.here)

    def cell_principal(self, record: Any) -> str:
        name = azure_pages.principal_name(record, self.user)
        note = azure_pages.principal_note(record, self.user)
        if not azure_pages.is_found(record):
            return format_html(
                '<strong class="cut">{}</strong> {} <span class="sub cut">{}</span>',
                gettext("Identity not found"),
                badge("bad", gettext("gives nothing")),
                f"{name} · {note}",
            )
        return format_html('<strong class="cut">{}</strong> <span class="sub cut">{}</span>', name, note)

    def cell_role(self, record: Any) -> str:
        text = format_html('<span class="cut">{}</span>', record.role.label)
        if record.role.is_privileged:
            text = format_html("{} {}", text, self._privileged)
        if record.description:
            text += format_html(' <span class="sub cut">{}</span>', record.description)
        return text

    @cached_property
    def _privileged(self) -> SafeString:
        return SafeString(render_to_string("cotton/privileged.html", {}))

    def cell_scope(self, record: Any) -> str:
        if not self.is_inherited(record):
            return badge("plain", gettext("this scope"))
        return format_html(
            '{} <span class="sub"><a href="{}/{}/access"><span class="cut">{}</span></a></span>',
            badge("idle", gettext("inherited")),
            self.url,
            record.scope_id,
            f"{record.scope.get_kind_display()} {record.scope.name}",
        )

    def cell_started_at(self, record: Any) -> str:
        by = azure_pages.maker(record, self.user)
        text = day(record.started_at)
        if by:
            text += format_html(' <span class="sub cut">{}</span>', gettext("by %(name)s") % {"name": by})
        if record.is_made_elevated:
            text = format_html("{} {}", text, badge("wait", gettext("made elevated")))
        return text

    def cell_until(self, record: Any) -> str:
        if record.until is None:
            return gettext("no end date")
        return day(record.until - timedelta(microseconds=1))  # an end at midnight ends the day before

    def cell_actions(self, record: Any) -> str:
        if self.is_inherited(record):
            return ""
        name = azure_pages.principal_name(record, self.user)
        base, spoken = f"{self.url}/assignments/{record.pk}", f"{name}, {record.role.label}"
        edit, remove = (
            button(base, gettext("Edit"), spoken),
            button(f"{base}/remove", gettext("Remove"), spoken, "danger"),
        )
        return format_html('<div class="row end">{}{}</div>', edit, remove)

    def value_principal(self, record: Any) -> str:
        return azure_pages.principal_name(record, self.user)

    def value_principal_type(self, record: Any) -> str:
        return str(record.principal_type) if azure_pages.is_found(record) else "unknown"

    def value_partner(self, record: Any) -> str:
        is_known = record.pair is not None and azure_pages.knows(record, self.user)
        return str(record.pair.partner_name) if is_known else ""

    def value_role(self, record: Any) -> str:
        return str(record.role.name)

    def value_scope(self, record: Any) -> str:
        return f"{record.scope.kind}: {record.scope.name}"

    def value_description(self, record: Any) -> str:
        return str(record.description)

    def value_started_at(self, record: Any) -> str:
        return moment(record.started_at)

    def value_maker(self, record: Any) -> str:
        return azure_pages.maker(record, self.user)

    def value_until(self, record: Any) -> str:
        return moment(record.until)

    def value_elevated(self, record: Any) -> str:
        return "yes" if record.is_made_elevated else "no"
