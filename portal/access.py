"""The one place that answers: may this person do this to this object now, and why? (DOMAIN §14, STYLE §4)

A path is a `TenantGrant` row; a capability is a set of roles (`portal.catalogue`). Everything else here narrows:
time, blocked people, disabled tenants, the pair in force, groups that work for the customer, *on behalf = no*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connection
from django.db.models import BooleanField, Exists, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.http import Http404, HttpRequest

from portal import catalogue, clock
from portal.catalogue import Capability
from portal.decisions import Decision as Decision  # these are part of this module's answers
from portal.decisions import Path as Path
from portal.decisions import Rights as Rights
from portal.decisions import role_names as role_names
from portal.errors import PermissionDenied
from portal.models import Membership, Pair, PairGrant, PathKind, SecurityGroup, Tenant, TenantGrant, User

M = TypeVar("M", bound=Model)


# One constant text, prepared by the driver; `permissions` NULL means any. A pair that narrows (a question about one
# customer of the partner) leaves the partner's own Global Administrator alone: it is who sets the limits. For somebody
# in any group with GDAP in force in a tenant, it counts there instead of DAP, also where that is less (DOMAIN §6).
_PROBE = """
SELECT g.kind, g.permission_id, g.group_id, g.source, g.until, g.pair_id
FROM portal_membership m
JOIN portal_user u ON u.id = m.user_id AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
JOIN portal_tenantgrant g ON g.group_id = m.group_id AND g.content_object_id = %(tenant)s
 AND g.permission_id = ANY(%(permissions)s) AND (g.until IS NULL OR g.until > %(now)s)
JOIN portal_tenant t ON t.id = g.content_object_id AND t.disabled_at IS NULL
WHERE m.user_id = %(user)s
  AND (g.pair_id IS NULL OR (%(on_behalf)s AND EXISTS (
    SELECT 1 FROM portal_pair p
    JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
    JOIN portal_pairgrant w ON w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)
    JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
    WHERE p.id = g.pair_id AND p.started_at IS NOT NULL AND p.ended_at IS NULL)))
  AND (g.kind <> 'dap' OR NOT EXISTS (
    SELECT 1 FROM portal_membership im JOIN portal_tenantgrant i ON i.group_id = im.group_id
     AND i.content_object_id = g.content_object_id AND i.kind = 'gdap' AND i.pair_id = g.pair_id
     AND (i.until IS NULL OR i.until > %(now)s)
    WHERE im.user_id = m.user_id))
  AND (%(pair)s::uuid IS NULL OR g.kind = 'explicit' OR EXISTS (
    SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
    WHERE w.content_object_id = %(pair)s AND (w.until IS NULL OR w.until > %(now)s)))
"""
_PROBE_AND_LOCK = _PROBE + " FOR SHARE OF m, g"

_INSIDER = """
SELECT 1 FROM portal_user u JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
WHERE u.id = %(user)s AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
  AND (u.tenant_id = %(tenant)s OR EXISTS (
    SELECT 1 FROM portal_pair p
    JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
    WHERE p.partner_id = u.tenant_id AND p.customer_id = %(tenant)s
      AND p.started_at IS NOT NULL AND p.ended_at IS NULL))
"""

_GROUPS = """
SELECT m.group_id, g.kind = 'everyone' AND g.tenant_id = %(tenant)s
FROM portal_membership m JOIN portal_securitygroup g ON g.group_id = m.group_id
WHERE m.user_id = %(user)s
"""


@cache
def _permission_ids() -> dict[str, int]:
    rows = Permission.objects.filter(content_type__app_label="portal", content_type__model__in=["tenant", "pair"])
    return dict(rows.values_list("codename", "id"))


@cache
def _permission_codenames() -> dict[int, str]:
    return {number: codename for codename, number in _permission_ids().items()}


@cache
def _ids_for(capability: Capability) -> list[int]:
    return [_permission_ids()[codename] for codename in catalogue.rules()[capability].codenames]


@cache
def _all_ids() -> list[int]:
    return [_permission_ids()[codename] for codename, _ in catalogue.tenant_permissions()]


@receiver(post_migrate)
def forget_permission_ids(**_kwargs: object) -> None:
    """Permission rows may have new ids after a migration or a test's flush."""
    for cached in (_permission_ids, _permission_codenames, _ids_for, _all_ids):
        cached.cache_clear()


