"""GDAP: a partner's request for named roles, what becomes of it, and its roles (DOMAIN §6, docs/gdap.md)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from delegation.models import gdap_rules as rules
from portal import catalogue as roles
from portal import clock
from portal.models import Pair, Tenant, User
from relationships.models import CUSTOMER_DOMAIN, LANGUAGES


class GdapQuerySet(models.QuerySet["GdapRelationship"]):
    """Reads in which the time is part of the state."""

    def in_force(self, at: datetime) -> GdapQuerySet:
        """Active and not past their end."""
        return self.filter(Q(auto_extend=True) | Q(ends_at__gt=at), status="active")

    def pending(self, at: datetime) -> GdapQuerySet:
        """Waiting for an answer and not lapsed."""
        return self.filter(status="approvalPending", lapses_at__gt=at)

    def with_customer(self) -> GdapQuerySet:
        """Those that the customer may know of: not what a reseller has still to answer, or has rejected."""
        return self.filter(reseller_answer__in=["", "approved"])

    def due(self, at: datetime) -> GdapQuerySet:
        """Active in the row but past their end: expired for everyone, the sweep only records it."""
        return self.filter(status="active", auto_extend=False, ends_at__lte=at)

    def lapsed(self, at: datetime) -> GdapQuerySet:
        """Pending in the row but past their 90 days."""
        return self.filter(status="approvalPending", lapses_at__lte=at)


class GdapRelationship(models.Model):
    """One request for roles in a customer's tenant and what becomes of it.

    `duration_days` and the rows of `GdapRole` are what was asked; `granted_days`, `is_granted` what was granted.
    `customer` is null while anybody may answer, `pair` until the two have had a relationship. `reseller` is through
    whom an indirect provider asks; its answer comes before the customer's.
    """

    access_tenant = "customer_id"
    access_partner = "partner_id"
    access_pair = "pair_id"

    class Status(models.TextChoices):
        CREATED = "created", _("Draft")
        APPROVAL_PENDING = "approvalPending", _("Approval pending")
        APPROVED = "approved", _("Approved")
        ACTIVATING = "activating", _("Activating")
        ACTIVE = "active", _("Active")
        EXPIRING = "expiring", _("Expiring")
        EXPIRED = "expired", _("Expired")
        TERMINATION_REQUESTED = "terminationRequested", _("Termination requested")
        TERMINATING = "terminating", _("Terminating")
        TERMINATED = "terminated", _("Terminated")

    class EndReason(models.TextChoices):
        DECLINED = "declined", _("Declined by the customer")
        WITHDRAWN = "withdrawn", _("Withdrawn by the partner")
        LAPSED = "lapsed", _("Not answered in time")
        ENDED_BY_PARTNER = "ended_by_partner", _("Ended by the partner")
        REMOVED_BY_CUSTOMER = "removed_by_customer", _("Removed by the customer")
        REPLACED = "replaced", _("Replaced by a newer relationship")

    class ResellerAnswer(models.TextChoices):
        NONE = "", _("No reseller")
        PENDING = "pending", _("Waits for the reseller")
        APPROVED = "approved", _("Approved by the reseller")
        REJECTED = "rejected", _("Rejected by the reseller")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    reseller = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    reseller_answer = models.CharField(max_length=10, choices=ResellerAnswer, blank=True)
    reseller_answered_at = models.DateTimeField(null=True, blank=True)
    reseller_answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    customer = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    pair = models.ForeignKey(Pair, models.PROTECT, null=True, blank=True, related_name="gdap")
    display_name = models.CharField(_("name"), max_length=catalogue.MOST_NAME)
    name_key = models.CharField(max_length=200, db_collation="C", editable=False)
    duration_days = models.PositiveSmallIntegerField(_("days"))
    granted_days = models.PositiveSmallIntegerField(null=True, blank=True)
    auto_extend = models.BooleanField(_("auto-extend"), default=False)
    is_extension_forbidden = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.CREATED)
    end_reason = models.CharField(max_length=20, choices=EndReason, blank=True)
    end_note = models.CharField(_("reason"), max_length=500, blank=True)
    customer_name = models.CharField(_("customer"), max_length=200, blank=True)
    customer_address = models.EmailField(_("e-mail"), max_length=254, blank=True)
    limited_to_domain = models.CharField(max_length=253, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=LANGUAGES, default="en")
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(_("message"), max_length=10_000, blank=True)
    link_version = models.PositiveIntegerField(default=1)
    template_version = models.ForeignKey(
        "delegation.GdapTemplateVersion", models.PROTECT, null=True, blank=True, related_name="relationships"
    )
    replaces = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="amendments")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    locked_at = models.DateTimeField(null=True, blank=True)
    locked_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    lapses_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    activated_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    search = SearchVectorField(null=True, editable=False)

    objects = GdapQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["partner", "name_key"], name="gdap_name_once_per_partner"),
            models.CheckConstraint(condition=~Q(display_name="") & ~Q(name_key=""), name="gdap_has_a_name"),
            models.CheckConstraint(
                condition=Q(duration_days__gte=1, duration_days__lte=catalogue.MOST_DAYS), name="gdap_duration"
            ),
            models.CheckConstraint(
                condition=Q(granted_days__isnull=True) | Q(granted_days__gte=1, granted_days__lte=F("duration_days")),
                name="gdap_granted_within_requested",
            ),
            models.CheckConstraint(condition=~Q(partner=F("customer")), name="gdap_of_two"),
            models.CheckConstraint(
                condition=Q(status="created") | Q(locked_at__isnull=False, lapses_at__isnull=False),
                name="gdap_locked_has_dates",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["active", "expiring", "expired", "terminationRequested", "terminating"])
                | Q(
                    customer__isnull=False,
                    pair__isnull=False,
                    granted_days__isnull=False,
                    approved_by__isnull=False,
                    ends_at__gt=F("activated_at"),
                ),
                name="gdap_active_is_complete",
            ),
            models.CheckConstraint(
                condition=(Q(status="terminated") & ~Q(end_reason="")) | (~Q(status="terminated") & Q(end_reason="")),
                name="gdap_terminated_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["expired", "terminated"], ended_at__isnull=False)
                | (~Q(status__in=["expired", "terminated"]) & Q(ended_at__isnull=True)),
                name="gdap_ended_has_a_date",
            ),
            *rules.RESELLER_CONSTRAINTS,
        ]
        indexes = [
            models.Index(fields=["partner", "created_at", "id"], name="gdap_by_time"),
            models.Index(fields=["partner", "status", "ends_at", "id"], name="gdap_by_status"),
            models.Index(fields=["partner", "ends_at", "id"], name="gdap_by_end"),
            models.Index(fields=["pair", "status"], name="gdap_of_pair"),
            models.Index(fields=["customer", "status"], name="gdap_of_customer"),
            models.Index(fields=["ends_at", "id"], condition=Q(status="active"), name="gdap_due"),
            models.Index(fields=["lapses_at", "id"], condition=Q(status="approvalPending"), name="gdap_lapsing"),
            models.Index(fields=["limited_to_domain"], condition=Q(customer=None), name="gdap_by_domain"),
            models.Index(CUSTOMER_DOMAIN, condition=Q(customer=None), name="gdap_by_address"),
            models.Index(
                fields=["template_version", "id"], condition=Q(status="active"), name="gdap_active_of_template"
            ),
            models.Index(
                fields=["reseller", "locked_at"], condition=Q(reseller__isnull=False), name="gdap_of_reseller"
            ),
            GinIndex(fields=["search"], name="gdap_search"),
        ]
        triggers = rules.RELATIONSHIP

    def __str__(self) -> str:
        return self.display_name

    @property
    def is_lapsed(self) -> bool:
        """Pending in the row, but nobody answered within its 90 days."""
        return (
            self.status == self.Status.APPROVAL_PENDING and self.lapses_at is not None and self.lapses_at <= clock.now()
        )

    @property
    def status_now(self) -> str:
        """The status that counts: time ends a relationship or a request whether or not the sweep has run."""
        if self.is_lapsed:
            return self.Status.TERMINATED
        if self.status == self.Status.ACTIVE and not self.auto_extend and self.ends_at and self.ends_at <= clock.now():
            return self.Status.EXPIRED
        return self.status

    @property
    def end_reason_now(self) -> str:
        """The same for the reason."""
        return self.EndReason.LAPSED if self.is_lapsed else self.end_reason

    @property
    def status_label(self) -> str:
        """`status_now` in words; what was terminated says why."""
        return str(self.status_text)

    @property
    def status_text(self) -> Any:
        """The same for whoever reads it, which may be later and in another language."""
        answer = self.ResellerAnswer
        if self.reseller_answer == answer.REJECTED or (
            self.reseller_answer == answer.PENDING and self.status_now == self.Status.APPROVAL_PENDING
        ):
            return answer(self.reseller_answer).label
        if self.status_now == self.Status.TERMINATED:
            return self.EndReason(self.end_reason_now).label
        return self.Status(self.status_now).label

    def end_at(self, at: datetime) -> datetime | None:
        """The end as it stands at a moment: with auto-extend on the first of `ends_at + n × 180 days` after it."""
        if self.ends_at is None or not self.auto_extend or self.ends_at > at:
            return self.ends_at
        return self.ends_at + ((at - self.ends_at) // catalogue.EXTENSION + 1) * catalogue.EXTENSION

    @property
    def path_until(self) -> datetime | None:
        """When its paths end by themselves; None with auto-extend on, which never lets them."""
        return None if self.auto_extend else self.ends_at


class GdapRole(models.Model):
    """One role of a relationship: asked for, then granted or not, then perhaps removed by the partner."""

    relationship = models.ForeignKey(GdapRelationship, models.CASCADE, related_name="roles")
    role_id = models.CharField(max_length=36)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    is_granted = models.BooleanField(null=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["relationship", "role_id"], name="gdap_role_once"),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(is_granted=True), name="gdap_role_removed_was_granted"
            ),
        ]
        triggers = rules.ROLE

    def __str__(self) -> str:
        return self.role.name

    @property
    def role(self) -> roles.Role:
        """The role from the catalogue."""
        return roles.roles()[self.role_id]

    @property
    def is_in_force(self) -> bool:
        """Granted and not removed (the relationship's time is not asked here)."""
        return bool(self.is_granted) and self.removed_at is None
