"""Service requests of a tenant (DOMAIN §5)."""

from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal import states
from portal.models.people import User
from portal.models.scopes import Scope
from portal.models.tenants import Tenant
from portal.models.transitions import legal_moves


class ServiceRequest(models.Model):
    """Something a tenant, or its partner on its behalf, asks support for."""

    access_tenant = "tenant_id"
    access_lineage = "scope__lineage"

    class State(models.TextChoices):
        NEW = "new", _("New")
        IN_PROGRESS = "in_progress", _("In progress")
        RESOLVED = "resolved", _("Resolved")
        CLOSED = "closed", _("Closed")

    class Severity(models.TextChoices):
        CRITICAL = "critical", _("Critical")
        IMPORTANT = "important", _("Important")
        NORMAL = "normal", _("Normal")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="service_requests")
    #: What it is about: a subscription, or something in one; None for the organisation itself.
    scope = models.ForeignKey(Scope, models.PROTECT, null=True, blank=True, related_name="+")
    number = models.PositiveIntegerField()
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), max_length=10_000)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity, default=Severity.NORMAL)
    state = models.CharField(max_length=12, choices=State, default=State.NEW)
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    opened_for_partner = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    search = SearchVectorField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="service_request_number")]
        indexes = [
            models.Index(fields=["tenant", "state", "-updated_at"], name="service_request_by_state"),
            models.Index(fields=["tenant", "updated_at", "id"], name="service_request_by_time"),
            GinIndex(fields=["search"], name="service_request_search"),
        ]
        triggers = [legal_moves(states.SERVICE_REQUEST), pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"


class ServiceRequestComment(models.Model):
    """A comment, or a change of state with or without words."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="comments")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    author_partner = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    text = models.TextField(_("comment"), max_length=10_000, blank=True)
    new_state = models.CharField(max_length=12, blank=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["at", "id"]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Update | pgtrigger.Delete)]