def _ask(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, parameters, prepare=True).fetchall()


def _paths(
    user: User, tenant_id: UUID, permissions: list[int], *, on_behalf: bool, pair_id: UUID | None, lock: bool
) -> tuple[Path, ...]:
    rows = _ask(
        _PROBE_AND_LOCK if lock else _PROBE,
        {
            "user": user.pk,
            "tenant": tenant_id,
            "permissions": permissions,
            "on_behalf": on_behalf,
            "pair": pair_id,
            "now": clock.now(),
        },
    )
    names = _permission_codenames()
    return tuple(
        Path(kind, names[number], group, source, until, pair) for kind, number, group, source, until, pair in rows
    )


def is_insider(user: User, tenant_id: UUID) -> bool:
    """Its own user, or a user of a partner with a relationship in force with it (DOMAIN §1)."""
    return bool(user.pk) and bool(_ask(_INSIDER, {"user": user.pk, "tenant": tenant_id}))


def _place(capability: Capability, obj: Model) -> tuple[UUID, UUID | None]:
    """The tenant in which the question is decided and, on the partner's side, the pair that narrows it."""
    if catalogue.rules()[capability].is_partner_side:
        pair_field = obj.access_pair  # type: ignore[attr-defined]
        return getattr(obj, obj.access_partner), getattr(obj, pair_field) if pair_field else None  # type: ignore[attr-defined]
    return getattr(obj, obj.access_tenant), None  # type: ignore[attr-defined]


def decide(user: User, capability: Capability, obj: Model, *, lock: bool = False) -> Decision:
    """May this person do this to this object now, and by which paths?

    With `lock` (writes) the rows that allow it stay share-locked until the transaction ends.
    """
    tenant_id, pair_id = _place(capability, obj)
    rule = catalogue.rules()[capability]
    paths: tuple[Path, ...] = ()
    if user.is_authenticated:
        ids = _ids_for(capability)
        paths = _paths(user, tenant_id, ids, on_behalf=rule.on_behalf, pair_id=pair_id, lock=lock)
    return Decision(capability, tenant_id, paths, bool(paths) or is_insider(user, tenant_id))


def require(user: User, capability: Capability, obj: Model) -> Decision:
    """The decision for a write, its path locked until the commit.

    Raises PermissionDenied for an insider without the right, Http404 for a stranger (DOMAIN §17).
    """
    decision = decide(user, capability, obj, lock=True)
    return _insist(decision)


def check(user: User, capability: Capability, obj: Model) -> Decision:
    """The same for a read: nothing is locked. Raises like `require`."""
    return _insist(decide(user, capability, obj))


def _insist(decision: Decision) -> Decision:
    if decision.allowed:
        return decision
    if not decision.is_insider:
        raise Http404
    raise PermissionDenied(decision)


def rights(user: User, tenant: Tenant) -> Rights:
    """Everything this person holds in this tenant now, for a page with many buttons: one query, two for strangers."""
    paths: tuple[Path, ...] = ()
    if user.is_authenticated:
        paths = _paths(user, tenant.pk, _all_ids(), on_behalf=True, pair_id=None, lock=False)
    return Rights(tenant.pk, paths, bool(paths) or is_insider(user, tenant.pk))


def partner_rights(user: User, pair: Pair) -> Rights:
    """Everything this person holds for the partner about this customer: one query."""
    paths = _paths(user, pair.partner_id, _all_ids(), on_behalf=False, pair_id=pair.pk, lock=False)
    return Rights(pair.partner_id, paths, bool(paths) or is_insider(user, pair.partner_id))


def get_or_404(queryset: QuerySet[M], user: User, capability: Capability, **lookup: object) -> M:
    """The one row, if this person may do this to it.

    Raises Http404 where there is none or for a stranger, PermissionDenied for an insider without the right.
    """
    try:
        obj = queryset.get(**lookup)
    except (ObjectDoesNotExist, ValidationError, ValueError) as missing:
        raise Http404 from missing
    check(user, capability, obj)
    return obj


