"""Reseller invitations, their answers, relationships and device registration consent."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.models import Pair, Tenant, User
from portal.models.transitions import legal_moves
from relationships import catalogue, states

#: The domain of a named invitation's address: how a page finds what a partner has asked a customer for.
CUSTOMER_DOMAIN = Lower(
    Func(F("customer_address"), Value("@"), Value(2), function="split_part", output_field=models.CharField())
)
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hant", "繁體中文")]


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads in which the date is part of the state."""

    def open_at(self, at: datetime) -> InvitationQuerySet:
        """Open and not past their date."""
        return self.filter(state="open", expires_at__gt=at)

    def due(self, at: datetime) -> InvitationQuerySet:
        """Open in the row but past their date: expired for everyone, the sweep only records it."""
        return self.filter(state="open", expires_at__lte=at)


class Invitation(models.Model):
    """A partner's request that ends in a relationship, with or without DAP (DOMAIN §3)."""

    access_partner = "partner_id"
    access_pair = None

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    #: Stands for the personal link in every stored text.
    PLACEHOLDER = "{{personal-link}}"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="invitations")
    partner_type = models.CharField(_("type"), max_length=20, default=catalogue.RESELLER)
    with_dap = models.BooleanField(_("with delegated admin"), default=False)
    with_device_consent = models.BooleanField(default=True)
    language = models.CharField(_("language"), max_length=10, choices=LANGUAGES, default="en")
    days = models.PositiveSmallIntegerField(
        _("days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    is_open_link = models.BooleanField(default=False)
    customer_name = models.CharField(_("customer"), max_length=200, blank=True)
    customer_key = models.CharField(max_length=200, db_collation="C", default="", editable=False)
    customer_address = models.EmailField(_("e-mail"), max_length=254, blank=True)
    limited_to_domain = models.CharField(max_length=253, blank=True)
    max_uses = models.PositiveIntegerField(_("most uses"), default=1, validators=[MinValueValidator(1)])
    uses = models.PositiveIntegerField(default=0)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("message"), max_length=10_000)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    link_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    reminded_days = models.PositiveSmallIntegerField(null=True, blank=True)
    search = SearchVectorField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=90), name="invitation_days"),
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="invitation_uses"),
            models.CheckConstraint(
                condition=Q(is_open_link=True) | (Q(max_uses=1) & ~Q(customer_name="") & ~Q(customer_address="")),
                name="invitation_named_is_single",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "cancelled"]) | Q(opened_at__isnull=False, expires_at__isnull=False),
                name="invitation_open_has_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "created_at", "id"], name="invitation_by_time"),
            models.Index(fields=["partner", "state", "created_at", "id"], name="invitation_by_state"),
            models.Index(fields=["partner", "expires_at", "id"], name="invitation_by_end"),
            models.Index(fields=["partner", "customer_key", "id"], name="invitation_by_customer"),
            models.Index(fields=["expires_at", "partner"], condition=Q(state="open"), name="invitation_due"),
            models.Index(fields=["partner", "expires_at"], condition=Q(state="open"), name="invitation_due_of"),
            models.Index(fields=["created_by", "opened_at"], name="invitation_by_sender"),
            models.Index(CUSTOMER_DOMAIN, "opened_at", condition=Q(is_open_link=False), name="invitation_by_domain"),
            models.Index(
                "partner",
                CUSTOMER_DOMAIN,
                condition=Q(state="open", with_dap=True, is_open_link=False),
                name="invitation_asks_for_dap",
            ),
            GinIndex(fields=["search"], name="invitation_search"),
        ]
        triggers = [
            legal_moves(states.INVITATION),
            pgtrigger.Trigger(
                name="frozen_once_open",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__df="draft"),
                func="""
                    IF (OLD.subject, OLD.body, OLD.with_dap, OLD.with_device_consent, OLD.days, OLD.max_uses,
                        OLD.partner_id, OLD.partner_type, OLD.is_open_link, OLD.language, OLD.customer_name,
                        OLD.customer_address, OLD.limited_to_domain, OLD.opened_at, OLD.expires_at)
                       IS DISTINCT FROM
                       (NEW.subject, NEW.body, NEW.with_dap, NEW.with_device_consent, NEW.days, NEW.max_uses,
                        NEW.partner_id, NEW.partner_type, NEW.is_open_link, NEW.language, NEW.customer_name,
                        NEW.customer_address, NEW.limited_to_domain, NEW.opened_at, NEW.expires_at) THEN
                        RAISE EXCEPTION 'text and options of an open invitation are frozen';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.name_of(self.customer_name, self.customer_address, self.pk)

    @staticmethod
    def name_of(customer_name: str, customer_address: str, pk: uuid.UUID) -> str:
        """What an invitation is called: its customer or, for an open link, the start of its key."""
        return customer_name or customer_address or f"#{str(pk)[:8]}"

    @property
    def state_now(self) -> str:
        """The state that counts: an open one past its date is expired, whether or not the sweep has run."""
        if self.state == self.State.OPEN and self.expires_at and self.expires_at <= clock.now():
            return self.State.EXPIRED
        return self.state

    @property
    def state_label(self) -> str:
        """`state_now` in words."""
        return str(self.State(self.state_now).label)

    @property
    def type_name(self) -> str:
        """Name of the type for pages."""
        return str(catalogue.partner_types()[self.partner_type].name)

    def end_of(self, opened_at: datetime) -> datetime:
        """n × 24 hours after it was opened."""
        return opened_at + timedelta(days=self.days)


class InvitationAnswer(models.Model):
    """One tenant's acceptance or decline: one per tenant and invitation.

    An acceptance that added nothing is *already in place*: it used nothing up and may be followed by a real one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invitation = models.ForeignKey(Invitation, models.PROTECT, related_name="answers")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="invitation_answers")
    is_accepted = models.BooleanField()
    is_already_in_place = models.BooleanField(default=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    digest = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["invitation", "tenant"], name="answer_once_per_tenant")]
        indexes = [models.Index(fields=["tenant", "at"], name="answer_by_tenant")]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__is_already_in_place=False)
            ),
        ]


