"""The index of access paths: written in the same transaction as the row that is the truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from portal.access import permissions
from portal.models import Pair, PairGrant, PathKind, Scope, ScopeGrant, Tenant, TenantGrant


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
            TenantGrant(content_object=tenant, group_id=group_id, permission_id=permissions.ids()[codename], **common)
            for codename in codenames
        ],
        ignore_conflicts=True,
    )


def grant_scope(
    scope: Scope,
    group_id: int,
    codename: str,
    *,
    kind: PathKind,
    source: str,
    until: datetime | None = None,
    pair: Pair | None = None,
) -> None:
    """Index one role at a scope; the same one again changes nothing."""
    row = ScopeGrant(
        content_object=scope,
        group_id=group_id,
        permission_id=permissions.ids()[codename],
        kind=kind,
        source=source,
        until=until,
        pair=pair,
    )
    ScopeGrant.objects.bulk_create([row], ignore_conflicts=True)


def grant_pair(pair: Pair, group_ids: Iterable[int], *, source: str) -> None:
    """Let these groups work for this customer."""
    work_for = permissions.ids()["work_for"]
    PairGrant.objects.bulk_create(
        [PairGrant(content_object=pair, group_id=group, permission_id=work_for, source=source) for group in group_ids],
        ignore_conflicts=True,
    )


def revoke_source(source: str, *, but: Collection[str] = ()) -> int:
    """Take every path from this source away, now, but those of these codenames; how many there were."""
    kept = [permissions.ids()[codename] for codename in but]
    return TenantGrant.objects.filter(source=source).exclude(permission_id__in=kept).delete()[0]


def revoke_sources(sources: Collection[str]) -> int:
    """Every path in tenants from any of these sources."""
    return TenantGrant.objects.filter(source__in=sources).delete()[0]


def revoke_scope_sources(sources: Collection[str]) -> int:
    """Every path at scopes from any of these sources."""
    return ScopeGrant.objects.filter(source__in=sources).delete()[0]


def revoke_group_at_scopes(group_id: int) -> int:
    """Every path at scopes of a group that is deleted: what it was given stays as history and gives nothing."""
    return ScopeGrant.objects.filter(group_id=group_id).delete()[0]


def set_until(ends: Mapping[str, datetime | None]) -> None:
    """Move the end of every path in tenants from each of these sources."""
    _set_until("portal_tenantgrant", ends)


def set_scope_until(ends: Mapping[str, datetime | None]) -> None:
    """The same at scopes."""
    _set_until("portal_scopegrant", ends)


def _set_until(table: str, ends: Mapping[str, datetime | None]) -> None:
    sql = f"""UPDATE {table} g SET until = u.until FROM unnest(%s::text[], %s::timestamptz[]) u(source, until)
              WHERE g.source = u.source AND g.until IS DISTINCT FROM u.until"""  # noqa: S608 - one of two constants
    with connection.cursor() as cursor:
        cursor.execute(sql, [[*ends], [*ends.values()]])


def revoke_pair(pair: Pair, group_ids: Collection[int] | None = None) -> int:
    """Stop these groups (None: all) working for this customer."""
    rows = PairGrant.objects.filter(content_object=pair)
    return (rows if group_ids is None else rows.filter(group_id__in=group_ids)).delete()[0]
