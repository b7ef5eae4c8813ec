"""People: users, directory roles, groups. Every limit of DOMAIN §2 and §5 that concerns a person is here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, audit, catalogue, clock, hooks, notices, search
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Membership, PathKind, RightLink, RoleAssignment, SecurityGroup, Tenant, User
from portal.writes import writes

# ── primitives: inside a write, the caller has checked the right ──


def add_person(
    tenant: Tenant,
    *,
    sign_in_name: str,
    display_name: str,
    contact_address: str,
    language: str,
    password: str | None = None,
    is_activated: bool = False,
    kind: str = User.Kind.MEMBER,
    made_by_partner: Tenant | None = None,
    made_by: User | None = None,
) -> User:
    """A user in the tenant, with its own group of one and in the hidden *everyone* group.

    Raises Refused if the sign-in name is taken.
    """
    now = clock.now()
    if User.objects.filter(sign_in_name__iexact=sign_in_name).exists():
        raise Refused(_("This sign-in name is taken."), field="sign_in_name")
    person = User(
        tenant=tenant,
        sign_in_name=sign_in_name,
        display_name=display_name,
        contact_address=contact_address,
        contact_confirmed_at=now if is_activated else None,
        language=language,
        kind=kind,
        made_by_partner=made_by_partner,
        made_by=made_by,
        created_at=now,
        activated_at=now if is_activated else None,
        name_key=search.key(display_name),
    )
    person.set_password(password)  # None: unusable until the person sets one
    try:
        person.save(force_insert=True)
    except IntegrityError as taken:
        raise Refused(_("This sign-in name is taken."), field="sign_in_name") from taken
    search.store(person, tenant.pk, display_name, sign_in_name)
    own = create_group(tenant, SecurityGroup.Kind.PERSON, sign_in_name[:120], person)
    everyone = SecurityGroup.objects.get(tenant=tenant, kind=SecurityGroup.Kind.EVERYONE)
    Membership.objects.bulk_create([Membership(group_id=group.pk, user=person, since=now) for group in (own, everyone)])
    return person


def create_group(tenant: Tenant, kind: str, name: str, person: User | None = None) -> SecurityGroup:
    """A security group with its `auth.Group`; built-in agents also hold their kind in their own tenant."""
    uid = secrets.token_hex(8)
    group = Group.objects.create(name=f"{tenant.slug}:{kind}:{uid}"[:150])
    security_group = SecurityGroup.objects.create(
        group=group, tenant=tenant, kind=kind, name=name, person=person, created_at=clock.now()
    )
    codename = catalogue.AGENT_CODENAMES.get(str(kind))
    if codename:
        access.grant(tenant, group.pk, codename, kind=PathKind.AGENTS, source="builtin")
    return security_group


def give_role(person: User, role_id: str, *, actor: User, decision: Decision | None = None) -> RoleAssignment:
    """Assign a directory role explicitly and index the path; audits it. The caller has checked the right."""
    partner = actor.tenant if decision is not None and decision.is_on_behalf else None
    assignment = RoleAssignment.objects.create(
        tenant=person.home,
        user=person,
        role_id=role_id,
        started_at=clock.now(),
        assigned_by=actor,
        assigned_by_partner=partner,
    )
    role = catalogue.roles()[role_id]
    access.grant(
        person.home,
        person.own_group.pk,
        role.codename,
        kind=PathKind.EXPLICIT,
        source=f"role:{assignment.pk}",
    )
    audit.record(
        "role.assigned",
        actor=actor,
        tenant=person.home,
        target=person,
        decision=decision,
        after={"role": role.name},
    )
    return assignment


def take_role(assignment: RoleAssignment, *, actor: User, decision: Decision | None = None) -> None:
    """End an assignment and its path; audits it. The caller has checked the right.

    The database refuses to take the last Global Administrator (surfaces as Refused in the services).
    """
    assignment.ended_at = max(clock.now(), assignment.started_at)
    assignment.ended_by = actor
    assignment.save(update_fields=["ended_at", "ended_by"])
    access.revoke_source(f"role:{assignment.pk}")
    for react in hooks.on_role_taken:
        react(assignment, actor)
    audit.record(
        "role.removed",
        actor=actor,
        tenant=assignment.tenant_id,
        target=assignment.user,
        decision=decision,
        before={"role": assignment.role.name},
    )


def put_in_group(person: User, group: SecurityGroup, *, actor: User | None, decision: Decision | None = None) -> None:
    """Add a member; the same one again changes nothing. The caller has checked the right."""
    _row, is_new = Membership.objects.get_or_create(
        group_id=group.pk, user=person, defaults={"since": clock.now(), "added_by": actor}
    )
    if is_new:
        audit.record(
            "group.member_added",
            actor=actor,
            tenant=group.tenant_id,
            target=group,
            decision=decision,
            member=str(person),
        )


def take_from_group(person: User, group: SecurityGroup, *, actor: User, decision: Decision | None = None) -> None:
    """Remove a member, now; one who isn't a member changes nothing. The caller has checked the right."""
    removed, _rows = Membership.objects.filter(group_id=group.pk, user=person).delete()
    if removed:
        audit.record(
            "group.member_removed",
            actor=actor,
            tenant=group.tenant_id,
            target=group,
            decision=decision,
            member=str(person),
        )


