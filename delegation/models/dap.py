"""Delegated admin privileges."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.models import Pair, Tenant, User
from relationships.models import Invitation


class DapGrant(models.Model):
    """DAP of one partner in one customer's tenant: all or nothing, no end date (DOMAIN §4).

    The truth behind the `TenantGrant` rows with source `dap:<id>`.
    """

    access_tenant = "customer_id"
    access_partner = "partner_id"
    access_pair = "pair_id"

    class EndedBySide(models.TextChoices):
        CUSTOMER = "customer", _("Removed by the customer")
        PARTNER = "partner", _("Given up by the partner")
        RELATIONSHIP = "relationship", _("Ended with the relationship")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="dap_grants")
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    customer = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invitation = models.ForeignKey(Invitation, models.PROTECT, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField()
    granted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ended_by_side = models.CharField(max_length=12, choices=EndedBySide, blank=True)
    end_reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["pair"], condition=Q(ended_at__isnull=True), name="dap_once_per_pair"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="dap_ends_later"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ended_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__ended_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"DAP {self.partner} → {self.customer}"

    @property
    def source(self) -> str:
        """Name of this grant in the index of paths."""
        return f"dap:{self.pk}"
