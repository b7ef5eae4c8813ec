"""The one place that answers: may this person do this to this object now, and why? (DOMAIN §14, STYLE §4)

A path is a row of guardian's tables: a group holds a role in a tenant (`TenantGrant`) or at a scope and below
(`ScopeGrant`). A capability is a set of roles (`portal.catalogue`). Everything else here narrows: time, blocked people,
disabled tenants, the pair in force, groups that work for the customer, *on behalf = no*.

`asking` one object, `scopes` of a tenant, `lists` of rows, `people` as objects, `index` the writes of paths.
"""

from portal.access.asking import check as check
from portal.access.asking import decide as decide
from portal.access.asking import get_or_404 as get_or_404
from portal.access.asking import insist as insist
from portal.access.asking import is_insider as is_insider
from portal.access.asking import partner_rights as partner_rights
from portal.access.asking import require as require
from portal.access.asking import rights as rights
from portal.access.backend import Backend as Backend
from portal.access.backend import may_sign_in as may_sign_in
from portal.access.index import grant as grant
from portal.access.index import grant_pair as grant_pair
from portal.access.index import grant_scope as grant_scope
from portal.access.index import revoke_group_at_scopes as revoke_group_at_scopes
from portal.access.index import revoke_pair as revoke_pair
from portal.access.index import revoke_scope_sources as revoke_scope_sources
from portal.access.index import revoke_source as revoke_source
from portal.access.index import revoke_sources as revoke_sources
from portal.access.index import set_scope_until as set_scope_until
from portal.access.index import set_until as set_until
from portal.access.lists import allowing as allowing
from portal.access.people import capability_over as capability_over
from portal.access.people import is_privileged_person as is_privileged_person
from portal.access.people import privileged_people as privileged_people
from portal.access.permissions import forget_permission_ids as forget_permission_ids
from portal.access.scopes import ScopeRights as ScopeRights
from portal.access.scopes import has_any_scope as has_any_scope
from portal.access.scopes import scope_rights as scope_rights
from portal.decisions import Decision as Decision
from portal.decisions import Path as Path
from portal.decisions import Rights as Rights
from portal.decisions import least_first as least_first
from portal.decisions import role_names as role_names
