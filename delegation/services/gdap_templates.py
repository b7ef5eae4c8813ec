"""The partner's own role templates: made, changed by a new version, retired, restored (DOMAIN §6)."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from delegation.models import GdapTemplate, GdapTemplateVersion
from delegation.services import gdap_rows as rows
from delegation.services.gdap_requests import checked_roles
from portal import access, audit, clock, search
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Conflict, Refused
from portal.models import Membership, SecurityGroup, Tenant, User
from portal.writes import writes

_LONGEST_NOTE = 500


@dataclass(frozen=True)
class Content:
    """What one version says; `plans`: groups with the roles that they are to get, None: those of the version before
    that are still there, as far as the roles are.
    """

    roles: Mapping[str, str]
    duration_days: int
    auto_extend: bool = False
    plans: Sequence[tuple[SecurityGroup, Collection[str]]] | None = ()
    note: str = ""


@writes
def create_template(*, partner: Tenant, actor: User, name: str, content: Content) -> GdapTemplate:
    """A new template with its first version.

    Raises PermissionDenied without `gdap.templates`; Refused with the field that doesn't fit: a name of 1–80
    characters that no other template of the partner has, roles that can be asked for (privileged ones with a reason),
    1–730 days, no auto-extend with roles that never extend, plans of own groups with roles of the template.
    """
    decision = access.require(actor, Capability.GDAP_TEMPLATES, partner)
    template = GdapTemplate(partner=partner, created_at=clock.now(), created_by=actor)
    _set_name(template, name)
    version = _checked(template, replace(content, plans=content.plans or ()))
    template.latest = 1
    _save(template)
    version.number, version.made_at, version.made_by = 1, template.created_at, actor
    version.save(force_insert=True)
    _record("gdap_template.created", template, actor, decision, after=_seen(template, version))
    return template


@writes
def edit_template(*, template: GdapTemplate, actor: User, number: int, name: str, content: Content) -> GdapTemplate:
    """Say something else from now on, as the next version; requests made from earlier ones stay as they are.

    `number` is that of the version that the page showed. The same content makes no version, the same name changes
    nothing. Raises Conflict where somebody made another version since, Refused for a retired one, else as
    `create_template`.
    """
    row, decision = _locked(template, actor)
    if row.retired_at is not None:
        raise Refused(_("This template is retired. Take it back into use first."))
    if row.latest != number:
        raise Conflict(_("Somebody made another version of this template since you opened it. Look at it again."))
    present = row.versions.get(number=row.latest)
    before = _seen(row, present)
    _set_name(row, name)
    if content.plans is None:
        content = replace(content, plans=_kept_plans(present, content.roles))
    version = _checked(row, content)
    if not _says_the_same(version, present):
        row.latest += 1
        version.number, version.made_at, version.made_by = row.latest, clock.now(), actor
        version.save(force_insert=True)
        present = version
    after = _seen(row, present)
    if after == before:
        return row
    _save(row)
    _record("gdap_template.edited", row, actor, decision, before=before, after=after)
    return row


@writes
def plan_template_groups(
    *, template: GdapTemplate, actor: User, number: int, plans: Sequence[tuple[SecurityGroup, Collection[str]]]
) -> GdapTemplate:
    """Plan other groups, as the next version that says the same else. Raises as `edit_template`."""
    row, _decision = _locked(template, actor)
    present = row.versions.get(number=row.latest)
    content = Content(present.roles, present.duration_days, present.auto_extend, plans, present.note)
    return edit_template(template=row, actor=actor, number=number, name=row.name, content=content)


@writes
def retire_template(*, template: GdapTemplate, actor: User) -> GdapTemplate:
    """Offer it no longer; what was made from it stays. Retiring a retired one changes nothing.

    Raises PermissionDenied.
    """
    row, decision = _locked(template, actor)
    if row.retired_at is None:
        row.retired_at, row.retired_by = clock.now(), actor
        _save(row)
        _record("gdap_template.retired", row, actor, decision)
    return row


@writes
def restore_template(*, template: GdapTemplate, actor: User) -> GdapTemplate:
    """Offer it again. Restoring one in use changes nothing. Raises PermissionDenied."""
    row, decision = _locked(template, actor)
    if row.retired_at is not None:
        row.retired_at = row.retired_by = None
        _save(row)
        _record("gdap_template.restored", row, actor, decision)
    return row


# ── rules ──


def _locked(template: GdapTemplate, actor: User) -> tuple[GdapTemplate, Decision]:
    row = GdapTemplate.objects.select_for_update(of=("self",)).select_related("partner").get(pk=template.pk)
    return row, access.require(actor, Capability.GDAP_TEMPLATES, row)


def _set_name(template: GdapTemplate, name: str) -> None:
    text = " ".join(str(name).split())
    if not 1 <= len(text) <= catalogue.MOST_TEMPLATE_NAME or any(unicodedata.category(char)[0] == "C" for char in text):
        raise Refused(_("Give it a name of 1 to 80 characters."), field="name")
    template.name, template.name_key = text, search.key(text)
    others = GdapTemplate.objects.filter(partner=template.partner, name_key=template.name_key).exclude(pk=template.pk)
    if others.exists():
        raise _taken()


def _taken() -> Refused:
    return Refused(_("Another of your templates has this name, whatever its letter case."), field="name")


def _checked(template: GdapTemplate, content: Content) -> GdapTemplateVersion:
    chosen = checked_roles(content.roles)
    days = content.duration_days
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= catalogue.MOST_DAYS:
        raise Refused(_("Choose a whole number of days from 1 to 730."), field="duration_days")
    if content.auto_extend:
        rows.refuse_lasting_full_control(list(chosen))
    note = " ".join(content.note.split())
    if len(note) > _LONGEST_NOTE:
        raise Refused(_("A note has 500 characters at most."), field="note")
    return GdapTemplateVersion(
        template=template,
        roles=chosen,
        duration_days=days,
        auto_extend=bool(content.auto_extend),
        plans=_checked_plans(template, chosen, content.plans or ()),
        note=note,
    )


def _checked_plans(
    template: GdapTemplate, chosen: Mapping[str, str], plans: Sequence[tuple[SecurityGroup, Collection[str]]]
) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for group, role_ids in plans:
        if group.tenant_id != template.partner_id or group.kind in SecurityGroup.HIDDEN:
            raise Refused(_("Only security groups of your own organisation can get roles."), field="plans")
        if Membership.objects.filter(group_id=group.pk, user__kind=User.Kind.GUEST).exists():
            raise Refused(_("This group has guests. A group that works for customers has none."), field="plans")
        if group.pk in found:
            raise Refused(_("Plan each group once."), field="plans")
        ids = sorted(set(role_ids))
        if not ids or not set(ids) <= set(chosen):
            raise Refused(_("Plan a group with roles of this template only."), field="plans")
        found[group.pk] = {"group": group.pk, "name": group.name, "roles": ids}
    return [found[key] for key in sorted(found)]


def _kept_plans(present: GdapTemplateVersion, role_ids: Collection[str]) -> list[tuple[SecurityGroup, Collection[str]]]:
    groups = SecurityGroup.objects.in_bulk([plan["group"] for plan in present.plans])
    held = [(groups.get(plan["group"]), set(plan["roles"]) & set(role_ids)) for plan in present.plans]
    return [(group, kept) for group, kept in held if group is not None and kept]


def _says_the_same(one: GdapTemplateVersion, other: GdapTemplateVersion) -> bool:
    def said(version: GdapTemplateVersion) -> tuple[Any, ...]:
        plans = [(plan["group"], plan["roles"]) for plan in version.plans]
        return version.roles, version.duration_days, version.auto_extend, plans, version.note

    return said(one) == said(other)


def _save(template: GdapTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as taken:
        if "gdap_template_name_once" not in str(taken):
            raise
        raise _taken() from taken


def _seen(template: GdapTemplate, version: GdapTemplateVersion) -> dict[str, Any]:
    """A version as audit rows show it."""
    return {
        "name": template.name,
        "version": version.number,
        "roles": rows.names_of(version.roles),
        "days": version.duration_days,
        "auto_extend": version.auto_extend,
        "groups": [f"{plan['name']}: {', '.join(rows.names_of(plan['roles']))}" for plan in version.plans],
        "note": version.note,
    }


def _record(action: str, template: GdapTemplate, actor: User, decision: Decision, **more: Any) -> None:
    audit.record(action, actor=actor, tenant=template.partner_id, target=template, decision=decision, **more)