def lock_people(tenant_id: UUID) -> None:
    """Let one write at a time decide who holds what in this tenant: the second sees what the first did.

    Taken before anything else, so that two who remove each other wait here instead of for each other.
    """
    Tenant.objects.select_for_update(no_key=True).only("pk").get(pk=tenant_id)


def _locked(person: User) -> User:
    """The person as the database has it now, locked. Raises Refused for somebody who was deleted."""
    lock_people(person.home.pk)
    found = (
        User.objects.select_for_update(of=("self",), no_key=True)
        .select_related("tenant", "own_group")
        .get(pk=person.pk)
    )
    if found.deleted_at is not None:
        raise Refused(_("This user was deleted; a deleted user never comes back."))
    return found


@contextmanager
def _keeping_a_global_administrator() -> Iterator[None]:
    """The database's refusal to lose the last Global Administrator (DOMAIN §2), as a sentence."""
    try:
        yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        if diagnosis is None or diagnosis.constraint_name != "last_global_administrator":
            raise
        raise Refused(
            _(
                "An organisation always keeps at least one activated, enabled Global Administrator of its own. "
                "Make somebody else Global Administrator first."
            )
        ) from error


def explicit_global_administrator(person: User) -> bool:
    """Whether the person holds Global Administrator explicitly in the home tenant."""
    return RoleAssignment.objects.filter(
        user=person, role_id=catalogue.GLOBAL_ADMINISTRATOR, ended_at__isnull=True
    ).exists()


def _spare_global_administrators(person: User, decision: Decision) -> None:
    """On behalf nobody blocks, demotes or deletes an explicit Global Administrator (DOMAIN §5)."""
    if decision.is_on_behalf and explicit_global_administrator(person):
        raise Refused(_("A partner can't block, demote or delete a Global Administrator of the customer."))


def _not_oneself(person: User, actor: User) -> None:
    if person.pk == actor.pk:
        raise Refused(_("You can't do this to your own account. Ask another administrator."))


# ── what people do to people ──


@writes
def rename_person(*, person: User, actor: User, display_name: str) -> User:
    """Change the display name. Raises PermissionDenied without `users.edit` (or its privileged twin)."""
    person = _locked(person)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_EDIT), person)
    before = person.display_name
    if before == display_name:
        return person
    person.display_name, person.name_key = display_name, search.key(display_name)
    person.save(update_fields=["display_name", "name_key"])
    search.store(person, person.home.pk, display_name, person.sign_in_name)
    audit.record(
        "user.renamed",
        actor=actor,
        tenant=person.home,
        target=person,
        decision=decision,
        before={"display_name": before},
        after={"display_name": display_name},
    )
    return person


@writes
def block_person(*, person: User, actor: User) -> User:
    """Block the account, now: its sessions end with their next request. Blocking a blocked one changes nothing.

    Raises PermissionDenied without `users.edit` (or its privileged twin), Refused for oneself, for the last Global
    Administrator, and on behalf for any (DOMAIN §2, §5).
    """
    person = _locked(person)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_EDIT), person)
    _not_oneself(person, actor)
    _spare_global_administrators(person, decision)
    if person.blocked_at is not None:
        return person
    person.blocked_at = clock.now()
    with _keeping_a_global_administrator():
        person.save(update_fields=["blocked_at"])
    audit.record("user.blocked", actor=actor, tenant=person.home, target=person, decision=decision)
    return person


@writes
def unblock_person(*, person: User, actor: User) -> User:
    """Let the account in again; its earlier sessions stay ended. Raises PermissionDenied like `block_person`."""
    person = _locked(person)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_EDIT), person)
    if person.blocked_at is None:
        return person
    person.blocked_at = None
    person.session_epoch += 1
    person.save(update_fields=["blocked_at", "session_epoch"])
    audit.record("user.unblocked", actor=actor, tenant=person.home, target=person, decision=decision)
    return person