class InvitationForward(models.Model):
    """*Forward to an approver*: who was told, by whom; gives the forwarder nothing."""

    invitation = models.ForeignKey(Invitation, models.PROTECT, related_name="forwards")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    to = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["invitation", "by", "to"], name="forward_once")]


class Relationship(models.Model):
    """Partner X has type T with customer Y; several types per pair, all history kept."""

    access_tenant = "customer_id"
    access_partner = "partner_id"
    access_pair = "pair_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="relationships")
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    customer = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    partner_type = models.CharField(max_length=20)
    invitation = models.ForeignKey(Invitation, models.PROTECT, null=True, blank=True, related_name="+")
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["pair", "partner_type"], condition=Q(ended_at__isnull=True), name="relationship_type_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="relationship_ends_later"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ended_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__ended_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type_name}: {self.pair}"

    @property
    def type_name(self) -> str:
        """Name of the type for pages."""
        return str(catalogue.partner_types()[self.partner_type].name)


class DeviceConsent(models.Model):
    """Autopilot device registration consent: given by a Global Administrator, else pending (DOMAIN §3)."""

    access_tenant = "customer_id"
    access_partner = "partner_id"
    access_pair = "pair_id"

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        GIVEN = "given", _("Given")
        ENDED = "ended", _("Ended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="device_consents")
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    customer = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State)
    asked_at = models.DateTimeField()
    given_at = models.DateTimeField(null=True, blank=True)
    given_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["pair"], condition=~Q(state="ended"), name="device_consent_once"),
        ]
        triggers = [legal_moves(states.DEVICE_CONSENT), pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.pair)
