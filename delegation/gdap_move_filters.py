"""Search and filters of *Drift* and *DAP to GDAP*."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from delegation import gdap_drift, gdap_move
from delegation.models import GdapRelationship, GdapTemplate
from portal.filters import TenantFilter
from portal.models import Pair


class MoveFilter(TenantFilter):
    """By how far the move is; by words of the customer's name or a domain."""

    state = django_filters.ChoiceFilter(choices=gdap_move.STATES, field_name="move_state")

    class Meta:
        model = Pair
        fields: list[str] = []


def _templates(request: Any) -> QuerySet[GdapTemplate]:
    rows = GdapTemplate.objects.filter(retired_at__isnull=True).order_by("name_key")
    return rows.filter(partner=request.acting.tenant) if request else rows.none()


class DriftFilter(TenantFilter):
    """By what differs, by the template, by words of the name or the customer."""

    kind = django_filters.ChoiceFilter(choices=gdap_drift.KINDS, method="by_kind")
    template = django_filters.ModelChoiceFilter(
        queryset=_templates, field_name="template_version__template", label=_("Template"), empty_label=_("All")
    )

    class Meta:
        model = GdapRelationship
        fields: list[str] = []

    def by_kind(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return gdap_drift.differing(queryset, value) if value else queryset
