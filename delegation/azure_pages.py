"""Reads of Azure for pages: which scopes somebody sees, what is below them, who holds what there (DOMAIN §8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from delegation.models import AzureAssignment, AzureElevation
from portal import access, catalogue
from portal.access import ScopeRights
from portal.catalogue import Capability as Can
from portal.models import PathKind, Scope, Tenant, User

MOST_LISTED = 50
#: How many of its resources an open resource group shows; its own page has the others.
MOST_BELOW = 20


def subscriptions(user: User, tenant: Tenant) -> QuerySet[Scope]:
    """The tenant's subscriptions that this person sees."""
    rows = Scope.objects.filter(tenant=tenant, kind=Scope.Kind.SUBSCRIPTION, deleted_at__isnull=True)
    return access.allowing(rows.select_related("subscription__provisioned_by"), user, Can.AZURE_VIEW)


def scopes(tenant: Tenant) -> QuerySet[Scope]:
    """What a page can be about: everything but the root, which only says who is elevated."""
    rows = Scope.objects.filter(tenant=tenant, deleted_at__isnull=True).exclude(kind=Scope.Kind.ROOT)
    return rows.select_related("tenant", "parent", "subscription__provisioned_by")


@dataclass(frozen=True)
class Elsewhere:
    """A scope at which somebody holds a role without seeing the subscription that it is in."""

    scope: Scope
    above: str


def elsewhere(rights: ScopeRights) -> tuple[list[Elsewhere], int]:
    """Scopes below subscriptions that the person doesn't see, and how many more there are."""
    held = {path.scope_id for path in rights.paths}
    below = (Scope.Kind.RESOURCE_GROUP, Scope.Kind.RESOURCE)
    rows = Scope.objects.filter(pk__in=held, kind__in=below, deleted_at__isnull=True).order_by("name", "pk")
    found = [row for row in rows if not held & set(row.lineage[:-1])]
    names = _names(pk for row in found[:MOST_LISTED] for pk in row.lineage[1:-1])
    shown = [Elsewhere(row, " / ".join(names[pk] for pk in row.lineage[1:-1])) for row in found[:MOST_LISTED]]
    return shown, len(found) - len(shown)


def _names(keys: Iterable[UUID]) -> dict[UUID, str]:
    return dict(Scope.objects.filter(pk__in={*keys}).values_list("pk", "name"))


def crumbs(scope: Scope, rights: ScopeRights) -> list[dict[str, Any]]:
    """The scopes above, from the subscription on; only those that the person sees lead somewhere."""
    above = Scope.objects.filter(pk__in=scope.lineage[1:-1]).select_related("tenant")
    found = []
    for row in sorted(above, key=lambda row: row.depth):
        is_seen = rights.at(row).allows(Can.AZURE_VIEW)
        found.append({"label": row.name, "url": scope_url(row) if is_seen else ""})
    return found


def scope_url(scope: Scope, route: str = "azure-scope") -> str:
    """The address of one of a scope's pages; its tenant is at hand."""
    return reverse(route, args=[scope.tenant.slug, scope.pk])


def below(scope: Scope, *, deep: bool) -> QuerySet[Scope]:
    """What is directly below a scope, or (`deep`) everything below it."""
    rows = Scope.objects.filter(deleted_at__isnull=True).select_related("parent")
    if deep:
        return rows.filter(lineage__contains=[scope.pk]).exclude(pk=scope.pk)
    return rows.filter(parent=scope)


def add_counts(rows: list[Any]) -> None:
    """Set `below_count` and `assignment_count`, what is made at the scope itself, on each row of a page."""
    keys = [row.pk for row in rows]
    children = Scope.objects.filter(parent__in=keys, deleted_at__isnull=True).order_by()
    counts = dict(children.values_list("parent").annotate(Count("pk")))
    own = AzureAssignment.objects.filter(AzureAssignment.in_force(), scope__in=keys).order_by()
    assigned = dict(own.values_list("scope").annotate(Count("pk")))
    for row in rows:
        row.below_count, row.assignment_count = counts.get(row.pk, 0), assigned.get(row.pk, 0)


# ── who holds what ──


def assignments(scope: Scope) -> QuerySet[AzureAssignment]:
    """Assignments in force at a scope: its own, and those inherited from above."""
    rows = AzureAssignment.objects.filter(AzureAssignment.in_force(), scope__in=scope.lineage)
    return rows.select_related(
        "scope__tenant", "principal__person", "pair", "created_by", "created_by_partner", "subscription__scope"
    )


def choices(rows: QuerySet[AzureAssignment], user: User, tenant: Tenant) -> tuple[list[Any], list[Any]]:
    """Roles and partners among the assignments, to choose one of; on behalf the own partner only (DOMAIN §5)."""
    held = set(rows.order_by().values_list("role_id", "pair__partner_id", "pair__partner_name").distinct())
    roles = sorted({(key, catalogue.azure_roles()[key].label) for key, _partner, _name in held}, key=lambda one: one[1])
    partners = {(str(key), name) for _role, key, name in held if key and user.tenant_id in (tenant.pk, key)}
    return roles, sorted(partners, key=lambda one: one[1])


def elevations(tenant: Tenant) -> list[AzureElevation]:
    """Who is User Access Administrator of everything now."""
    rows = AzureElevation.objects.filter(AzureElevation.in_force(), tenant=tenant)
    return list(rows.select_related("user").order_by("started_at", "pk"))


@dataclass(frozen=True)
class Elevation:
    """One's own elevation in force."""

    pk: str
    until: datetime


def own_elevation(rights: ScopeRights) -> Elevation | None:
    """This person's elevation in force here, from the paths that are read already."""
    found = (path for path in rights.paths if path.kind == PathKind.ELEVATED and path.until)
    return next((Elevation(path.source.partition(":")[2], path.until) for path in found if path.until), None)


def knows(row: AzureAssignment, user: User) -> bool:
    """Whether names in a row are this person's business: on behalf, other partners' are not (DOMAIN §5)."""
    return user.tenant_id == row.tenant_id or row.pair is None or row.pair.partner_id == user.tenant_id


def is_found(row: AzureAssignment) -> bool:
    """Whether the principal exists still; a deleted one leaves its name and gets nothing."""
    group = row.principal
    return group is not None and (group.person is None or group.person.deleted_at is None)


def principal_name(row: AzureAssignment, user: User) -> str:
    """Who holds it, in words for this reader."""
    if not knows(row, user):
        return _("another partner")
    return row.principal_name


def principal_note(row: AzureAssignment, user: User) -> str:
    """What the principal is, and of which partner."""
    kind = str(row.get_principal_type_display())
    if row.pair is None or not knows(row, user):
        return kind
    return f"{kind} · {row.pair.partner_name}"


def maker(row: AzureAssignment, user: User) -> str:
    """By whom it was made."""
    if row.created_by is None:
        return ""
    of_partner = row.created_by_partner_id
    if of_partner is None or user.tenant_id in (row.tenant_id, of_partner):
        return row.created_by.sign_in_name
    return _("another partner")
