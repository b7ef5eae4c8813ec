"""People: users, security groups, memberships with their history."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pgtrigger
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portal.models.grants import PathKind, TenantGrant
from portal.models.periods import standing_of
from portal.models.scopes import ScopeGrant
from portal.models.tenants import Tenant


class UserManager(BaseUserManager["User"]):
    """Finds users by sign-in name, whatever its letter case."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user with this sign-in name, ignoring case; raises User.DoesNotExist."""
        return self.get(sign_in_name__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person with one home tenant; the operator has none (DOMAIN §1).

    There is no superuser: rights come from `portal.access` only.
    """

    access_tenant = "tenant_id"

    class Kind(models.TextChoices):
        MEMBER = "member", _("Member")
        GUEST = "guest", _("Guest (Partner)")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="users", null=True, blank=True)
    sign_in_name = models.CharField(_("sign-in name"), max_length=254)
    display_name = models.CharField(_("display name"), max_length=200)
    contact_address = models.EmailField(_("contact address"), max_length=254)
    contact_confirmed_at = models.DateTimeField(null=True, blank=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.MEMBER)
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    theme = models.CharField(max_length=6, default="system")
    notices_off = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    made_by_partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+", null=True, blank=True)
    #: The partner's person who made it; shown to a leaver's own organisation (DOMAIN §14).
    made_by = models.ForeignKey("self", models.PROTECT, related_name="made_accounts", null=True, blank=True)
    session_epoch = models.PositiveIntegerField(default=0)
    # Kept by `portal.services.people`, so that long lists sort and search by index.
    name_key = models.CharField(max_length=200, db_collation="C", default="", editable=False)
    search = SearchVectorField(null=True, editable=False)

    groups = models.ManyToManyField(Group, through="portal.Membership", through_fields=("user", "group"))
    user_permissions = None  # type: ignore[assignment]
    is_superuser = False  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "sign_in_name"
    EMAIL_FIELD = "contact_address"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(Lower("sign_in_name"), name="user_sign_in_name_unique"),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(blocked_at__isnull=False), name="user_deleted_is_blocked"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "name_key", "id"], name="user_by_name"),
            models.Index(fields=["tenant", "sign_in_name", "id"], name="user_by_sign_in_name"),
            models.Index(fields=["tenant", "created_at", "id"], name="user_by_age"),
            GinIndex(fields=["search"], name="user_search"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="deleted_for_good",
                operation=pgtrigger.UpdateOf("deleted_at"),
                condition=pgtrigger.Condition(
                    "OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS DISTINCT FROM OLD.deleted_at"
                ),
            ),
            standing_of(
                "person",
                "id",
                "{r}.activated_at IS NOT NULL AND {r}.blocked_at IS NULL",
                "activated_at",
                "blocked_at",
            ),
            pgtrigger.Trigger(
                name="last_global_administrator",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("blocked_at", "activated_at") | pgtrigger.Delete,
                condition=pgtrigger.Q(old__blocked_at__isnull=True, old__tenant__isnull=False),
                func="PERFORM portal_keep_global_administrator(OLD.tenant_id); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return self.sign_in_name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """May sign in: activated and not blocked (the tenant's state is asked by access)."""
        return self.activated_at is not None and self.blocked_at is None

    @property
    def home(self) -> Tenant:
        """The home tenant; raises ValueError for the operator, who has none."""
        if self.tenant is None:
            raise ValueError("the operator has no home tenant")
        return self.tenant

    @property
    def is_operator(self) -> bool:
        """Runs the installation; has no access to any tenant (DOMAIN §1)."""
        return self.tenant_id is None

    @property
    def is_cloud_native(self) -> bool:
        """The sign-in name is in the tenant's default domain (DOMAIN §1)."""
        return self.tenant is not None and self.sign_in_name.lower().endswith("@" + self.tenant.default_domain)

    def check_password(self, raw_password: str) -> bool:
        """Whether it is the password. An outdated hash is renewed, but never over a password that was set meanwhile."""

        def renew(password: str) -> None:
            renewed = make_password(password)
            if User.objects.filter(pk=self.pk, password=self.password).update(password=renewed):
                self.password = renewed

        return check_password(raw_password, self.password, renew)

    def get_session_auth_hash(self) -> str:
        """Changes with the password and with *end all sessions*, so old sessions die at the next request."""
        return f"{super().get_session_auth_hash()}{self.session_epoch}"


class SecurityGroup(models.Model):
    """A group of users of one home tenant; one-to-one with `auth.Group`, which grants point to."""

    access_tenant = access_partner = "tenant_id"
    access_pair = None

    class Kind(models.TextChoices):
        ADMIN_AGENTS = "admin_agents", "AdminAgents"
        HELPDESK_AGENTS = "helpdesk_agents", "HelpdeskAgents"
        SALES_AGENTS = "sales_agents", "SalesAgents"
        CUSTOM = "custom", _("Security group")
        EVERYONE = "everyone", _("Everyone")
        PERSON = "person", _("One person")

    DELEGATING = (Kind.ADMIN_AGENTS, Kind.HELPDESK_AGENTS, Kind.SALES_AGENTS)
    HIDDEN = (Kind.EVERYONE, Kind.PERSON)

    group = models.OneToOneField(Group, models.CASCADE, primary_key=True, related_name="security_group")
    uid = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="security_groups")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CUSTOM)
    name = models.CharField(_("name"), max_length=120)
    person = models.OneToOneField(User, models.CASCADE, null=True, blank=True, related_name="own_group")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind"],
                condition=Q(kind__in=["admin_agents", "helpdesk_agents", "sales_agents", "everyone"]),
                name="group_builtin_once",
            ),
            models.UniqueConstraint("tenant", Lower("name"), condition=Q(kind="custom"), name="group_name_unique"),
            models.CheckConstraint(
                condition=Q(kind="person", person__isnull=False) | (~Q(kind="person") & Q(person__isnull=True)),
                name="group_person_only_for_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def has_assignment(self) -> bool:
        """Holds roles at customers: in their tenants by GDAP, or Azure roles at their scopes."""
        held = TenantGrant.objects.filter(group_id=self.pk, kind=PathKind.GDAP)
        return held.exists() or ScopeGrant.objects.filter(group_id=self.pk, pair__isnull=False).exists()

    @property
    def is_delegating(self) -> bool:
        """One of the three built-in agent groups, or one with an assignment (DOMAIN §1)."""
        return self.kind in self.DELEGATING or self.has_assignment

    @classmethod
    def delegating(cls) -> Q:
        """The same as a filter."""
        held = TenantGrant.objects.filter(group_id=OuterRef("pk"), kind=PathKind.GDAP)
        at_scopes = ScopeGrant.objects.filter(group_id=OuterRef("pk"), pair__isnull=False)
        return Q(kind__in=cls.DELEGATING) | Q(Exists(held)) | Q(Exists(at_scopes))


class Membership(models.Model):
    """A user in a group, read live by every access question; what was is in `MembershipPeriod`."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    since = models.DateTimeField()
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="membership_once")]
        triggers = [
            pgtrigger.Trigger(
                name="history",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'INSERT' THEN
                        INSERT INTO portal_membershipperiod (group_id, user_id, started_at)
                        VALUES (NEW.group_id, NEW.user_id, NEW.since);
                    ELSE
                        UPDATE portal_membershipperiod SET ended_at = GREATEST(started_at, portal_now())
                        WHERE group_id = OLD.group_id AND user_id = OLD.user_id AND ended_at IS NULL;
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="delegating_groups_have_no_guests",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM portal_securitygroup g JOIN portal_user u ON u.id = NEW.user_id
                        WHERE g.group_id = NEW.group_id
                          AND (u.tenant_id IS DISTINCT FROM g.tenant_id
                               OR (u.kind = 'guest' AND (
                                   g.kind IN ('admin_agents', 'helpdesk_agents', 'sales_agents')
                                   OR EXISTS (SELECT 1 FROM portal_tenantgrant t
                                              WHERE t.group_id = g.group_id AND t.kind = 'gdap')
                                   OR EXISTS (SELECT 1 FROM portal_scopegrant s
                                              WHERE s.group_id = g.group_id AND s.pair_id IS NOT NULL))))
                    ) THEN
                        RAISE EXCEPTION 'a group has members of its own tenant only, a delegating one no guests';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class MembershipPeriod(models.Model):
    """When a membership was in force; written by the trigger on `Membership`."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_constraint=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["user", "group", "started_at"], name="membership_past"),
            models.Index(fields=["group", "started_at"], name="membership_past_of_group"),
        ]
