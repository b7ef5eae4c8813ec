"""What somebody holds at the scopes of one tenant: one query, then any number of answers (DOMAIN §8)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from portal.access.asking import at_scopes, is_insider
from portal.decisions import Path, Rights
from portal.models import Scope, Tenant, User


@dataclass(frozen=True)
class ScopeRights:
    """All paths of one person at scopes of one tenant."""

    tenant_id: UUID
    paths: tuple[Path, ...]
    is_insider: bool

    def at(self, scope: Scope) -> Rights:
        """What is held at this scope, also from above: the same answers as `access.decide` gives there."""
        paths = tuple(path for path in self.paths if path.scope_id in scope.lineage)
        return Rights(self.tenant_id, paths, bool(paths) or self.is_insider, scope)


def scope_rights(user: User, tenant: Tenant) -> ScopeRights:
    """For pages that show many scopes: two queries. A role at one scope makes nobody known at another one."""
    paths = at_scopes(user, tenant.pk, None, None) if user.is_authenticated else ()
    return ScopeRights(tenant.pk, paths, is_insider(user, tenant.pk))


def has_any_scope(user: User, tenant: Tenant) -> bool:
    """Whether an Azure role lets somebody into the tenant's Azure pages who is no insider (any more)."""
    return bool(user.is_authenticated and at_scopes(user, tenant.pk, None, None))
