"""The access paths this app contributes: DAP and GDAP (DOMAIN §4, §6). Indexed in the same write as the grant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import connection

from delegation.models import DapGrant, GdapAssignment, GdapRelationship
from portal import access, catalogue, clock
from portal.models import Pair, PathKind, SecurityGroup

#: DAP gives AdminAgents Global Administrator and HelpdeskAgents Helpdesk Administrator, nobody else anything.
DAP_ROLES = {
    SecurityGroup.Kind.ADMIN_AGENTS: catalogue.GLOBAL_ADMINISTRATOR,
    SecurityGroup.Kind.HELPDESK_AGENTS: catalogue.HELPDESK_ADMINISTRATOR,
}
#: Sources of the rows that say which groups work for a customer.
DEFAULT, LIMIT = "default", "limit"


def index_dap(pair: Pair, source: str) -> None:
    """Write the paths that an active DAP grant gives."""
    groups = SecurityGroup.objects.filter(tenant_id=pair.partner_id, kind__in=DAP_ROLES)
    for group in groups:
        role = catalogue.roles()[DAP_ROLES[SecurityGroup.Kind(group.kind)]]
        access.grant(pair.customer, group.pk, role.codename, kind=PathKind.DAP, source=source, pair=pair)


def renew_dap(grant: DapGrant | None) -> None:
    """Write a grant's paths anew after the groups that work for the customer changed.

    A write on behalf holds a share lock on its path, so this waits for those under way; one that starts meanwhile
    finds its path gone and is refused. The rows of the groups alone would not be locked by it (DOMAIN §5).
    """
    if grant is not None:
        access.revoke_source(grant.source)
        index_dap(grant.pair, grant.source)


def settle_dap(pair: Pair) -> None:
    """Let writes by DAP that are under way end before GDAP takes its place; the grant is locked."""
    renew_dap(DapGrant.objects.select_for_update().filter(pair=pair, ended_at__isnull=True).first())


def index_assignments(relationship: GdapRelationship, assignments: Iterable[GdapAssignment]) -> None:
    """Make the paths of active assignments of an active relationship what they should be; others keep theirs."""
    customer, pair = relationship.customer, relationship.pair
    if customer is None or pair is None:
        raise ValueError("only an active relationship has paths")
    for assignment in assignments:
        codenames = [catalogue.roles()[role_id].codename for role_id in assignment.role_ids]
        access.revoke_source(assignment.source, but=codenames)
        access.grant(
            customer,
            assignment.group_id,
            *codenames,
            kind=PathKind.GDAP,
            source=assignment.source,
            until=relationship.path_until,
            pair=pair,
        )


#: Pairs in which somebody of the groups, who has no GDAP path there any more, has one by DAP.
_FALLING_BACK = """
SELECT DISTINCT lost.pair_id FROM unnest(%(pairs)s::uuid[], %(groups)s::integer[]) AS lost(pair_id, group_id)
JOIN portal_membership of ON of.group_id = lost.group_id
JOIN portal_tenantgrant dap ON dap.pair_id = lost.pair_id AND dap.kind = 'dap'
  AND (dap.until IS NULL OR dap.until > %(now)s)
JOIN portal_membership held ON held.group_id = dap.group_id AND held.user_id = of.user_id
WHERE NOT EXISTS (
  SELECT 1 FROM portal_tenantgrant gdap JOIN portal_membership m ON m.group_id = gdap.group_id
  WHERE gdap.pair_id = lost.pair_id AND gdap.kind = 'gdap' AND (gdap.until IS NULL OR gdap.until > %(now)s)
    AND m.user_id = of.user_id)
"""


def falling_back(lost: Collection[tuple[UUID, int]]) -> set[UUID]:
    """Those of the pairs in which somebody of the groups, which have just lost their GDAP roles there, has DAP's again.

    `lost`: pair and group, as often as needed (DOMAIN §6).
    """
    pairs, groups = [pair for pair, _group in lost], [group for _pair, group in lost]
    values: dict[str, Any] = {"pairs": pairs, "groups": groups, "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_FALLING_BACK, values)
        return {pair for (pair,) in cursor.fetchall()}


def falls_back(pair: Pair, group_ids: Collection[int]) -> bool:
    """The same about one pair."""
    return bool(falling_back([(pair.pk, group_id) for group_id in group_ids]))


def groups_working_for(pair: Pair) -> list[SecurityGroup]:
    """The groups that work for this customer: the hidden *everyone* group where nothing limits them."""
    return list(SecurityGroup.objects.filter(group__pairgrant__content_object=pair).order_by("kind", "name"))


def plug_in() -> None:
    """Hang this app into the hooks of the lower ones."""
    from delegation import azure_principals, clean_exit, gdap_pairs, queries, services, why
    from portal import hooks
    from relationships import hooks as relationship_hooks

    relationship_hooks.on_accept.append(services.grant_with_acceptance)
    relationship_hooks.on_relationship_ended.append(services.end_with_relationship)
    relationship_hooks.on_relationship_ended.append(services.end_gdap_with_relationship)
    relationship_hooks.standing.append(queries.standing)
    hooks.residual_kinds += clean_exit.KINDS
    hooks.services.append(queries.services)
    hooks.services.append(azure_principals.services)
    hooks.forecasts.append(gdap_pairs.forecasts)
    hooks.on_role_taken.append(services.end_with_role)
    hooks.origins.append(why.origins)
    hooks.ways += [why.gdap_ways, why.azure_ways]
