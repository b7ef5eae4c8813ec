"""The index of access paths: guardian's direct-FK group tables (STYLE §4). Written by `portal.access` only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.db import models
from guardian.models import GroupObjectPermissionBase

from portal.models.periods import history_of
from portal.models.tenants import Pair, Tenant

#: What is kept of a path in its periods; a narrowing row has neither kind nor pair.
NARROWING_COLUMNS = ("content_object_id", "group_id", "permission_id", "source", "until")
PATH_COLUMNS = (*NARROWING_COLUMNS, "kind", "pair_id")


class PathKind(models.TextChoices):
    """How a right reaches someone (DOMAIN §14)."""

    EXPLICIT = "explicit", "explicit"
    AGENTS = "agents", "agents"
    DAP = "dap", "DAP"
    GDAP = "gdap", "GDAP"
    AZURE = "azure", "Azure"
    ELEVATED = "elevated", "elevated"


class TenantGrant(GroupObjectPermissionBase):
    """This group holds this role (a permission) in this tenant, from this source, until then.

    `pair` is set on what a partner holds in a customer's tenant; such a row counts only while the pair
    is in force and the partner approved.
    """

    content_object = models.ForeignKey(Tenant, models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=10, choices=PathKind)
    source = models.CharField(max_length=80)
    until = models.DateTimeField(null=True, blank=True)
    pair = models.ForeignKey(Pair, models.CASCADE, null=True, blank=True, related_name="tenant_grants")

    class Meta(GroupObjectPermissionBase.Meta):
        unique_together: list[str] = []
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["content_object", "group", "permission", "source"], name="tenant_grant_once"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["explicit", "agents"], pair__isnull=True) | models.Q(pair__isnull=False),
                name="tenant_grant_pair_outside",
            ),
        ]
        indexes = [
            models.Index(fields=["source"], name="tenant_grant_source"),
            models.Index(fields=["group", "content_object"], name="tenant_grant_group"),
        ]
        triggers = history_of("portal_tenantgrant", PATH_COLUMNS)


def attach_assignments(groups: Iterable[Any]) -> None:
    """Look a page's groups' `has_assignment` up in one query."""
    from portal.models.scopes import ScopeGrant  # which builds on this module

    rows = list(groups)
    asked = {"group_id__in": [row.pk for row in rows]}
    held = TenantGrant.objects.filter(kind=PathKind.GDAP, **asked).values_list("group_id", flat=True)
    at_scopes = ScopeGrant.objects.filter(pair__isnull=False, **asked).values_list("group_id", flat=True)
    found = set(held.union(at_scopes))
    for row in rows:
        row.has_assignment = row.pk in found


class PairGrant(GroupObjectPermissionBase):
    """This group works for this customer; by default the partner's hidden *everyone* group (DOMAIN §2)."""

    content_object = models.ForeignKey(Pair, models.CASCADE, related_name="grants")
    source = models.CharField(max_length=80)
    until = models.DateTimeField(null=True, blank=True)

    class Meta(GroupObjectPermissionBase.Meta):
        unique_together: list[str] = []
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["content_object", "group", "permission", "source"], name="pair_grant_once"),
        ]
        indexes = [models.Index(fields=["group", "content_object"], name="pair_grant_group")]
        triggers = [
            *history_of("portal_pairgrant", NARROWING_COLUMNS),
            pgtrigger.Trigger(
                name="keeps_open_to_all",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                UPDATE portal_pair p SET open_to_all = NOT p.open_to_all
                WHERE p.id = COALESCE(NEW.content_object_id, OLD.content_object_id) AND p.open_to_all <> EXISTS (
                    SELECT 1 FROM portal_pairgrant w JOIN portal_securitygroup g ON g.group_id = w.group_id
                    WHERE w.content_object_id = p.id AND w.until IS NULL AND g.kind = 'everyone');
                RETURN NULL;
                """,
            ),
        ]
