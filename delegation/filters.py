"""Search and filters of *Customers* and *Partner relationships*."""

from __future__ import annotations

from collections.abc import Callable

import django_filters
from django.db.models import Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from portal import catalogue, clock
from portal.filters import TenantFilter
from portal.models import Pair
from portal.statements import Condition

SHOWN = (("dap", _("Delegated admin")), ("gdap", _("GDAP")), ("none", _("Without")), ("ended", _("Ended")))
#: A customer asks who could do everything, by whichever of the two.
PARTNERS_SHOWN = (("every", _("Every right")), *SHOWN)


_HAS_DAP = "EXISTS (SELECT FROM delegation_dapgrant d WHERE d.pair_id = {} AND d.ended_at IS NULL)"
_HAS_GDAP = """EXISTS (SELECT FROM delegation_gdaprelationship g
  WHERE g.pair_id = {} AND g.status = 'active' AND (g.auto_extend OR g.ends_at > {}))"""
# Asked row by row: for one EXISTS or another the database would read all grants there are.
_HAS_EVERYTHING = """COALESCE(
  (SELECT true FROM delegation_dapgrant d WHERE d.pair_id = {} AND d.ended_at IS NULL LIMIT 1),
  (SELECT true FROM delegation_gdaprelationship g JOIN delegation_gdaprole r ON r.relationship_id = g.id
   WHERE g.pair_id = {} AND g.status = 'active' AND (g.auto_extend OR g.ends_at > {})
     AND r.role_id = {} AND r.is_granted AND r.removed_at IS NULL LIMIT 1), false)"""


def _has_dap() -> Q:
    return Q(Condition(_HAS_DAP, "pk"))


def _has_gdap() -> Q:
    return Q(Condition(_HAS_GDAP, "pk", Value(clock.now())))


def _has_every_right() -> Q:
    full = Value(catalogue.GLOBAL_ADMINISTRATOR)
    return Q(Condition(_HAS_EVERYTHING, "pk", "pk", Value(clock.now()), full))


_ASKED: dict[str, Callable[[], Q]] = {
    "dap": _has_dap,
    "gdap": _has_gdap,
    "every": _has_every_right,
    "none": lambda: ~_has_dap() & ~_has_gdap(),
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
