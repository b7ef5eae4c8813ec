"""Certificates: what was done about a partner, signed by the portal. Insert only; written by `issue_certificate`."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from portal.models.people import User
from portal.models.tenants import Tenant

# The number follows the tenant's last one, whoever inserts: a certificate that is missing would show.
_GAPLESS = """
    PERFORM pg_advisory_xact_lock(1667592820, hashtext(NEW.tenant_id::text));
    IF NEW.number <> (SELECT coalesce(max(c.number), 0) + 1 FROM portal_certificate c
                      WHERE c.tenant_id = NEW.tenant_id) THEN
        RAISE EXCEPTION 'certificates of a tenant are numbered without gaps'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_gapless';
    END IF;
    RETURN NEW;
"""


class Certificate(models.Model):
    """One signed document of a tenant about a partner. `document` is the exact JSON text that was signed."""

    access_tenant = "tenant_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="certificates")
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    is_complete = models.BooleanField()
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    document = models.TextField()
    signature = models.CharField(max_length=88)
    key_id = models.CharField(max_length=32)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="certificate_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="certificate_numbers_begin_at_one"),
        ]
        indexes = [models.Index(fields=["tenant", "partner", "number"], name="certificate_by_partner")]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(name="gapless", when=pgtrigger.Before, operation=pgtrigger.Insert, func=_GAPLESS),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"
