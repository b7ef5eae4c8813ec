"""Reads about role templates: which there are to choose from, what differs between versions (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from delegation import catalogue
from delegation.models import GdapTemplateVersion
from delegation.models.gdap_templates import PRESENT
from portal import catalogue as roles
from portal.catalogue import Role
from portal.models import SecurityGroup, Tenant

OWN, BUILT_IN = "own", "built-in"


@dataclass(frozen=True)
class Plan:
    """A group that is to get some of the roles; `group` is None where it was deleted since."""

    group: SecurityGroup | None
    name: str
    role_ids: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """A template to start from. `version` is None for a built-in one; roles: id → default reason, which may be empty.

    `key` names it in forms and addresses: `own:<uuid of the template>` or `built-in:<number>`.
    """

    key: str
    name: str
    version: GdapTemplateVersion | None
    roles: Mapping[str, str]
    duration_days: int
    auto_extend: bool
    plans: tuple[Plan, ...]

    @property
    def number(self) -> str:
        """The number of a built-in one."""
        return self.key.partition(":")[2]

    @property
    def role_names(self) -> list[str]:
        """Labels of its roles in the reader's language."""
        return sorted(roles.roles()[role_id].label for role_id in self.roles)


def choices(partner: Tenant) -> list[Choice]:
    """What a partner can start a request from: the present versions of its own templates by name, then the built-in
    ones. Three queries at most.
    """
    present = list(present_versions(partner).filter(template__retired_at__isnull=True).order_by("template__name_key"))
    groups = groups_of(partner, present)
    return [_own(version, groups) for version in present] + built_in()


def choice(partner: Tenant, key: str) -> Choice | None:
    """One of them by its key; None for a key that names none, a retired or somebody else's."""
    return next((found for found in choices(partner) if found.key == key), None)


def built_in() -> list[Choice]:
    """The templates of the table: no reasons, the longest time, no plans."""
    return [
        Choice(
            f"{BUILT_IN}:{number}",
            template.name,
            None,
            {role.id: "" for role in template.roles},
            catalogue.MOST_DAYS,
            False,
            (),
        )
        for number, template in enumerate(catalogue.templates(), 1)
    ]


def present_versions(partner: Tenant) -> QuerySet[GdapTemplateVersion]:
    """Of each of the partner's templates the version that counts, retired ones too."""
    return GdapTemplateVersion.objects.filter(PRESENT, template__partner=partner).select_related("template", "made_by")


def groups_of(partner: Tenant, versions: Iterable[GdapTemplateVersion]) -> dict[int, SecurityGroup]:
    """The partner's groups that some versions plan, by key; those deleted since are missing."""
    wanted = {plan["group"] for version in versions for plan in version.plans}
    return SecurityGroup.objects.filter(tenant=partner).in_bulk(wanted) if wanted else {}


def plans_of(version: GdapTemplateVersion, groups: Mapping[int, SecurityGroup]) -> tuple[Plan, ...]:
    """The planned groups of a version, those that still exist with their present name."""
    found = []
    for plan in version.plans:
        group = groups.get(plan["group"])
        found.append(Plan(group, group.name if group else plan["name"], tuple(plan["roles"])))
    return tuple(found)


def _own(version: GdapTemplateVersion, groups: Mapping[int, SecurityGroup]) -> Choice:
    return Choice(
        f"{OWN}:{version.template_id}",
        version.template.name,
        version,
        version.roles,
        version.duration_days,
        version.auto_extend,
        plans_of(version, groups),
    )


# ── what one says ──


@dataclass(frozen=True)
class RoleRow:
    """One role of a template with its default reason."""

    role: Role
    reason: str
    never_lasts: bool


def role_rows(one: GdapTemplateVersion | Choice) -> list[RoleRow]:
    """Its roles by name."""
    found = [RoleRow(roles.roles()[key], reason, key in catalogue.never_lasting()) for key, reason in one.roles.items()]
    return sorted(found, key=lambda row: row.role.label)


@dataclass(frozen=True)
class PlanRow:
    """One planned group with the labels of its roles."""

    name: str
    is_gone: bool
    role_names: list[str]


def plan_rows(version: GdapTemplateVersion, groups: Mapping[int, SecurityGroup]) -> list[PlanRow]:
    """Its planned groups by name."""
    found = [PlanRow(plan.name, plan.group is None, role_labels(plan.role_ids)) for plan in plans_of(version, groups)]
    return sorted(found, key=lambda row: row.name)


# ── what differs ──


@dataclass(frozen=True)
class Change:
    """One line of a difference, as `c-change` shows it."""

    state: str
    title: str
    text: str = ""
    is_privileged: bool = False


def differences(
    old: GdapTemplateVersion, new: GdapTemplateVersion, groups: Mapping[int, SecurityGroup]
) -> list[Change]:
    """What a newer version says differently; nothing for what is the same."""
    found = [Change("new", role.label, new.roles[role.id], role.is_privileged) for role in _beyond(new, old)]
    found += [Change("gone", role.label, "", role.is_privileged) for role in _beyond(old, new)]
    for role in new.roles_by_name:
        reasons = old.roles.get(role.id), new.roles[role.id]
        if None not in reasons and reasons[0] != reasons[1]:
            found.append(Change("changed", role.label, _("Reason: %(reason)s") % {"reason": reasons[1]}))
    if old.duration_days != new.duration_days:
        state = "more" if new.duration_days > old.duration_days else "less"
        before = _("before: %(days)s") % {"days": days_text(old.duration_days)}
        found.append(Change(state, days_text(new.duration_days), before))
    if old.auto_extend != new.auto_extend:
        found.append(Change("more" if new.auto_extend else "less", auto_extend_text(new.auto_extend)))
    return found + list(_plan_changes(plans_of(old, groups), plans_of(new, groups)))


def _beyond(one: GdapTemplateVersion, other: GdapTemplateVersion) -> list[Role]:
    return [role for role in one.roles_by_name if role.id not in other.roles]


def _plan_changes(old: tuple[Plan, ...], new: tuple[Plan, ...]) -> Iterable[Change]:
    before, after = ({plan.name: set(plan.role_ids) for plan in plans} for plans in (old, new))
    for name in sorted({*before, *after}):
        had, has = before.get(name, set()), after.get(name, set())
        title = _("Group %(name)s") % {"name": name}
        if had != has:
            yield Change(_state(had, has), title, ", ".join(role_labels(has)))


def _state(had: set[str], has: set[str]) -> str:
    if not has or not had:
        return "new" if has else "gone"
    if has > had:
        return "more"
    return "less" if has < had else "changed"


def role_labels(role_ids: Collection[str]) -> list[str]:
    """Roles in the reader's language, by name."""
    return sorted(roles.roles()[role_id].label for role_id in role_ids)


def days_text(days: int) -> str:
    """A duration in words."""
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def auto_extend_text(is_on: bool) -> str:
    """Auto-extend in words."""
    return _("Auto-extend by 180 days") if is_on else _("No auto-extend")
