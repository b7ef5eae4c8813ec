"""What could be changed so that a question is answered with yes, in words, and who could do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from portal import access, catalogue, clock
from portal.access import permissions
from portal.catalogue import Capability
from portal.models import ScopeGrant, SecurityGroup, Tenant, TenantGrant, User

_MOST_NAMES = 5


class Act(StrEnum):
    """Kinds of change; each is one act of one person."""

    ENABLE_TENANT = "enable_tenant"
    APPROVE_PARTNER = "approve_partner"
    ACTIVATE = "activate"
    UNBLOCK = "unblock"
    ASSIGN_ROLE = "assign_role"
    MAKE_GROUP = "make_group"
    JOIN_GROUP = "join_group"
    WORK_FOR = "work_for"
    GDAP_ASK = "gdap_ask"
    GDAP_ASSIGN = "gdap_assign"
    AZURE_ASSIGN = "azure_assign"
    ELEVATE = "elevate"


@dataclass(frozen=True)
class Maker:
    """Who could make it: those who hold the capability in the tenant; without one, only words say it."""

    words: str
    tenant_id: UUID | None = None
    capability: Capability | None = None
    lineage: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Change:
    """One concrete change. What is compared is what it does, not how it is said."""

    act: Act
    text: str = field(compare=False)
    makers: tuple[Maker, ...] = field(default=(), compare=False)
    tenant_id: UUID | None = None
    group_id: int | None = None
    role_id: str = ""
    relationship_id: UUID | None = None
    scope_id: UUID | None = None


@dataclass(frozen=True)
class By:
    """Who could make a change; names are there for people of their own organisation only."""

    maker: Maker
    is_named: bool

    @property
    def words(self) -> str:
        """By their roles."""
        return self.maker.words

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Some of them by name, looked up when they are shown."""
        return tuple(_holders(self.maker)) if self.is_named else ()


@dataclass(frozen=True)
class Suggestion:
    """A change with those who could make it."""

    change: Change
    by: tuple[By, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All the names that the reader is told."""
        return tuple(dict.fromkeys(name for one in self.by for name in one.names))


def maker(tenant: Tenant, capability: Capability, lineage: tuple[UUID, ...] = ()) -> Maker:
    """Those who hold a capability there, by the names of the roles that give it, the least first."""
    values = {"roles": " / ".join(access.role_names(capability)[:3]), "organisation": tenant.display_name}
    return Maker(_("%(roles)s of %(organisation)s") % values, tenant.pk, capability, lineage)


def operator() -> Maker:
    """Whoever runs the installation."""
    return Maker(_("Whoever runs this portal"))


def enable(tenant: Tenant) -> Change:
    """A disabled organisation."""
    text = _("Enable the organisation %(organisation)s") % {"organisation": tenant.display_name}
    return Change(Act.ENABLE_TENANT, text, (operator(),), tenant_id=tenant.pk)


def approve(tenant: Tenant) -> Change:
    """A partner that doesn't count."""
    text = _("Approve %(organisation)s as a partner") % {"organisation": tenant.display_name}
    return Change(Act.APPROVE_PARTNER, text, (operator(),), tenant_id=tenant.pk)


def activate(person: User) -> Change:
    """An account that nobody has used yet."""
    text = _("Activate the account: open the link of the welcome mail and set a password")
    return Change(Act.ACTIVATE, text, (Maker(str(person)), maker(person.home, Capability.USERS_CREATE)))


def unblock(person: User) -> Change:
    """A blocked account."""
    capability = access.capability_over(person, Capability.USERS_EDIT)
    return Change(Act.UNBLOCK, _("Unblock the account"), (maker(person.home, capability),))


def assign_role(person: User, role: catalogue.Role, *, is_again: bool) -> Change:
    """An explicit directory role."""
    text = _("Assign the role %(role)s again, its end has passed") if is_again else _("Assign the role %(role)s")
    makers = (maker(person.home, Capability.ROLES_ASSIGN),)
    return Change(Act.ASSIGN_ROLE, text % {"role": role.label}, makers, tenant_id=person.tenant_id, role_id=role.id)


def join(person: User, group: SecurityGroup, name: str) -> Change:
    """A membership."""
    manages = Capability.DELEGATING_GROUPS_MANAGE if group.is_delegating else Capability.GROUPS_MANAGE
    text = _("Add the person to the group %(group)s") % {"group": name}
    return Change(Act.JOIN_GROUP, text, (maker(person.home, manages),), group_id=group.pk)


def make_group(person: User) -> Change:
    """A group for somebody who is in none."""
    text = _("Make a security group and add the person to it")
    return Change(Act.MAKE_GROUP, text, (maker(person.home, Capability.GROUPS_MANAGE),))


def work_for(home: Tenant, group: SecurityGroup | None, name: str = "") -> Change:
    """A group that works for the customer; None: the one that is made for it."""
    if group is None:
        text = _("Let the new group work for this customer")
    elif group.kind in SecurityGroup.HIDDEN:
        text = _("Let all groups work for this customer again")
    else:
        text = _("Let the group %(group)s work for this customer") % {"group": name}
    makers = (maker(home, Capability.CUSTOMERS_LIMIT_GROUPS),)
    return Change(Act.WORK_FOR, text, makers, group_id=group.pk if group else None)


def suggested(change: Change, reader: User) -> Suggestion:
    """With who could make it; names only of the reader's own organisation."""
    is_named = {one: one.tenant_id is not None and one.tenant_id == reader.tenant_id for one in change.makers}
    return Suggestion(change, tuple(By(one, named) for one, named in is_named.items()))


def _holders(one: Maker) -> list[str]:
    """Sign-in names of the tenant's own people who hold it now."""
    if one.capability is None:
        return []
    ahead = Q(until__isnull=True) | Q(until__gt=clock.now())
    ids = permissions.ids_for(one.capability)
    paths: Any
    if catalogue.rules()[one.capability].is_scope_side:
        paths = ScopeGrant.objects.filter(ahead, content_object_id__in=one.lineage, permission_id__in=ids)
    else:
        paths = TenantGrant.objects.filter(ahead, content_object_id=one.tenant_id, permission_id__in=ids)
    able = Q(activated_at__isnull=False, blocked_at__isnull=True, tenant_id=one.tenant_id)
    people = User.objects.filter(able, memberships__group_id__in=paths.filter(pair__isnull=True).values("group_id"))
    return list(people.order_by("sign_in_name").values_list("sign_in_name", flat=True).distinct()[:_MOST_NAMES])
