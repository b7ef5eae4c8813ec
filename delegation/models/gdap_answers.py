"""GDAP: the customer's counter-offer and forwards, the partner's access assignments, reminders that went out."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from delegation.models import gdap_rules as rules
from delegation.models.gdap import GdapRelationship
from portal.models import SecurityGroup, Tenant, User


class GdapCounterOffer(models.Model):
    """The customer's narrower answer: fewer roles, fewer days, no auto-extend. One open at a time."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        LAPSED = "lapsed", _("Lapsed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    relationship = models.ForeignKey(GdapRelationship, models.PROTECT, related_name="counter_offers")
    customer = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    role_ids = ArrayField(models.CharField(max_length=36))
    duration_days = models.PositiveSmallIntegerField(_("days"))
    is_extension_forbidden = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["relationship"], condition=Q(state="open"), name="gdap_one_open_counter_offer"
            ),
            models.CheckConstraint(condition=~Q(role_ids=[]), name="gdap_counter_offer_has_roles"),
        ]
        triggers = rules.COUNTER_OFFER

    def __str__(self) -> str:
        return str(self.relationship)


class GdapForward(models.Model):
    """*Forward to an approver*: who was told, by whom; gives the forwarder nothing."""

    relationship = models.ForeignKey(GdapRelationship, models.PROTECT, related_name="forwards")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    to = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["relationship", "by", "to"], name="gdap_forward_once")]


class GdapAssignment(models.Model):
    """A group of the partner × some roles of the relationship; the truth behind the paths `gdap:<id>`.

    `version` is what an edit must name. The row of a deleted group stays, by its name.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        ACTIVE = "active", _("Active")
        DELETED = "deleted", _("Removed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    relationship = models.ForeignKey(GdapRelationship, models.CASCADE, related_name="assignments")
    group = models.ForeignKey(SecurityGroup, models.DO_NOTHING, db_constraint=False, related_name="gdap_assignments")
    group_name = models.CharField(max_length=120)
    role_ids = ArrayField(models.CharField(max_length=36))
    state = models.CharField(max_length=8, choices=State)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["relationship", "group"], condition=~Q(state="deleted"), name="gdap_group_once"
            ),
            models.CheckConstraint(condition=~Q(role_ids=[]), name="gdap_assignment_has_roles"),
            models.CheckConstraint(
                condition=Q(state="deleted", deleted_at__isnull=False)
                | (~Q(state="deleted") & Q(deleted_at__isnull=True)),
                name="gdap_deleted_has_a_date",
            ),
        ]
        triggers = rules.ASSIGNMENT

    def __str__(self) -> str:
        return f"{self.group_name}: {self.relationship}"

    @property
    def source(self) -> str:
        """Name of this assignment in the index of paths."""
        return f"gdap:{self.pk}"


class GdapReminder(models.Model):
    """A reminder of one end that went out; each once."""

    relationship = models.ForeignKey(GdapRelationship, models.PROTECT, related_name="reminders")
    ends_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["relationship", "ends_at", "days"], name="gdap_reminder_once"),
        ]
