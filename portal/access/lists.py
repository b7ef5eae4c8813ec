"""The rows of a list to which somebody may do something: the same answer as `decide`, as one semi-join."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import BooleanField, Exists, F, Func, Model, OuterRef, Q, QuerySet, Value

from portal import catalogue, clock
from portal.access import permissions
from portal.access.asking import ask, paths_in
from portal.catalogue import Capability
from portal.models import Membership, Pair, PairGrant, PathKind, ScopeGrant, TenantGrant, User
from portal.statements import Condition

M = TypeVar("M", bound=Model)

_GROUPS = """
SELECT m.group_id, g.kind = 'everyone' AND g.tenant_id = %(tenant)s
FROM portal_membership m JOIN portal_securitygroup g ON g.group_id = m.group_id
WHERE m.user_id = %(user)s
"""
# Asked row by row (an EXISTS would become a join over all of the partner's pairs), so that a page stops early.
_IS_WORKING = """(SELECT true FROM portal_pairgrant w
  WHERE w.content_object_id = {} AND (w.until IS NULL OR w.until > {}) AND w.group_id = ANY({}) LIMIT 1)"""


def allowing(queryset: QuerySet[M], user: User, capability: Capability) -> QuerySet[M]:
    """The rows to which this person may do this now: the same answer as `decide`, as one semi-join."""
    rule = catalogue.rules()[capability]
    model: Any = queryset.model
    if not user.is_authenticated or user.tenant_id is None:
        return queryset.none()
    if rule.is_scope_side:
        if not hasattr(model, "access_lineage"):  # a thing that is at no scope is reached by none
            return queryset.none()
        return queryset.filter(Exists(_granted_at(user, capability, model)))
    if rule.is_partner_side:
        paths = paths_in(
            user, user.tenant_id, permissions.ids_for(capability), on_behalf=False, pair_id=None, lock=False
        )
        if not paths:
            return queryset.none()
        rows = queryset.filter(**{model.access_partner: user.tenant_id})
        if model.access_pair is None or any(path.kind == PathKind.EXPLICIT for path in paths):
            return rows
        groups = dict(ask(_GROUPS, {"user": user.pk, "tenant": user.tenant_id}))
        is_working = Q(Condition(_IS_WORKING, model.access_pair, Value(clock.now()), Value([*groups])))
        if any(groups.values()):
            is_working = Q(**{_of_pair(model, "open_to_all"): True}) | is_working
        if model is not Pair and model._meta.get_field(model.access_pair.removesuffix("_id")).null:
            is_working = Q(**{f"{model.access_pair}__isnull": True}) | is_working  # no pair yet, nothing to narrow
        return rows.filter(is_working)
    return queryset.filter(Exists(_granted(user, capability, OuterRef(model.access_tenant))))


def _granted_at(user: User, capability: Capability, model: Any) -> QuerySet[ScopeGrant]:
    own = Membership.objects.filter(user=user).values("group_id")
    is_working = Exists(_working_for(own, OuterRef("pair_id")))
    outside = Q(
        pair__started_at__isnull=False,
        pair__partner__profile__approved_at__isnull=False,
        pair__partner__profile__disabled_at__isnull=True,
    )
    above = Func(
        F("content_object_id"),
        OuterRef(model.access_lineage),
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
    rows = ScopeGrant.objects.filter(Q(until__isnull=True) | Q(until__gt=clock.now()), above, group_id__in=own)
    if capability is not Capability.AZURE_VIEW:
        rows = rows.filter(permission_id__in=permissions.ids_for(capability))
    able = User.objects.filter(
        pk=user.pk, blocked_at__isnull=True, activated_at__isnull=False, tenant__disabled_at__isnull=True
    )
    return rows.filter(
        Q(pair__isnull=True) | (outside & is_working), Exists(able), content_object__tenant__disabled_at__isnull=True
    )


def _of_pair(model: Any, field: str) -> str:
    return field if model is Pair else f"{model.access_pair.removesuffix('_id')}__{field}"


def _working_for(groups: Any, pair: Any) -> QuerySet[PairGrant]:
    return PairGrant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=clock.now()), content_object_id=pair, group_id__in=groups
    )


def in_force() -> QuerySet[TenantGrant]:
    """Paths in tenants whose end has not come."""
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
    instead = in_force().filter(
        kind=PathKind.GDAP,
        content_object_id=OuterRef("content_object_id"),
        pair_id=OuterRef("pair_id"),
        group_id__in=Membership.objects.filter(user=user).values("group_id"),
    )
    return in_force().filter(
        counted,
        ~Q(kind=PathKind.DAP) | ~Exists(instead),
        Exists(able),
        content_object_id=tenant,
        content_object__disabled_at__isnull=True,
        permission_id__in=permissions.ids_for(capability),
        group_id__in=Membership.objects.filter(user=user).values("group_id"),
    )
