"""When somebody from outside last used a path (DOMAIN §14): kept after the request, at most hourly."""

from __future__ import annotations

from django.db import models

from portal.models.people import User
from portal.models.tenants import Tenant


class PathUse(models.Model):
    """A person's last use of the paths of one source in one tenant; what it was used for is in the audit log."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    source = models.CharField(max_length=80)
    used_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "source"], name="path_use_once")]
