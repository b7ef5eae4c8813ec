"""Reads about Azure role assignments: what a partner keeps by them, and what taking one away costs (DOMAIN §8, §9)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from delegation.models import AzureAssignment
from portal import hooks
from portal.models import Pair, Scope


def place(scope: Scope) -> str:
    """Where a scope is, from its subscription on: names with slashes between them."""
    return places([scope])[scope.pk]


def places(scopes: Iterable[Scope]) -> dict[UUID, str]:
    """The same of many, in one query."""
    asked = list(scopes)
    names = dict(Scope.objects.filter(pk__in={pk for one in asked for pk in one.lineage[1:]}).values_list("pk", "name"))
    return {one.pk: " / ".join(names[pk] for pk in one.lineage[1:]) for one in asked}


def residuals(pair: Pair, most: int | None) -> tuple[list[hooks.Residual], int]:
    """The Azure roles that the pair's partner holds in the customer's subscriptions, each with the page that ends it.

    The first ones (None: all), and how many there are.
    """
    rows = AzureAssignment.objects.filter(AzureAssignment.in_force(), pair=pair)
    ordered = rows.select_related("scope").order_by("started_at", "pk")
    listed = list(ordered if most is None else ordered[:most])
    where = places(row.scope for row in listed)
    total = rows.count() if len(listed) == most else len(listed)
    return [_residual(row, pair.customer.slug, where[row.scope_id]) for row in listed], total


def _residual(row: AzureAssignment, slug: str, where: str) -> hooks.Residual:
    detail = f"{row.role.label} · {row.principal_name} · {where}"
    if row.until is not None:
        day = date_format(localtime(row.until), "DATE_FORMAT")
        detail += " · " + _("until %(day)s") % {"day": day}
    url = reverse("azure-assignment-remove", args=[slug, row.pk])
    return hooks.Residual("azure", _("Azure role"), detail, url, str(row.pk))


def is_last_that_earns(assignment: AzureAssignment) -> bool:
    """Whether this partner has no other role in the subscription that counts for its earned credit (DOMAIN §8)."""
    if not assignment.is_foreign or assignment.is_over or not assignment.role.earns_credit:
        return False
    others = AzureAssignment.objects.filter(
        AzureAssignment.in_force(), subscription=assignment.subscription_id, pair=assignment.pair_id
    ).exclude(pk=assignment.pk)
    return not any(row.role.earns_credit for row in others)
