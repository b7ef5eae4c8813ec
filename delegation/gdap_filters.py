"""Search and filters of *Admin relationships*."""

from __future__ import annotations

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship, GdapRole
from portal import catalogue, clock
from portal.filters import TenantFilter

Status = GdapRelationship.Status

#: The statuses that last (docs/gdap.md).
STATUSES = (
    (Status.CREATED.value, _("Draft")),
    (Status.APPROVAL_PENDING.value, _("Approval pending")),
    (Status.ACTIVE.value, _("Active")),
    (Status.EXPIRED.value, _("Expired")),
    (Status.TERMINATED.value, _("Ended")),
)
HOLDS = (("privileged", _("Privileged roles")), ("full", _("Global Administrator")))
ENDS = (("extends", _("Auto-extend")), ("fixed", _("A fixed end")))


class GdapFilter(TenantFilter):
    """By the status that counts now, by what the roles allow, by auto-extend, by words of the name or the customer."""

    status = django_filters.ChoiceFilter(choices=STATUSES, method="by_status")
    roles = django_filters.ChoiceFilter(label=_("Roles"), empty_label=_("All"), choices=HOLDS, method="by_roles")
    end = django_filters.ChoiceFilter(label=_("End"), empty_label=_("All"), choices=ENDS, method="by_end")

    class Meta:
        model = GdapRelationship
        fields: list[str] = []

    def by_status(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        """Time ends a relationship or a request whether or not the sweep has run."""
        now = clock.now()
        is_over = Q(status=Status.ACTIVE, auto_extend=False, ends_at__lte=now)
        is_lapsed = Q(status=Status.APPROVAL_PENDING, lapses_at__lte=now)
        wanted = {
            Status.APPROVAL_PENDING: Q(status=value, lapses_at__gt=now),
            Status.ACTIVE: Q(status=value) & (Q(auto_extend=True) | Q(ends_at__gt=now)),
            Status.EXPIRED: Q(status=value) | is_over,
            Status.TERMINATED: Q(status=value) | is_lapsed,
        }
        return queryset.filter(wanted.get(Status(value), Q(status=value)))

    def by_roles(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        """Roles asked for and undecided, or granted and not removed."""
        full = {catalogue.GLOBAL_ADMINISTRATOR}
        wanted = full if value == "full" else {key for key, role in catalogue.roles().items() if role.is_privileged}
        held = GdapRole.objects.filter(Q(is_granted=True) | Q(is_granted__isnull=True), removed_at__isnull=True)
        return queryset.filter(Exists(held.filter(relationship=OuterRef("pk"), role_id__in=wanted)))

    def by_end(self, queryset: QuerySet[GdapRelationship], name: str, value: str) -> QuerySet[GdapRelationship]:
        return queryset.filter(auto_extend=value == "extends")
