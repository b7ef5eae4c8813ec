"""Organisations: tenants, their domains, partner profiles, and pairs of a partner and a customer."""

from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal import catalogue
from portal.models.periods import standing_of


class Tenant(models.Model):
    """An organisation. It is a partner once it has an approved profile, a customer once it has a partner."""

    access_tenant = access_partner = "id"
    access_pair = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    display_name = models.CharField(_("name"), max_length=200)
    default_domain = models.CharField(max_length=253, unique=True)
    country = models.CharField(_("country"), max_length=2)
    language = models.CharField(_("language"), max_length=10, default="en")
    team_address = models.EmailField(_("team address"), blank=True)
    has_on_behalf_notice = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = catalogue.tenant_permissions()
        constraints = [
            models.CheckConstraint(
                condition=Q(default_domain__regex=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"),
                name="tenant_default_domain_is_ascii",
            ),
            models.CheckConstraint(condition=~Q(display_name=""), name="tenant_has_a_name"),
        ]
        triggers = [standing_of("tenant", "id", "{r}.disabled_at IS NULL", "disabled_at")]

    def __str__(self) -> str:
        return self.display_name

    @property
    def partner_profile(self) -> PartnerProfile | None:
        """The profile, or None for an organisation that is no partner."""
        return getattr(self, "profile", None)


class Domain(models.Model):
    """A further domain of a tenant; it counts only once verified (DOMAIN §1)."""

    access_tenant = "tenant_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253)
    verified_at = models.DateTimeField(null=True, blank=True)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), condition=Q(verified_at__isnull=False), name="domain_verified_once"),
            models.UniqueConstraint("tenant", Lower("name"), name="domain_once_per_tenant"),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelRole(models.TextChoices):
    """How a partner sells (DOMAIN §1)."""

    DIRECT_BILL = "direct_bill", _("Direct-bill partner")
    INDIRECT_PROVIDER = "indirect_provider", _("Indirect provider")
    INDIRECT_RESELLER = "indirect_reseller", _("Indirect reseller")


class PartnerProfile(models.Model):
    """What makes a tenant a partner; counts while approved and not disabled (DOMAIN §2)."""

    access_tenant = access_partner = "tenant_id"
    access_pair = None

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="profile")
    partner_number = models.CharField(_("partner ID"), max_length=12, unique=True)
    channel_role = models.CharField(_("channel role"), max_length=20, choices=ChannelRole)
    is_oem = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [
            standing_of(
                "partner",
                "tenant_id",
                "{r}.approved_at IS NOT NULL AND {r}.disabled_at IS NULL",
                "approved_at",
                "disabled_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant} ({self.partner_number})"

    @property
    def is_in_force(self) -> bool:
        """Approved by the operator and not disabled."""
        return self.approved_at is not None and self.disabled_at is None


class Pair(models.Model):
    """One partner and one customer that have, or had, any relationship.

    The row of the partner's *Customers* and of the customer's *Partner relationships*.
    `ended_at` is null while at least one relationship is in force: only then is the partner an insider.
    Names are copies kept by `portal.services.organisations`, so that 100,000 rows sort and search by index.
    """

    access_tenant = "customer_id"
    access_partner = "partner_id"
    access_pair = "id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="pairs_as_partner")
    customer = models.ForeignKey(Tenant, models.PROTECT, related_name="pairs_as_customer")
    customer_name = models.CharField(max_length=200)
    customer_key = models.CharField(max_length=200, db_collation="C")
    customer_domain = models.CharField(max_length=253)
    partner_name = models.CharField(max_length=200)
    partner_key = models.CharField(max_length=200, db_collation="C")
    search = SearchVectorField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    last_on_behalf_at = models.DateTimeField(null=True, blank=True)
    on_behalf_noticed_on = models.DateField(null=True, blank=True)
    #: Whether the partner's hidden *everyone* group works for this customer; kept by a trigger of `PairGrant`, so that
    #: a list of 100,000 customers asks only the limited ones who works for them.
    open_to_all = models.BooleanField(default=False, editable=False)

    class Meta:
        permissions = [("work_for", "Works for this customer")]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["partner", "customer"], name="pair_once"),
            models.CheckConstraint(condition=~Q(partner=F("customer")), name="pair_of_two"),
        ]
        indexes = [
            models.Index(fields=["partner", "customer_key", "id"], name="pair_by_customer_name"),
            models.Index(fields=["customer", "partner_key", "id"], name="pair_by_partner_name"),
            models.Index(fields=["partner", "started_at", "id"], name="pair_by_start"),
            models.Index(fields=["partner", "last_on_behalf_at", "id"], name="pair_by_last_work"),
            models.Index(
                fields=["partner", "customer_key", "id"], condition=Q(ended_at__isnull=False), name="pair_ended"
            ),
            GinIndex(fields=["search"], name="pair_search"),
        ]
        triggers = [
            pgtrigger.Protect(name="keep_history", operation=pgtrigger.Delete),
            standing_of("pair", "id", "{r}.started_at IS NOT NULL AND {r}.ended_at IS NULL", "started_at", "ended_at"),
        ]

    def __str__(self) -> str:
        return f"{self.partner_name} → {self.customer_name}"

    @property
    def is_in_force(self) -> bool:
        """At least one relationship between the two is in force."""
        return self.started_at is not None and self.ended_at is None
