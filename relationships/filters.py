"""Search and filters of *Invitations* and *Requests*."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.filters import TenantFilter
from relationships.models import Invitation

DAP = (("yes", _("With delegated admin")), ("no", _("Without delegated admin")))


class RequestFilter(django_filters.FilterSet):
    """By the state that counts now and by delegated admin."""

    state = django_filters.ChoiceFilter(choices=Invitation.State.choices, method="by_state")
    dap = django_filters.ChoiceFilter(label=_("Delegated admin"), empty_label=_("All"), choices=DAP, method="by_dap")

    class Meta:
        model = Invitation
        fields: list[str] = []

    def by_state(self, queryset: QuerySet[Invitation], name: str, value: str) -> QuerySet[Invitation]:
        """An open one past its date is expired, whether or not the sweep has run."""
        if value == Invitation.State.OPEN:
            return queryset.filter(state=value, expires_at__gt=clock.now())
        if value == Invitation.State.EXPIRED:
            past = Q(state=Invitation.State.OPEN, expires_at__lte=clock.now())
            return queryset.filter(Q(state=value) | past)
        return queryset.filter(state=value)

    def by_dap(self, queryset: QuerySet[Invitation], name: str, value: str) -> QuerySet[Invitation]:
        return queryset.filter(with_dap=value == "yes")


class InvitationFilter(TenantFilter, RequestFilter):
    """The same, and by words of the customer's name or address."""

    class Meta(RequestFilter.Meta):
        pass


class InboxFilter(RequestFilter):
    """The same, and by a part of the partner's name or of the address."""

    q = django_filters.CharFilter(method="by_text", max_length=200)

    def by_text(self, queryset: QuerySet[Invitation], name: str, value: str) -> QuerySet[Invitation]:
        return queryset.filter(Q(partner__display_name__icontains=value) | Q(customer_address__icontains=value))
