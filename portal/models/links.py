"""Rows behind personal links and behind rate limits."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.models.people import User
from portal.models.tenants import Tenant


class RightLink(models.Model):
    """A link that carries a right. Its secret is derived by signing (`portal.links`), never stored (DOMAIN §3)."""

    class Purpose(models.TextChoices):
        RESET_PASSWORD = "reset", _("Password reset")
        WELCOME = "welcome", _("Invitation of a colleague")
        CONFIRM_ADDRESS = "confirm", _("Confirmation of an address")
        NEW_ORGANISATION = "organisation", _("New organisation")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=16, choices=Purpose)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="right_links")
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="+")
    address = models.CharField(max_length=254, blank=True)
    data = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user", "purpose"], name="right_link_by_user")]


class RateCounter(models.Model):
    """How often something was tried in one window of time (`portal.limits`)."""

    key = models.CharField(max_length=64)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["key", "window_start"], name="rate_counter_once")]
        indexes = [models.Index(fields=["window_start"], name="rate_counter_by_time")]