def allowing(queryset: QuerySet[M], user: User, capability: Capability) -> QuerySet[M]:
    """The rows to which this person may do this now: the same answer as `decide`, as one semi-join."""
    rule = catalogue.rules()[capability]
    model: Any = queryset.model
    if not user.is_authenticated or user.tenant_id is None:
        return queryset.none()
    if rule.is_partner_side:
        paths = _paths(user, user.tenant_id, _ids_for(capability), on_behalf=False, pair_id=None, lock=False)
        if not paths:
            return queryset.none()
        rows = queryset.filter(**{model.access_partner: user.tenant_id})
        if model.access_pair is None or any(path.kind == PathKind.EXPLICIT for path in paths):
            return rows
        groups = dict(_ask(_GROUPS, {"user": user.pk, "tenant": user.tenant_id}))
        # Asked row by row (an EXISTS would become a join over all of the partner's pairs), so that a page stops early.
        works = _working_for([*groups], OuterRef(model.access_pair)).values(found=Value(True))[:1]
        is_working = Q(Subquery(works, output_field=BooleanField()))
        if any(groups.values()):
            is_working = Q(**{_of_pair(model, "open_to_all"): True}) | is_working
        if model is not Pair and model._meta.get_field(model.access_pair.removesuffix("_id")).null:
            is_working = Q(**{f"{model.access_pair}__isnull": True}) | is_working  # no pair yet, nothing to narrow
        return rows.filter(is_working)
    return queryset.filter(Exists(_granted(user, capability, OuterRef(model.access_tenant))))


def _of_pair(model: Any, field: str) -> str:
    return field if model is Pair else f"{model.access_pair.removesuffix('_id')}__{field}"


def _working_for(groups: Any, pair: Any) -> QuerySet[PairGrant]:
    return PairGrant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=clock.now()), content_object_id=pair, group_id__in=groups
    )


def _in_force() -> QuerySet[TenantGrant]:
    return TenantGrant.objects.filter(Q(until__isnull=True) | Q(until__gt=clock.now()))


def _granted(user: User, capability: Capability, tenant: Any) -> QuerySet[TenantGrant]:
    own = Q(pair__isnull=True)
    outside = Q(
        pair__started_at__isnull=False,
        pair__ended_at__isnull=True,
        pair__partner__profile__approved_at__isnull=False,
        pair__partner__profile__disabled_at__isnull=True,
    ) & Exists(_working_for(Membership.objects.filter(user=user).values("group_id"), OuterRef("pair_id")))
    counted = own | outside if catalogue.rules()[capability].on_behalf else own
    able = User.objects.filter(
        pk=user.pk, blocked_at__isnull=True, activated_at__isnull=False, tenant__disabled_at__isnull=True
    )
    instead = _in_force().filter(
        kind=PathKind.GDAP,
        content_object_id=OuterRef("content_object_id"),
        pair_id=OuterRef("pair_id"),
        group_id__in=Membership.objects.filter(user=user).values("group_id"),
    )
    return _in_force().filter(
        counted,
        ~Q(kind=PathKind.DAP) | ~Exists(instead),
        Exists(able),
        content_object_id=tenant,
        content_object__disabled_at__isnull=True,
        permission_id__in=_ids_for(capability),
        group_id__in=Membership.objects.filter(user=user).values("group_id"),
    )


# ── people as objects: who is privileged decides which capability is asked (DOMAIN §2) ──


def is_privileged_person(person: User) -> bool:
    """Holds a privileged role, one that counts as such, or is a member of a delegating group."""
    return privileged_people(User.objects.filter(pk=person.pk)).exists()


def privileged_people(people: QuerySet[User]) -> QuerySet[User]:
    """Those of `people` whom only the *privileged* capabilities may edit, block or reset."""
    role_ids = [_permission_ids()[catalogue.roles()[role_id].codename] for role_id in catalogue.privileged_role_ids()]
    holders = _in_force().filter(
        kind=PathKind.EXPLICIT,
        permission_id__in=role_ids,
        group__memberships__user_id=OuterRef("pk"),
    )
    delegating = SecurityGroup.objects.filter(SecurityGroup.delegating()).values("pk")
    agents = Membership.objects.filter(user_id=OuterRef("pk"), group_id__in=delegating)
    return people.filter(Exists(holders) | Exists(agents))


