"""Azure subscriptions and role assignments at their scopes (DOMAIN §8); the tree is `portal.models.Scope`."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from delegation.models import azure_rules
from portal import catalogue, clock
from portal.models import Pair, Scope, SecurityGroup, Tenant, User

#: How long an elevation lasts at most (DOMAIN §8).
ELEVATED_FOR = timedelta(hours=8)


class AzureSubscription(models.Model):
    """What a subscription has beside its scope; both have the same id."""

    access_tenant = "tenant_id"

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        CANCELLED = "cancelled", _("Cancelled")

    scope = models.OneToOneField(Scope, models.PROTECT, primary_key=True, related_name="subscription")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="azure_subscriptions")
    offer = models.CharField(_("offer"), max_length=120)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    provisioned_by = models.ForeignKey(
        Tenant, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("provisioned by")
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(state="active", cancelled_at__isnull=True)
                | Q(state="cancelled", cancelled_at__isnull=False),
                name="azure_cancelled_when",
            ),
        ]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.scope)


class AzureAssignment(models.Model):
    """A principal holds a role at a scope and below, until it is deleted or its end comes.

    Principal, role and scope never change (delete and add). The truth behind `ScopeGrant` rows with source
    `azure:<id>`. A group that is deleted leaves its name: *identity not found*, and gives nothing.
    """

    access_tenant = "tenant_id"
    access_lineage = "scope__lineage"

    class PrincipalType(models.TextChoices):
        USER = "user", _("User")
        GROUP = "group", _("Group")
        FOREIGN_USER = "foreign_user", _("User of a partner")
        FOREIGN_GROUP = "foreign_group", _("Foreign group")

    class EndReason(models.TextChoices):
        DELETED = "deleted", _("Deleted")
        ENDED = "ended", _("Its end came")
        SCOPE_DELETED = "scope_deleted", _("Its scope was deleted")
        SCOPE_MOVED = "scope_moved", _("Its scope was moved to another subscription")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="azure_assignments")
    subscription = models.ForeignKey(AzureSubscription, models.PROTECT, related_name="role_assignments")
    scope = models.ForeignKey(Scope, models.PROTECT, related_name="azure_assignments")
    role_id = models.CharField(max_length=36)
    principal_type = models.CharField(max_length=14, choices=PrincipalType)
    #: A person's is the group of one. No constraint in the database: a deleted group leaves its name.
    principal = models.ForeignKey(
        SecurityGroup, models.DO_NOTHING, null=True, db_constraint=False, related_name="azure_assignments"
    )
    principal_name = models.CharField(max_length=200)
    #: Set for a partner's group or person.
    pair = models.ForeignKey(Pair, models.PROTECT, null=True, blank=True, related_name="azure_assignments")
    description = models.CharField(_("description"), max_length=2048, blank=True)
    started_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_by_partner = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    is_made_elevated = models.BooleanField(default=False)
    until = models.DateTimeField(_("end"), null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    end_reason = models.CharField(max_length=14, choices=EndReason, blank=True)
    #: Who made the last change: a Global Administrator of the customer may take the last Owner away.
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "role_id", "scope"], condition=Q(ended_at__isnull=True), name="azure_exists_once"
            ),
            models.CheckConstraint(
                condition=Q(principal_type__in=["user", "group"], pair__isnull=True)
                | Q(principal_type__in=["foreign_user", "foreign_group"], pair__isnull=False),
                name="azure_foreign_has_a_pair",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("started_at")), name="azure_ends_later"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="azure_ended_why",
            ),
            models.CheckConstraint(
                condition=~Q(end_reason="ended") | Q(until__isnull=False, ended_at__gte=F("until")),
                name="azure_ended_in_time",
            ),
        ]
        indexes = [
            models.Index(fields=["scope", "started_at", "id"], name="azure_of_scope"),
            models.Index(fields=["subscription"], condition=Q(ended_at__isnull=True), name="azure_of_subscription"),
            models.Index(fields=["pair"], condition=Q(ended_at__isnull=True), name="azure_of_pair"),
            models.Index(fields=["until"], condition=Q(ended_at__isnull=True, until__isnull=False), name="azure_due"),
        ]
        triggers = azure_rules.ASSIGNMENT

    def __str__(self) -> str:
        return f"{self.role.name}: {self.principal_name}"

    @property
    def role(self) -> catalogue.AzureRole:
        """The role from the table."""
        return catalogue.azure_roles()[self.role_id]

    @property
    def is_foreign(self) -> bool:
        """Held by somebody from outside."""
        return self.pair_id is not None

    @property
    def is_over(self) -> bool:
        """Ended, or its end has come, whether or not the sweep has run."""
        return self.ended_at is not None or (self.until is not None and self.until <= clock.now())

    @property
    def source(self) -> str:
        """Name of this assignment in the index of paths."""
        return f"azure:{self.pk}"

    @classmethod
    def in_force(cls) -> Q:
        """Those that give something now, whether or not the sweep has run."""
        return Q(ended_at__isnull=True) & (Q(until__isnull=True) | Q(until__gt=clock.now()))


class AzureElevation(models.Model):
    """A customer's Global Administrator as User Access Administrator of all subscriptions, for 8 hours at most.

    The truth behind the `ScopeGrant` at the tenant's root with source `elevation:<id>`.
    """

    access_tenant = "tenant_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="azure_elevations")
    user = models.ForeignKey(User, models.PROTECT, related_name="azure_elevations")
    started_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(ended_at__isnull=True), name="azure_elevated_once"),
            models.CheckConstraint(
                condition=Q(until__gt=F("started_at"), until__lte=F("started_at") + ELEVATED_FOR),
                name="azure_elevation_ends",
            ),
        ]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def is_over(self) -> bool:
        """Ended, or its 8 hours are, whether or not the sweep has run."""
        return self.ended_at is not None or self.until <= clock.now()

    @property
    def source(self) -> str:
        """Name of this elevation in the index of paths."""
        return f"elevation:{self.pk}"

    @classmethod
    def in_force(cls) -> Q:
        """Those that give something now."""
        return Q(ended_at__isnull=True, until__gt=clock.now())
