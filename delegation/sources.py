"""The access paths this app contributes: DAP (DOMAIN §4). Indexed in the same write as the grant."""

from __future__ import annotations

from delegation.models import DapGrant
from portal import access, catalogue
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


def groups_working_for(pair: Pair) -> list[SecurityGroup]:
    """The groups that work for this customer: the hidden *everyone* group where nothing limits them."""
    return list(SecurityGroup.objects.filter(group__pairgrant__content_object=pair).order_by("kind", "name"))


def plug_in() -> None:
    """Hang this app into the hooks of the lower ones."""
    from delegation import queries, services
    from portal import hooks
    from relationships import hooks as relationship_hooks

    relationship_hooks.on_accept.append(services.grant_with_acceptance)
    relationship_hooks.on_relationship_ended.append(services.end_with_relationship)
    relationship_hooks.standing.append(queries.standing)
    hooks.residuals.append(queries.residuals)
    hooks.services.append(queries.services)
