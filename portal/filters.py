"""What lists of a tenant's pages can be narrowed by. Every filter reads an index of the acting tenant."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal import search
from portal.audit_words import ACTIONS
from portal.models import AuditEntry, Certificate, Job, JobRow, RoleAssignment, SecurityGroup, ServiceRequest, User


class TenantFilter(django_filters.FilterSet):
    """A list of one tenant, with a search box."""

    q = django_filters.CharFilter(method="matching", max_length=200, label=_("Search"))
    #: The field that holds the words.
    words_in: ClassVar[str] = "search"

    def matching(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """The rows whose words begin with the words looked for."""
        return search.matching(queryset, [self.request.acting.tenant.pk], value, column=self.words_in)


class UserFilter(TenantFilter):
    """People by name or sign-in name, and by what they are."""

    SHOW: ClassVar[list[tuple[str, Any]]] = [
        ("with_roles", _("With roles")),
        ("blocked", _("Blocked")),
        ("guests", _("Guests")),
        ("invited", _("Invited")),
        ("deleted", _("Deleted")),
    ]
    show = django_filters.ChoiceFilter(choices=SHOW, method="shown", label=_("Show"))

    class Meta:
        model = User
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[User]) -> QuerySet[User]:
        """Deleted people are only shown when they are asked for."""
        if self.form.cleaned_data.get("show") != "deleted":
            queryset = queryset.filter(deleted_at__isnull=True)
        return super().filter_queryset(queryset)

    def shown(self, queryset: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        """One of the kinds of people."""
        if value == "with_roles":
            held = RoleAssignment.objects.filter(user_id=OuterRef("pk"), ended_at__isnull=True)
            return queryset.filter(Exists(held))
        wanted = {
            "blocked": Q(blocked_at__isnull=False),
            "guests": Q(kind=User.Kind.GUEST),
            "invited": Q(activated_at__isnull=True, blocked_at__isnull=True),
            "deleted": Q(deleted_at__isnull=False),
        }
        return queryset.filter(wanted[value])


class GroupFilter(django_filters.FilterSet):
    """Groups by name; an organisation has few."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Search"))

    class Meta:
        model = SecurityGroup
        fields: ClassVar[list[str]] = []


class MemberFilter(TenantFilter):
    """Members of one group."""

    words_in = "user__search"


class ServiceRequestFilter(TenantFilter):
    """Requests by number or title, state and severity."""

    state = django_filters.ChoiceFilter(choices=ServiceRequest.State.choices, label=_("State"))
    severity = django_filters.ChoiceFilter(
        choices=ServiceRequest.Severity.choices, label=_("Severity"), empty_label=_("Any severity")
    )

    class Meta:
        model = ServiceRequest
        fields: ClassVar[list[str]] = []


class JobFilter(django_filters.FilterSet):
    """Bulk jobs by state."""

    state = django_filters.ChoiceFilter(choices=Job.State.choices, label=_("State"))

    class Meta:
        model = Job
        fields: ClassVar[list[str]] = []


class JobRowFilter(django_filters.FilterSet):
    """Rows of a bulk job by what became of them."""

    state = django_filters.ChoiceFilter(choices=JobRow.State.choices, label=_("Result"))

    class Meta:
        model = JobRow
        fields: ClassVar[list[str]] = []


class CertificateFilter(django_filters.FilterSet):
    """Certificates by partner or number, and by whether anything was left; a tenant has few."""

    SHOW: ClassVar[list[tuple[str, Any]]] = [
        ("complete", pgettext_lazy("certificate", "Complete")),
        ("incomplete", _("Incomplete")),
    ]
    q = django_filters.CharFilter(method="named", max_length=200, label=_("Partner or number"))
    show = django_filters.ChoiceFilter(choices=SHOW, method="with_result", label=_("Result"))

    class Meta:
        model = Certificate
        fields: ClassVar[list[str]] = []

    def named(self, queryset: QuerySet[Certificate], name: str, value: str) -> QuerySet[Certificate]:
        """Those about a partner whose name holds the words, and the one of this number."""
        text = value.strip().removeprefix("#")
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        numbered = Q(number=int(text)) if is_number else Q()
        return queryset.filter(Q(partner__display_name__icontains=value.strip()) | numbered)

    def with_result(self, queryset: QuerySet[Certificate], name: str, value: str) -> QuerySet[Certificate]:
        """Complete or incomplete ones."""
        return queryset.filter(is_complete=value == "complete")


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
        found = [*people.values_list("pk", flat=True)[:_MOST_PEOPLE], *named.values_list("pk", flat=True)]
        return queryset.filter(Q(actor_id__in=found) | Q(target_id__in=[str(pk) for pk in found]))

    def from_day(self, queryset: QuerySet[AuditEntry], name: str, value: Any) -> QuerySet[AuditEntry]:
        """From the beginning of this day, in the reader's time zone."""
        return queryset.filter(at__gte=_midnight(value))

    def to_day(self, queryset: QuerySet[AuditEntry], name: str, value: Any) -> QuerySet[AuditEntry]:
        """To the end of this day, in the reader's time zone."""
        return queryset.filter(at__lt=_midnight(value, days=1))

    def on_behalf(self, queryset: QuerySet[AuditEntry], name: str, value: bool) -> QuerySet[AuditEntry]:
        """Only what was done by delegated access."""
        return queryset.filter(on_behalf_tenant_id__isnull=False) if value else queryset


_MOST_PEOPLE = 200


def _midnight(day: Any, days: int = 0) -> datetime:
    try:
        local = datetime.combine(day, time.min) + timedelta(days=days)
        return local.replace(tzinfo=timezone.get_current_timezone()).astimezone(UTC)
    except OverflowError:  # the first and the last day that a calendar knows
        return datetime.combine(day, time.min, tzinfo=UTC)
