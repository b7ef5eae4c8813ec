"""Scopes: things inside a tenant at which roles are held; a role reaches everything below its scope (DOMAIN §8)."""

from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase

from portal import catalogue
from portal.models.grants import PATH_COLUMNS, PathKind
from portal.models.periods import history_of
from portal.models.tenants import Pair, Tenant


class Scope(models.Model):
    """One node of a tenant's tree. `lineage` names every scope whose roles reach it: its root first, itself last.

    Each tenant that has any scope has one root, which only an elevation gives roles at.
    """

    access_tenant = "tenant_id"
    access_lineage = "lineage"

    class Kind(models.TextChoices):
        ROOT = "root", _("All subscriptions")
        SUBSCRIPTION = "subscription", _("Subscription")
        RESOURCE_GROUP = "resource_group", _("Resource group")
        RESOURCE = "resource", _("Resource")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="scopes")
    kind = models.CharField(max_length=16, choices=Kind)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    lineage = ArrayField(models.UUIDField(), editable=False)
    name = models.CharField(_("name"), max_length=120)
    resource_type = models.CharField(_("type"), max_length=120, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = catalogue.scope_permissions()
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant"], condition=Q(kind="root"), name="scope_one_root"),
            models.UniqueConstraint(
                "parent",
                Lower("name"),
                Lower("resource_type"),
                condition=Q(deleted_at__isnull=True) & ~Q(kind__in=["root", "subscription"]),
                name="scope_name_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="root", parent__isnull=True) | (~Q(kind="root") & Q(parent__isnull=False)),
                name="scope_below_something",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "kind", "name", "id"], name="scope_by_name"),
            models.Index(fields=["parent", "name", "id"], name="scope_children"),
            GinIndex(fields=["lineage"], name="scope_lineage"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="lineage_is_the_parents",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("parent_id", "lineage", "tenant_id", "kind"),
                func="""
                    NEW.lineage := COALESCE(
                        (SELECT p.lineage FROM portal_scope p WHERE p.id = NEW.parent_id AND p.tenant_id = NEW.tenant_id
                         AND p.deleted_at IS NULL AND (p.kind, NEW.kind) IN (('root', 'subscription'),
                          ('subscription', 'resource_group'), ('resource_group', 'resource'))),
                        '{}') || NEW.id;
                    IF TG_OP = 'UPDATE' AND OLD.kind <> 'resource' AND OLD.lineage IS DISTINCT FROM NEW.lineage THEN
                        RAISE EXCEPTION 'only a resource moves: nothing is below it' USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.parent_id IS NOT NULL AND cardinality(NEW.lineage) = 1 THEN
                        RAISE EXCEPTION 'a scope is below one of its own tenant and of the kind above'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def depth(self) -> int:
        """How many scopes are above it."""
        return len(self.lineage) - 1


class ScopeGrant(GroupObjectPermissionBase):
    """This group holds this role at this scope and below, from this source, until then.

    `pair` is set on what a partner's group or person holds; it counts while the partner is approved and the group
    works for the customer, also after the relationship's end (DOMAIN §4: Azure assignments stay).
    """

    content_object = models.ForeignKey(Scope, models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=10, choices=PathKind)
    source = models.CharField(max_length=80)
    until = models.DateTimeField(null=True, blank=True)
    pair = models.ForeignKey(Pair, models.CASCADE, null=True, blank=True, related_name="scope_grants")

    class Meta(GroupObjectPermissionBase.Meta):
        unique_together: list[str] = []
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["content_object", "group", "permission", "source"], name="scope_grant_once"
            ),
        ]
        indexes = [
            models.Index(fields=["source"], name="scope_grant_source"),
            models.Index(fields=["group", "content_object"], name="scope_grant_group"),
            models.Index(fields=["group", "pair"], name="scope_grant_group_pair"),
        ]
        triggers = history_of("portal_scopegrant", PATH_COLUMNS)
