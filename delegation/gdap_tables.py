"""The list *Admin relationships*."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_tables2 as tables
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship
from portal import catalogue, clock
from portal.cells import badge, day, link, markup, per_language
from portal.lists import WrittenTable

Status = GdapRelationship.Status
_TONES = {Status.APPROVAL_PENDING: "wait", Status.ACTIVE: "good", Status.TERMINATED: "bad"}
#: While it is in one of these, groups hold its roles or are planned to.
_LIVING = (Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)


def status_badge(row: GdapRelationship) -> SafeString:
    """What a relationship is now."""
    return badge(_TONES.get(Status(row.status_now), "idle"), row.status_label)


@per_language
def _days_from_approval(days: int) -> str:
    return ngettext("%(count)d day from approval", "%(count)d days from approval", days) % {"count": days}


@per_language
def _roles(count: int, privileged: int, is_full: bool) -> str:
    text = ngettext("%(count)d role", "%(count)d roles", count) % {"count": count}
    if is_full:
        return markup("{} {}", text, badge("bad", catalogue.roles()[catalogue.GLOBAL_ADMINISTRATOR].label))
    return markup("{} {}", text, badge("wait", _privileged(privileged))) if privileged else text


def customer_of(row: GdapRelationship) -> str:
    """For whom, in words."""
    if row.customer is not None:
        return row.customer.display_name
    return row.customer_name or row.limited_to_domain or gettext("Whoever opens the link")


class GdapTable(WrittenTable):
    """A partner's GDAP relationships, from the draft to long after the end."""

    display_name = tables.Column(verbose_name=_("Name"))
    customer = tables.Column(verbose_name=_("Customer"), empty_values=())
    status = tables.Column(verbose_name=_("Status"))
    roles = tables.Column(verbose_name=_("Roles"), empty_values=(), accessor="pk")
    ends_at = tables.Column(verbose_name=_("Ends"), empty_values=())
    auto_extend = tables.Column(verbose_name=_("Auto-extend"), visible=False)
    groups = tables.Column(verbose_name=_("Groups"))
    created_at = tables.Column(verbose_name=_("Created"), visible=False)

    sorts = {"display_name": "name_key", "ends_at": "ends_at", "created_at": "created_at"}
    default_sort = "-created_at"
    caption = _("Admin relationships")
    empty_title = _("No admin relationships here")
    empty_icon = "key"
    unlabelled = frozenset({"display_name"})

    class Meta(WrittenTable.Meta):
        sequence = ("display_name", "customer", "status", "roles", "ends_at", "auto_extend", "groups", "created_at")
        empty_text = _("Requests for roles in a customer's tenant appear here, from the first draft on.")
        order_by_field = "sort"

    def __init__(self, *args: Any, url: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url
        self.now = clock.now()

    @cached_property
    def _then_extends(self) -> str:
        return gettext("then extends by 180 days")

    def cell_display_name(self, record: Any) -> str:
        return link(f"{self.url}/{record.pk}", record.display_name)

    def cell_customer(self, record: Any) -> str:
        sub = record.customer.default_domain if record.customer else record.customer_address
        return markup('<span class="cut">{}</span> <span class="sub cut">{}</span>', customer_of(record), sub)

    def cell_status(self, record: Any) -> str:
        return badge(_TONES.get(Status(record.shown_status), "idle"), record.status_label)

    def cell_roles(self, record: Any) -> str:
        found = record.present_roles
        privileged = [role.id for role in found if role.is_privileged]
        return _roles(len(found), len(privileged), catalogue.GLOBAL_ADMINISTRATOR in privileged)

    def cell_ends_at(self, record: Any) -> str:
        if record.ends_at is None:
            return _days_from_approval(record.duration_days) if record.shown_status in _LIVING else ""
        if record.auto_extend and record.shown_status == Status.ACTIVE:
            return markup('{} <span class="sub">{}</span>', day(record.end_at(self.now)), self._then_extends)
        return day(record.ended_at or record.ends_at)

    def cell_groups(self, record: Any) -> str:
        if record.shown_status not in _LIVING:
            return ""
        if record.shown_status == Status.ACTIVE and not record.groups:
            return badge("wait", gettext("No group yet"))
        return str(record.groups)

    def cell_created_at(self, record: Any) -> str:
        return day(record.created_at)

    def cell_auto_extend(self, record: Any) -> str:
        return gettext("yes") if record.auto_extend else gettext("no")

    def value_display_name(self, record: Any) -> str:
        return record.display_name

    def value_customer(self, record: Any) -> str:
        return customer_of(record)

    def value_status(self, record: Any) -> str:
        return record.status_label

    def value_roles(self, record: Any) -> str:
        return "; ".join(sorted(role.label for role in record.present_roles))

    def value_ends_at(self, record: Any) -> str:
        return _iso(record.ended_at or record.end_at(self.now))

    def value_groups(self, record: Any) -> str:
        return str(record.groups)

    def value_auto_extend(self, record: Any) -> str:
        return self.cell_auto_extend(record)

    def value_created_at(self, record: Any) -> str:
        return _iso(record.created_at)


def _privileged(count: int) -> str:
    return ngettext("%(count)d privileged", "%(count)d privileged", count) % {"count": count}


def _iso(moment: datetime | None) -> str:
    """UTC in exports (DOMAIN §17)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""
