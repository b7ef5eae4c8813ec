"""People: users, directory roles, groups. Every limit of DOMAIN §2 and §5 that concerns a person is here."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from portal import access, audit, catalogue, clock, search
from portal.access import Decision
from portal.errors import Refused
from portal.models import Membership, PathKind, RoleAssignment, SecurityGroup, Tenant, User

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
        tenant_id=person.tenant_id,
        user=person,
        role_id=role_id,
        started_at=clock.now(),
        assigned_by=actor,
        assigned_by_partner=partner,
    )
    role = catalogue.roles()[role_id]
    access.grant(
        person.tenant,
        person.own_group.pk,
        role.codename,
        kind=PathKind.EXPLICIT,
        source=f"role:{assignment.pk}",
    )
    audit.record(
        "role.assigned",
        actor=actor,
        tenant=person.tenant,
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
