"""What the audit log is narrowed by: every filter reads an index of the chain, or looks for names beside it first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal import hooks, search
from portal.audit_words import ACTIONS
from portal.models import AuditEntry, Pair, Scope, SecurityGroup, ServiceRequest, Tenant, User

#: So many people, organisations or objects of one name are looked for; whoever means fewer writes more of the name.
_MOST_NAMED = 200
#: One object exactly, as the link in an opened row names it.
_EXACTLY = re.compile(r"([a-z]+\.[a-z]+):([0-9a-f-]{1,40})")


class AuditFilter(django_filters.FilterSet):
    """Rows by what was done, by whom, when, and on whose behalf."""

    q = django_filters.CharFilter(method="by_person", label=_("Who did it, or to whom"))
    action = django_filters.ChoiceFilter(
        choices=sorted(ACTIONS.items()), label=_("Action"), empty_label=_("Any action")
    )
    since = django_filters.DateFilter(
        method="from_day",
        label=pgettext_lazy("date", "From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = django_filters.DateFilter(
        method="to_day",
        label=pgettext_lazy("date", "To"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    partner = django_filters.CharFilter(method="by_organisation", max_length=200, label=_("Partner"))
    target = django_filters.CharFilter(method="by_object", max_length=200, label=_("Object"))
    behalf = django_filters.BooleanFilter(
        method="on_behalf", label=_("On behalf only"), widget=forms.CheckboxInput, required=False
    )

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = []

    def by_person(self, queryset: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        """Rows by or about the people whose sign-in name or name in this tenant begins like that."""
        tenant = self.request.acting.tenant
        people = search.matching(User.objects.filter(tenant=tenant), [tenant.pk], value)
        named = User.objects.filter(sign_in_name__iexact=value.strip())  # a partner's person, by the whole name
        found = [*people.values_list("pk", flat=True)[:_MOST_NAMED], *named.values_list("pk", flat=True)]
        return queryset.filter(Q(actor_id__in=found) | Q(target_id__in=[str(pk) for pk in found]))

    def by_organisation(self, queryset: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        """Rows by, for or about partners and customers of this tenant whose name begins like that."""
        tenant = self.request.acting.tenant
        pairs = search.matching(Pair.objects.filter(Q(partner=tenant) | Q(customer=tenant)), [tenant.pk], value)
        found = list(pairs.values_list("pk", "partner_id", "customer_id")[:_MOST_NAMED])
        others = {side for _pair, *sides in found for side in sides} - {tenant.pk}
        return queryset.filter(
            Q(actor_tenant_id__in=others)
            | Q(on_behalf_tenant_id__in=others)
            | Q(target_id__in=[str(pair) for pair, *_sides in found])
        )

    def by_object(self, queryset: QuerySet[AuditEntry], name: str, value: str) -> QuerySet[AuditEntry]:
        """Rows about the objects whose name begins like that, or about exactly one (`type:key`)."""
        exact = _EXACTLY.fullmatch(value.strip())
        if exact:
            return queryset.filter(target_type=exact[1], target_id=exact[2])
        wanted = Q(pk__in=[])
        for found in _objects(self.request.acting.tenant, value):
            keys = [str(key) for key in found.values_list("pk", flat=True)[:_MOST_NAMED]]
            wanted |= Q(target_type=found.model._meta.label_lower, target_id__in=keys)
        return queryset.filter(wanted)

    def from_day(self, queryset: QuerySet[AuditEntry], name: str, value: Any) -> QuerySet[AuditEntry]:
        """From the beginning of this day, in the reader's time zone."""
        return queryset.filter(at__gte=_midnight(value))

    def to_day(self, queryset: QuerySet[AuditEntry], name: str, value: Any) -> QuerySet[AuditEntry]:
        """To the end of this day, in the reader's time zone."""
        return queryset.filter(at__lt=_midnight(value, days=1))

    def on_behalf(self, queryset: QuerySet[AuditEntry], name: str, value: bool) -> QuerySet[AuditEntry]:
        """Only what was done by delegated access."""
        return queryset.filter(on_behalf_tenant_id__isnull=False) if value else queryset


def _objects(tenant: Tenant, text: str) -> Iterator[QuerySet[Any]]:
    """The tenant's objects of that name, one list for each kind that rows are about."""
    for people_or_requests in (User.objects.filter(tenant=tenant), ServiceRequest.objects.filter(tenant=tenant)):
        yield search.matching(people_or_requests, [tenant.pk], text)
    yield search.matching(Pair.objects.filter(Q(partner=tenant) | Q(customer=tenant)), [tenant.pk], text)
    for named in (SecurityGroup.objects.filter(tenant=tenant), Scope.objects.filter(tenant=tenant)):
        yield named.filter(name__icontains=text.strip())
    for find in hooks.objects_named:
        yield find(tenant, text)


def _midnight(day: Any, days: int = 0) -> datetime:
    try:
        local = datetime.combine(day, time.min) + timedelta(days=days)
        return local.replace(tzinfo=timezone.get_current_timezone()).astimezone(UTC)
    except OverflowError:  # the first and the last day that a calendar knows
        return datetime.combine(day, time.min, tzinfo=UTC)