@writes
def delete_person(*, person: User, actor: User) -> User:
    """End the account for good: roles, groups, sessions and open links end; the row and its sign-in name stay.

    Raises like `block_person`; Refused too for somebody who is deleted already.
    """
    person = _locked(person)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_EDIT), person)
    _not_oneself(person, actor)
    _spare_global_administrators(person, decision)
    now = clock.now()
    with _keeping_a_global_administrator():
        for assignment in person.role_assignments.filter(ended_at__isnull=True):
            take_role(assignment, actor=actor, decision=decision)
    memberships = Membership.objects.filter(user=person)
    named = memberships.exclude(group__security_group__kind__in=SecurityGroup.HIDDEN)
    groups = sorted(named.values_list("group__security_group__name", flat=True))
    memberships.delete()
    access.revoke_group_at_scopes(person.own_group.pk)
    RightLink.objects.filter(user=person, used_at__isnull=True, expires_at__gt=now).update(expires_at=now)
    person.deleted_at, person.blocked_at = now, person.blocked_at or now
    person.session_epoch += 1
    person.set_unusable_password()
    person.save(update_fields=["deleted_at", "blocked_at", "session_epoch", "password"])
    before = {"display_name": person.display_name, "groups": groups}
    audit.record("user.deleted", actor=actor, tenant=person.home, target=person, decision=decision, before=before)
    return person


@writes
def assign_role(*, person: User, role_id: str, actor: User) -> RoleAssignment:
    """Give a directory role explicitly; one that is held already stays as it is.

    Raises PermissionDenied without `roles.assign`, Refused for an unknown role and, on behalf, for one that the
    actor doesn't hold there (DOMAIN §5). A privileged one is mailed to every Global Administrator.
    """
    person = _locked(person)
    decision = access.require(actor, Capability.ROLES_ASSIGN, person)
    role = catalogue.roles().get(role_id)
    if role is None:
        raise Refused(_("There is no such role."), field="role")
    held = person.role_assignments.filter(role_id=role_id, ended_at__isnull=True).first()
    if held is not None:
        return held
    if decision.is_on_behalf and role_id not in roles_held_there(actor, person.home):
        raise Refused(
            _("On behalf of a customer you can only assign roles that you hold there yourself."), field="role"
        )
    assignment = give_role(person, role_id, actor=actor, decision=decision)
    if role_id in catalogue.privileged_role_ids():
        _tell_of_privileged_role(person, role, actor, decision)
    return assignment


def roles_held_there(actor: User, tenant: Tenant) -> frozenset[str]:
    """Ids of the directory roles that the actor holds in this tenant now, by whatever path."""
    return frozenset(path.role.id for path in access.rights(actor, tenant).roles if path.role)


def _tell_of_privileged_role(person: User, role: catalogue.Role, actor: User, decision: Decision) -> None:
    """DOMAIN §16: to every Global Administrator, and to the person."""
    about: dict[str, Any] = {
        "person": person.display_name,
        "person_name": str(person),
        "role": role.name,
        "by": actor.display_name,
        "by_name": str(actor),
        "partner": actor.tenant.display_name if decision.is_on_behalf and actor.tenant else "",
        "organisation": person.home.display_name,
    }
    administrators = [one for one in notices.global_administrators(person.home.pk) if one.pk != person.pk]
    path = reverse("user", kwargs={"tenant_slug": person.home.slug, "person_id": person.pk})
    notices.tell("role_assigned", administrators, tenant=person.home, about=person, path=path, **about)
    notices.tell("role_assigned", [person], tenant=person.home, about=person, team=False, is_own=True, **about)


@writes
def remove_role(*, assignment: RoleAssignment, actor: User) -> RoleAssignment:
    """End an explicit role, now; an ended one stays as it is.

    Raises PermissionDenied without `roles.assign`, Refused for the last Global Administrator's role and, on behalf,
    for any role of a Global Administrator (DOMAIN §2, §5).
    """
    lock_people(assignment.tenant_id)
    locked = (
        RoleAssignment.objects.select_for_update(of=("self",), no_key=True).select_related("user").get(pk=assignment.pk)
    )
    decision = access.require(actor, Capability.ROLES_ASSIGN, locked)
    if locked.ended_at is not None:
        return locked
    _spare_global_administrators(locked.user, decision)
    with _keeping_a_global_administrator():
        take_role(locked, actor=actor, decision=decision)
    return locked
