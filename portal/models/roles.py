"""Explicit directory roles."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from portal import catalogue
from portal.models.people import User
from portal.models.tenants import Tenant


class RoleAssignment(models.Model):
    """An explicit directory role of a user in its home tenant, with its history (DOMAIN §1)."""

    access_tenant = "tenant_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="role_assignments")
    user = models.ForeignKey(User, models.PROTECT, related_name="role_assignments")
    role_id = models.CharField(max_length=36)
    started_at = models.DateTimeField()
    assigned_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    assigned_by_partner = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role_id"], condition=Q(ended_at__isnull=True), name="role_assignment_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "role_id"], name="role_assignment_holders")]
        triggers = [
            pgtrigger.Trigger(
                name="last_global_administrator",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("ended_at") | pgtrigger.Delete,
                condition=pgtrigger.Q(old__ended_at__isnull=True, old__role_id=catalogue.GLOBAL_ADMINISTRATOR),
                func="PERFORM portal_keep_global_administrator(OLD.tenant_id); RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role.name}: {self.user}"

    @property
    def role(self) -> catalogue.Role:
        """The role from the catalogue."""
        return catalogue.roles()[self.role_id]
