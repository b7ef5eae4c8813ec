"""Search and filters of *Customers* and *Partner relationships*."""

from __future__ import annotations

from collections.abc import Callable

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from delegation.models import DapGrant, GdapRelationship
from portal import catalogue, clock
from portal.filters import TenantFilter
from portal.models import Pair

SHOWN = (("dap", _("Delegated admin")), ("gdap", _("GDAP")), ("none", _("Without")), ("ended", _("Ended")))
#: A customer asks who could do everything, by whichever of the two.
PARTNERS_SHOWN = (("every", _("Every right")), *SHOWN)


def _has_dap() -> Q:
    return Q(Exists(DapGrant.objects.filter(pair=OuterRef("pk"), ended_at__isnull=True)))


def _active() -> QuerySet[GdapRelationship]:
    return GdapRelationship.objects.in_force(clock.now()).filter(pair=OuterRef("pk"))


def _has_every_right() -> Q:
    held = {"roles__role_id": catalogue.GLOBAL_ADMINISTRATOR, "roles__is_granted": True, "roles__removed_at": None}
    return _has_dap() | Q(Exists(_active().filter(**held)))


_ASKED: dict[str, Callable[[], Q]] = {
    "dap": _has_dap,
    "gdap": lambda: Q(Exists(_active())),
    "every": _has_every_right,
    "none": lambda: ~_has_dap() & ~Q(Exists(_active())),
}


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
        asked = _ASKED.get(value)  # only the one: a list's chips ask for each in turn
        return queryset.filter(asked()) if asked else queryset


class PartnerFilter(PairFilter):
    """The same for a customer's partners."""

    show = django_filters.ChoiceFilter(choices=PARTNERS_SHOWN, method="by_state")
