"""Search and filters of *Role templates*; a partner has few."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapTemplate
from portal import search

SHOWN = (("retired", _("Retired")),)


class TemplateFilter(django_filters.FilterSet):
    """Those in use unless *Retired* is asked for; by a part of the name."""

    q = django_filters.CharFilter(method="by_name", max_length=200)
    show = django_filters.ChoiceFilter(choices=SHOWN, method="by_state")

    class Meta:
        model = GdapTemplate
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[GdapTemplate]) -> QuerySet[GdapTemplate]:
        """All filters; retired ones only where they are asked for."""
        is_retired = self.form.cleaned_data.get("show") == "retired"
        return super().filter_queryset(queryset).filter(retired_at__isnull=not is_retired)

    def by_name(self, queryset: QuerySet[GdapTemplate], name: str, value: str) -> QuerySet[GdapTemplate]:
        return queryset.filter(name_key__contains=search.key(value))

    def by_state(self, queryset: QuerySet[GdapTemplate], name: str, value: str) -> QuerySet[GdapTemplate]:
        return queryset
