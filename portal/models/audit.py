"""The audit chain (DOMAIN §15): insert only, gapless, HMAC-chained per tenant. Written by `portal.audit` only."""

from __future__ import annotations

import pgtrigger
from django.db import models

from portal.models.tenants import Tenant


class AuditEntry(models.Model):
    """One audited act in one tenant's chain. `data` is the exact JSON text that the hash covers."""

    access_tenant = access_partner = "tenant_id"
    access_pair = None

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor_id = models.UUIDField(null=True, blank=True)
    actor_tenant_id = models.UUIDField(null=True, blank=True)
    on_behalf_tenant_id = models.UUIDField(null=True, blank=True)
    path = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=120, blank=True)
    target_type = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=45, blank=True)
    data = models.TextField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "seq"], name="audit_gapless")]
        indexes = [
            models.Index(fields=["tenant", "at", "id"], name="audit_by_time"),
            models.Index(fields=["tenant", "action", "seq"], name="audit_by_action"),
            models.Index(fields=["tenant", "actor_id", "seq"], name="audit_by_actor"),
            models.Index(fields=["tenant", "target_id", "seq"], name="audit_by_target"),
            models.Index(
                fields=["tenant", "seq"], condition=models.Q(on_behalf_tenant_id__isnull=False), name="audit_on_behalf"
            ),
            models.Index(
                fields=["tenant", "on_behalf_tenant_id", "seq"],
                condition=models.Q(on_behalf_tenant_id__isnull=False),
                name="audit_by_customer",
            ),
            models.Index(
                fields=["tenant", "actor_tenant_id", "seq"],
                condition=~models.Q(actor_tenant_id=models.F("tenant_id")),
                name="audit_by_outsider",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update),
        ]


class AuditCheckpoint(models.Model):
    """Where a chain starts after retention: signed sequence and hash of the last removed row."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "seq"], name="audit_checkpoint_once")]


class DeniedAttempt(models.Model):
    """A refused act: separate from the chain and rate-limited (DOMAIN §15)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, related_name="+")
    user_id = models.UUIDField(null=True)
    capability = models.CharField(max_length=60)
    path = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["tenant", "at"], name="denied_by_time")]