def capability_over(person: User, ordinary: Capability) -> Capability:
    """`users.edit` or `users.reset_password`, or its privileged twin where the person calls for it."""
    twins = {
        Capability.USERS_EDIT: Capability.USERS_EDIT_PRIVILEGED,
        Capability.USERS_RESET_PASSWORD: Capability.USERS_RESET_PASSWORD_PRIVILEGED,
    }
    return twins[ordinary] if is_privileged_person(person) else ordinary


# ── the index of paths: written in the same transaction as the row that is the truth ──


def grant(
    tenant: Tenant,
    group_id: int,
    *codenames: str,
    kind: PathKind,
    source: str,
    until: datetime | None = None,
    pair: Pair | None = None,
) -> None:
    """Index one path for each codename; the same one again changes nothing."""
    common: dict[str, Any] = {"kind": kind, "source": source, "until": until, "pair": pair}
    TenantGrant.objects.bulk_create(
        [
            TenantGrant(content_object=tenant, group_id=group_id, permission_id=_permission_ids()[codename], **common)
            for codename in codenames
        ],
        ignore_conflicts=True,
    )


def grant_pair(pair: Pair, group_ids: Iterable[int], *, source: str) -> None:
    """Let these groups work for this customer."""
    work_for = _permission_ids()["work_for"]
    PairGrant.objects.bulk_create(
        [PairGrant(content_object=pair, group_id=group, permission_id=work_for, source=source) for group in group_ids],
        ignore_conflicts=True,
    )


def revoke_source(source: str, *, but: Collection[str] = ()) -> int:
    """Take every path from this source away, now, but those of these codenames; how many there were."""
    kept = [_permission_ids()[codename] for codename in but]
    return TenantGrant.objects.filter(source=source).exclude(permission_id__in=kept).delete()[0]


def revoke_sources(sources: Collection[str]) -> int:
    """The same for many sources at once."""
    return TenantGrant.objects.filter(source__in=sources).delete()[0]


def set_until(ends: Mapping[str, datetime | None]) -> None:
    """Move the end of every path from each of these sources."""
    sql = "UPDATE portal_tenantgrant g SET until = u.until FROM unnest(%s::text[], %s::timestamptz[]) u(source, until)"
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} WHERE g.source = u.source", [[*ends], [*ends.values()]])


def revoke_pair(pair: Pair, group_ids: Collection[int] | None = None) -> int:
    """Stop these groups (None: all) working for this customer."""
    rows = PairGrant.objects.filter(content_object=pair)
    return (rows if group_ids is None else rows.filter(group_id__in=group_ids)).delete()[0]


class Backend(BaseBackend):
    """Signs people in by sign-in name; `user.has_perm(capability, obj)` is the same answer as everywhere."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_kwargs: object
    ) -> User | None:
        """The activated, unblocked user of an enabled tenant with this name and password, else None."""
        if not username or password is None or "\x00" in username + password:
            return None
        user = User.objects.select_related("tenant").filter(sign_in_name__iexact=username).first()
        if user is None or not user.has_usable_password():
            make_password(password)  # as long as a real check, so that names can't be told by time
            return None
        return user if user.check_password(password) and may_sign_in(user) else None

    def get_user(self, user_id: Any) -> User | None:
        """The signed-in user while still allowed in: blocking ends every session at the next request."""
        user = User.objects.select_related("tenant", "tenant__profile").filter(pk=user_id).first()
        return user if user is not None and may_sign_in(user) else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """`decide(...).allowed`; without an object nothing is allowed; an unknown codename raises ValueError."""
        return obj is not None and decide(user_obj, Capability(perm), obj).allowed


def may_sign_in(user: User) -> bool:
    """Activated, not blocked, and of an enabled tenant (or the operator)."""
    return user.is_active and (user.tenant is None or user.tenant.disabled_at is None)
