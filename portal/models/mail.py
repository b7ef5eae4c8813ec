"""The outbox (DOMAIN §16): every message is a row first. Written by `portal.mail` only."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.models.people import User
from portal.models.tenants import Tenant


class OutboxMessage(models.Model):
    """One mail to one address. Holds no secret: links are put in when it is rendered."""

    access_tenant = access_partner = "tenant_id"
    access_pair = None

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        BOUNCED = "bounced", _("Bounced")
        REJECTED = "rejected", _("Rejected")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", pgettext_lazy("mail", "Withdrawn")
        SUPERSEDED = "superseded", pgettext_lazy("mail", "Replaced")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index: nothing asks by it, and every message pays for each index three times (queued, claimed, marked).
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    to_address = models.CharField(max_length=254)
    to_user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=10)
    context = models.JSONField(default=dict)
    subject = models.CharField(max_length=250, blank=True)
    body = models.TextField(blank=True)
    about_type = models.CharField(max_length=40, blank=True)
    about_id = models.UUIDField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    provider_message_id = models.CharField(max_length=200, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=["queued", "sending"]), name="outbox_due"),
            models.Index(fields=["about_type", "about_id", "created_at"], name="outbox_about"),
            models.Index(fields=["created_at"], name="outbox_by_time"),
            models.Index(
                fields=["provider_message_id"], condition=~Q(provider_message_id=""), name="outbox_by_provider_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class DeliveryEvent(models.Model):
    """A provider's report on a message, once each (replays are refused by the unique event id)."""

    message = models.ForeignKey(OutboxMessage, models.CASCADE, related_name="events")
    provider = models.CharField(max_length=30)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="delivery_event_once")]


class MailboxMessage(models.Model):
    """What the demo's mail backend delivered: the *Mailbox* page shows it. Only used in demo mode."""

    to_address = models.CharField(max_length=254)
    subject = models.CharField(max_length=998)
    text = models.TextField()
    html = models.TextField(blank=True)
    message_id = models.CharField(max_length=200)
    headers = models.JSONField(default=dict)
    received_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["received_at"], name="mailbox_by_time")]
