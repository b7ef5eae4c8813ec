"""The reseller's list of what providers ask through it."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from delegation.gdap_filters import GdapFilter
from delegation.gdap_inbox import GdapInboxTable
from delegation.models import GdapRelationship
from portal.cells import link
from portal.tables import moment


class GdapResellerFilter(GdapFilter):
    """By the status that counts now, and by a part of the provider's, the customer's or the request's name."""

    roles = end = None
    q = django_filters.CharFilter(method="by_text", max_length=200)

    def by_text(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return queryset.filter(
            Q(partner__display_name__icontains=value)
            | Q(customer__display_name__icontains=value)
            | Q(display_name__icontains=value)
        )


class GdapResellerTable(GdapInboxTable):
    """Requests for its customers, open and past."""

    customer = tables.Column(verbose_name=_("Customer"))

    caption = _("Requests for your customers")
    empty_title = _("No requests here")

    class Meta(GdapInboxTable.Meta):
        sequence = ("partner", "customer", "display_name", "roles", "duration_days", "status", "locked_at", "lapses_at")
        empty_text = _("What indirect providers ask of your customers through you appears here: you decide first.")

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, slug=slug, may_answer=False, **kwargs)

    def cell_partner(self, record: Any) -> str:
        return link(reverse("gdap-for-customer", args=[self.slug, record.pk]), record.partner.display_name)

    def cell_customer(self, record: Any) -> str:
        return format_html('<span class="cut">{}</span>', record.customer.display_name)

    def value_partner(self, record: Any) -> str:
        return record.partner.display_name

    def value_customer(self, record: Any) -> str:
        return record.customer.display_name

    def value_display_name(self, record: Any) -> str:
        return record.display_name

    def value_roles(self, record: Any) -> str:
        return "; ".join(sorted(role.label for role in record.present_roles))

    def value_status(self, record: Any) -> str:
        return record.status_label

    def value_locked_at(self, record: Any) -> str:
        return moment(record.locked_at)

    def value_lapses_at(self, record: Any) -> str:
        return moment(record.lapses_at)
