"""Drift: relationships in force that were made from a template and differ from its present version (DOMAIN §6).

What is granted now counts, not what was asked for; retired templates have no present version to differ from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship, GdapRole, GdapTemplateVersion
from delegation.models.gdap_templates import PRESENT
from portal import catalogue, clock

MISSING, EXTRA, DAYS, EXTENSION = "missing", "extra", "days", "extension"
KINDS = (
    (MISSING, _("Roles missing")),
    (EXTRA, _("Roles too many")),
    (DAYS, _("Other days")),
    (EXTENSION, _("Other auto-extend")),
)
_GRANTED = """SELECT r.role_id::text FROM delegation_gdaprole r
    WHERE r.relationship_id = delegation_gdaprelationship.id AND r.is_granted AND r.removed_at IS NULL"""
_DIFFERS = {
    MISSING: f"EXISTS (SELECT k FROM jsonb_object_keys(present.roles) k EXCEPT {_GRANTED})",  # noqa: S608
    EXTRA: f"EXISTS ({_GRANTED} AND NOT present.roles ? r.role_id)",
    DAYS: "present.duration_days <> delegation_gdaprelationship.granted_days",
    EXTENSION: "present.auto_extend <> delegation_gdaprelationship.auto_extend",
}
#: What the customer has to agree to.
CONSENT = "consent"
_ALL = " OR ".join(_DIFFERS.values())
_DIFFERS[CONSENT] = f"{_DIFFERS[MISSING]} OR {_DIFFERS[DAYS]}"
_PRESENT = """EXISTS (
    SELECT 1 FROM delegation_gdaptemplateversion made
    JOIN delegation_gdaptemplate t ON t.id = made.template_id AND t.retired_at IS NULL
    JOIN delegation_gdaptemplateversion present ON present.template_id = t.id AND present.number = t.latest
    WHERE made.id = delegation_gdaprelationship.template_version_id AND ({differs}))"""


def differing(rows: QuerySet[GdapRelationship], kind: str = "") -> QuerySet[GdapRelationship]:
    """Those in force that differ: in one way, in any, or so that the customer has to agree."""
    differs = _DIFFERS[kind] if kind else _ALL
    # The question mark of jsonb is an operator here, no parameter: there are none.
    expression = RawSQL(_PRESENT.format(differs=differs), (), output_field=BooleanField())  # noqa: S611 - our own words
    return rows.in_force(clock.now()).filter(template_version__isnull=False).filter(expression)  # type: ignore[attr-defined]


def with_open_amendment(rows: QuerySet[GdapRelationship]) -> QuerySet[GdapRelationship]:
    """Each with `is_asked`: an amendment of it is drafted or waits for the customer."""
    waits = GdapRelationship.objects.filter(replaces=OuterRef("pk")).filter(
        Q(status=GdapRelationship.Status.CREATED)
        | Q(status=GdapRelationship.Status.APPROVAL_PENDING, lapses_at__gt=clock.now())
    )
    return rows.annotate(is_asked=Exists(waits))


@dataclass(frozen=True)
class Drift:
    """What a relationship has otherwise than its template says now."""

    present: GdapTemplateVersion
    missing: frozenset[str] = field(default=frozenset())
    extra: frozenset[str] = field(default=frozenset())
    has_other_days: bool = False
    has_other_extension: bool = False

    @property
    def is_there(self) -> bool:
        """It differs at all."""
        return bool(self.missing or self.extra or self.has_other_days or self.has_other_extension)

    @property
    def needs_consent(self) -> bool:
        """More roles or another time: the customer is asked. Fewer roles and auto-extend never need that."""
        return bool(self.missing) or self.has_other_days

    @property
    def missing_names(self) -> list[str]:
        """Labels of the roles that it hasn't."""
        return sorted(catalogue.roles()[role_id].label for role_id in self.missing)

    @property
    def extra_names(self) -> list[str]:
        """Labels of the roles that the template hasn't."""
        return sorted(catalogue.roles()[role_id].label for role_id in self.extra)


def drift_of(row: GdapRelationship, present: GdapTemplateVersion, granted: Iterable[str]) -> Drift:
    """The difference of one relationship, whose roles in force are `granted`, from a present version."""
    has, says = frozenset(granted), frozenset(present.roles)
    return Drift(
        present,
        says - has,
        has - says,
        present.duration_days != row.granted_days,
        present.auto_extend != row.auto_extend,
    )


def add_drift(rows: list[Any]) -> None:
    """Set `drift` on relationships with their `template_version`: two queries."""
    templates = {row.template_version.template_id for row in rows}
    found = GdapTemplateVersion.objects.filter(PRESENT, template__in=templates).select_related("template")
    present = {version.template_id: version for version in found}
    granted: dict[UUID, list[str]] = {row.pk: [] for row in rows}
    held = GdapRole.objects.filter(relationship__in=granted, is_granted=True, removed_at__isnull=True)
    for key, role_id in held.values_list("relationship_id", "role_id"):
        granted[key].append(role_id)
    for row in rows:
        row.drift = drift_of(row, present[row.template_version.template_id], granted[row.pk])
