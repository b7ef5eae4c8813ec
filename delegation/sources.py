"""The access paths this app contributes: DAP (DOMAIN §4). Indexed in the same write as the grant."""

from __future__ import annotations

from portal import access, catalogue
from portal.models import Pair, PathKind, SecurityGroup

#: DAP gives AdminAgents Global Administrator and HelpdeskAgents Helpdesk Administrator, nobody else anything.
DAP_ROLES = {
    SecurityGroup.Kind.ADMIN_AGENTS: catalogue.GLOBAL_ADMINISTRATOR,
    SecurityGroup.Kind.HELPDESK_AGENTS: catalogue.HELPDESK_ADMINISTRATOR,
}


def index_dap(pair: Pair, source: str) -> None:
    """Write the paths that an active DAP grant gives."""
    groups = SecurityGroup.objects.filter(tenant_id=pair.partner_id, kind__in=DAP_ROLES)
    for group in groups:
        role = catalogue.roles()[DAP_ROLES[SecurityGroup.Kind(group.kind)]]
        access.grant(pair.customer, group.pk, role.codename, kind=PathKind.DAP, source=source, pair=pair)


def plug_in() -> None:
    """Hang this app into the hooks of the lower ones."""
    from delegation import services
    from portal import hooks
    from relationships import hooks as relationship_hooks

    relationship_hooks.on_accept.append(services.grant_with_acceptance)
    relationship_hooks.on_relationship_ended.append(services.end_with_relationship)
    relationship_hooks.standing.append(services.standing)
    hooks.residuals.append(services.residuals)
