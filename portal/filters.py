"""What lists of a tenant's pages can be narrowed by. Every filter reads an index of the acting tenant."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal import search
from portal.models import Certificate, Job, JobRow, RoleAssignment, SecurityGroup, ServiceRequest, User


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
