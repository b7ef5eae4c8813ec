"""GDAP: the partner's own role templates, in versions that nothing changes (DOMAIN §6)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from delegation.models import gdap_template_rules as rules
from portal import catalogue as roles
from portal.models import Tenant, User


class GdapTemplate(models.Model):
    """A named set of roles, days and planned groups to start requests from; what it says is in its versions."""

    access_tenant = access_partner = "partner_id"
    access_pair = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=catalogue.MOST_TEMPLATE_NAME)
    name_key = models.CharField(max_length=200, db_collation="C", editable=False)
    #: The number of its present version.
    latest = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["partner", "name_key"], name="gdap_template_name_once"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(name_key=""), name="gdap_template_has_a_name"),
        ]
        triggers = rules.TEMPLATE

    def __str__(self) -> str:
        return self.name


class GdapTemplateVersion(models.Model):
    """What a template said from one moment on: never changed, only followed by the next one.

    `roles`: role id → default reason. `plans`: a list of {group: its key, name: as it was called, roles: ids}.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(GdapTemplate, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    roles = models.JSONField()
    duration_days = models.PositiveSmallIntegerField(_("days"))
    auto_extend = models.BooleanField(_("auto-extend"), default=False)
    plans = models.JSONField(default=list, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="gdap_template_version_once"),
            models.CheckConstraint(
                condition=Q(duration_days__gte=1, duration_days__lte=catalogue.MOST_DAYS),
                name="gdap_template_duration",
            ),
        ]
        triggers = rules.VERSION

    def __str__(self) -> str:
        return f"{self.template} · {self.number}"

    @property
    def roles_by_name(self) -> list[roles.Role]:
        """Its roles from the catalogue, by name."""
        return sorted((roles.roles()[role_id] for role_id in self.roles), key=lambda role: role.name)


#: Of a template the version that counts now.
PRESENT = Q(number=F("template__latest"))
