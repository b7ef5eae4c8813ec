"""Search and filters of *Customers* and *Partner relationships*."""

from __future__ import annotations

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from delegation.models import DapGrant
from portal.filters import TenantFilter
from portal.models import Pair

SHOWN = (("dap", _("Delegated admin")), ("none", _("Without")), ("ended", _("Ended")))


class PairFilter(TenantFilter):
    """Those in force unless *Ended* is asked for; by delegated admin; by words of the name or a domain."""

    show = django_filters.ChoiceFilter(choices=SHOWN, method="by_state")

    class Meta:
        model = Pair
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Pair]) -> QuerySet[Pair]:
        """All filters; what has ended only where it is asked for."""
        has_ended = self.form.cleaned_data.get("show") == "ended"
        return super().filter_queryset(queryset).filter(started_at__isnull=False, ended_at__isnull=not has_ended)

    def by_state(self, queryset: QuerySet[Pair], name: str, value: str) -> QuerySet[Pair]:
        held = Exists(DapGrant.objects.filter(pair=OuterRef("pk"), ended_at__isnull=True))
        if value == "dap":
            return queryset.filter(held)
        return queryset.filter(~held) if value == "none" else queryset
