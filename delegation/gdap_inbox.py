"""The customer's inbox of GDAP requests: its list and filters."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation.gdap_filters import STATUSES, GdapFilter
from delegation.gdap_tables import status_badge
from delegation.models import GdapRelationship
from portal.cells import day
from portal.lists import WrittenTable
from portal.tables import moment

Status = GdapRelationship.Status

#: A customer never sees drafts.
INBOX_STATUSES = [choice for choice in STATUSES if choice[0] != Status.CREATED]


class GdapInboxFilter(GdapFilter):
    """By the status that counts now, and by a part of the partner's or the request's name."""

    roles = end = None
    q = django_filters.CharFilter(method="by_text", max_length=200)

    def by_text(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return queryset.filter(Q(partner__display_name__icontains=value) | Q(display_name__icontains=value))


class GdapInboxTable(WrittenTable):
    """Requests that name the tenant or its verified domains, open and past."""

    partner = tables.Column(verbose_name=_("Partner"))
    display_name = tables.Column(verbose_name=_("Request"))
    roles = tables.Column(verbose_name=_("Roles"), empty_values=(), accessor="pk")
    duration_days = tables.Column(verbose_name=_("Days"))
    status = tables.Column(verbose_name=_("State"))
    locked_at = tables.Column(verbose_name=_("Asked"))
    lapses_at = tables.Column(verbose_name=_("Time to answer"))

    sorts = {"locked_at": "locked_at", "lapses_at": "lapses_at", "display_name": "name_key"}
    default_sort = "-locked_at"
    caption = _("Requests for admin roles")
    empty_title = _("No requests here")
    empty_icon = "inbox"
    unlabelled = frozenset({"partner"})

    class Meta(WrittenTable.Meta):
        sequence = ("partner", "display_name", "roles", "duration_days", "status", "locked_at", "lapses_at")
        empty_text = _("Requests of partners for admin roles that are addressed to your organisation appear here.")
        order_by_field = "sort"

    def __init__(self, *args: Any, slug: str, may_answer: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slug, self.may_answer = slug, may_answer

    def cell_partner(self, record: Any) -> str:
        name = format_html('<strong class="cut">{}</strong>', record.partner.display_name)
        url = self._url(record)
        return format_html('<a href="{}">{}</a>', url, name) if url else name

    def _url(self, record: Any) -> str:
        if record.activated_at and record.pair_id:
            return reverse("customer-gdap", args=[self.slug, record.pair_id, record.pk])
        return reverse("answer-gdap", args=[record.pk]) if self.may_answer else ""

    def cell_display_name(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', record.display_name)

    def cell_roles(self, record: Any) -> str:
        count = len(record.present_roles)
        return ngettext("%(count)d role", "%(count)d roles", count) % {"count": count}

    def cell_duration_days(self, record: Any) -> str:
        return str(record.granted_days or record.duration_days)

    def cell_status(self, record: Any) -> str:
        return status_badge(record)

    def cell_locked_at(self, record: Any) -> str:
        return day(record.locked_at)

    def cell_lapses_at(self, record: Any) -> str:
        return day(record.lapses_at) if record.status_now == Status.APPROVAL_PENDING else gettext("over")

    def value_partner(self, record: Any) -> str:
        return record.partner.display_name

    def value_display_name(self, record: Any) -> str:
        return record.display_name

    def value_roles(self, record: Any) -> str:
        return "; ".join(sorted(role.label for role in record.present_roles))

    def value_duration_days(self, record: Any) -> str:
        return self.cell_duration_days(record)

    def value_status(self, record: Any) -> str:
        return record.status_label

    def value_locked_at(self, record: Any) -> str:
        return moment(record.locked_at)

    def value_lapses_at(self, record: Any) -> str:
        return moment(record.lapses_at)
