"""Search and filters of the lists of Azure; each is of one tenant's scopes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from delegation import azure_pages
from delegation.models import AzureAssignment, AzureSubscription
from portal.forms.fields import LongSelect
from portal.models import Scope

STATES = AzureSubscription.State.choices
FROM = (("own", _("This scope")), ("inherited", _("Inherited")))
Type = AzureAssignment.PrincipalType


class _ListFilter(django_filters.FilterSet):
    """With a search box."""

    q = django_filters.CharFilter(method="by_words", max_length=200)

    def by_words(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """The rows that have all of the words."""
        for word in value.split()[:10]:
            queryset = queryset.filter(self.has(word))
        return queryset

    def has(self, word: str) -> Q:
        """Where one word may stand."""
        raise NotImplementedError


class SubscriptionFilter(_ListFilter):
    """By name, id or offer; by state; by the partner that provisioned it."""

    state = django_filters.ChoiceFilter(choices=STATES, field_name="subscription__state")
    partner = django_filters.ChoiceFilter(
        label=_("Provisioned by"), empty_label=_("All"), field_name="subscription__provisioned_by", choices=()
    )

    class Meta:
        model = Scope
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        acting = self.request.acting
        rows = AzureSubscription.objects.filter(tenant=acting.tenant, provisioned_by__isnull=False)
        if acting.user.tenant_id != acting.tenant.pk:
            rows = rows.filter(provisioned_by=acting.user.tenant_id)
        found = rows.order_by("provisioned_by__display_name").values_list(
            "provisioned_by_id", "provisioned_by__display_name"
        )
        self.filters["partner"].extra["choices"] = [(str(key), name) for key, name in found.distinct()]

    def has(self, word: str) -> Q:
        found = Q(name__icontains=word) | Q(subscription__offer__icontains=word)
        return found | Q(pk=key) if (key := _key(word)) else found


class TreeFilter(_ListFilter):
    """By name or type."""

    class Meta:
        model = Scope
        fields: list[str] = []

    def has(self, word: str) -> Q:
        return Q(name__icontains=word) | Q(resource_type__icontains=word)


class AssignmentFilter(_ListFilter):
    """Own or inherited; by partner, role, kind of principal; by words of the principal or the description."""

    made = django_filters.ChoiceFilter(choices=FROM, method="by_origin")
    type = django_filters.ChoiceFilter(
        label=_("Principal"), empty_label=_("All"), choices=Type.choices, field_name="principal_type"
    )
    partner = django_filters.ChoiceFilter(
        label=_("Partner"), empty_label=_("All"), field_name="pair__partner", choices=()
    )
    role = django_filters.ChoiceFilter(
        label=_("Role"), empty_label=_("All"), field_name="role_id", choices=(), widget=LongSelect
    )

    class Meta:
        model = AzureAssignment
        fields: list[str] = []

    def __init__(self, *args: Any, here: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.here = here
        acting = self.request.acting
        roles, partners = azure_pages.choices(self.queryset, acting.user, acting.tenant)
        self.filters["partner"].extra["choices"], self.filters["role"].extra["choices"] = partners, roles

    def by_origin(self, queryset: QuerySet[AzureAssignment], name: str, value: str) -> QuerySet[AzureAssignment]:
        return queryset.filter(scope=self.here) if value == "own" else queryset.exclude(scope=self.here)

    def has(self, word: str) -> Q:
        acting = self.request.acting
        named = Q(principal_name__icontains=word)
        if acting.user.tenant_id != acting.tenant.pk:  # on behalf, other partners have no name (DOMAIN §5)
            named &= Q(pair__isnull=True) | Q(pair__partner=acting.user.tenant_id)
        return named | Q(description__icontains=word)


def _key(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
