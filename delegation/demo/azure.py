"""Azure in the demo: a subscription of Contoso's own from before, and one that Fabrikam provisioned (DOMAIN §8)."""

from __future__ import annotations

from datetime import timedelta

from delegation import services
from delegation.demo.building import Demo
from delegation.demo.gdap import ENGINEERS, FABRIKAM, SERVICE_DESK
from portal import catalogue, clock
from portal.models import Pair, Scope, SecurityGroup, User
from portal.services import groups

CONTOSO = "contoso"
OWN, PROVISIONED = "Contoso Production", "Contoso Web shop"
OPERATORS, FORMER = "Azure operators", "Migration team"
_OWN = """name,type,group,tags
erp,,,cost centre=4711; owner=IT
network,,,cost centre=4711
erp-db,Microsoft.Sql/servers,erp,stage=live
erp-app,Microsoft.Compute/virtualMachines,erp,stage=live
erp-test,Microsoft.Compute/virtualMachines,erp,stage=test
hub,Microsoft.Network/virtualNetworks,network,
vpn,Microsoft.Network/virtualNetworkGateways,network,
"""
_PROVISIONED = """name,type,group,tags
shop,,,cost centre=0815
shop-backup,,,
shop-web,Microsoft.Web/sites,shop,stage=live
shop-db,Microsoft.DBforPostgreSQL/flexibleServers,shop,stage=live
shop-vault,Microsoft.RecoveryServices/vaults,shop-backup,
"""
_TO_THE_END = timedelta(days=12)


def plan(demo: Demo) -> None:
    """Contoso's own first; then what came with Fabrikam, and what time did to it."""
    demo.plan(900, lambda: _own(demo))
    demo.plan(400, lambda: _given_to_fabrikam(demo))
    demo.plan(380, lambda: _provisioned(demo))
    demo.plan(379, lambda: _elevated(demo))
    demo.plan(300, lambda: _former_team(demo))
    demo.plan(30, lambda: _project(demo))
    demo.plan(0.001, services.end_due_azure)


def _administrator(demo: Demo) -> User:
    return demo.person("global-admin@contoso.example")


def _scope(name: str) -> Scope:
    return Scope.objects.get(tenant__slug=CONTOSO, name=name, deleted_at__isnull=True)


def _group(home: str, name: str) -> SecurityGroup:
    return SecurityGroup.objects.get(tenant__slug=home, name=name)


def _give(actor: User, scope: str, principal: SecurityGroup, role: str, **more: object) -> None:
    role_id = catalogue.azure_roles_by_name()[role].id
    services.add_assignment(scope=_scope(scope), actor=actor, principal=principal, role_id=role_id, **more)  # type: ignore[arg-type]


def _own(demo: Demo) -> None:
    actor = _administrator(demo)
    tenant = demo.tenants[CONTOSO]
    made = services.create_subscription(tenant=tenant, actor=actor, name=OWN, offer="Pay as you go")
    services.import_scopes(scope=made.scope, actor=actor, lines=_OWN.splitlines(keepends=True))
    for name, members in ((OPERATORS, ("cloud-admin@contoso.cloud.example", "user@contoso.example")), (FORMER, ())):
        group = groups.create_group(tenant=tenant, actor=actor, name=name)
        for member in members:
            groups.add_member(group=group, person=demo.person(member), actor=actor)
    _give(actor, OWN, _group(CONTOSO, OPERATORS), "Contributor")
    _give(actor, "erp", _group(CONTOSO, FORMER), "Contributor", description="Moves the ERP to Azure.")
    costs = demo.person("billing-admin@contoso.example").own_group
    _give(actor, OWN, costs, "Cost Management Reader", description="Checks the monthly bill.")


def _given_to_fabrikam(demo: Demo) -> None:
    desk = _group(FABRIKAM, SERVICE_DESK)
    _give(_administrator(demo), OWN, desk, "Support Request Contributor", description="Opens support requests for us.")


def _provisioned(demo: Demo) -> None:
    actor = demo.person("admin-agent@fabrikam.example")
    pair = Pair.objects.get(partner=demo.tenants[FABRIKAM], customer=demo.tenants[CONTOSO])
    made = services.provision_subscription(pair=pair, actor=actor, name=PROVISIONED, offer="Azure plan")
    services.import_scopes(scope=made.scope, actor=actor, lines=_PROVISIONED.splitlines(keepends=True))
    _give(actor, PROVISIONED, _group(FABRIKAM, SERVICE_DESK), "Reader")
    _give(actor, "shop-backup", _group(FABRIKAM, ENGINEERS), "Backup Contributor")


def _elevated(demo: Demo) -> None:
    """Contoso gets an Owner of its own there: by elevating, because nobody of its own had a role."""
    actor = _administrator(demo)
    elevation = services.elevate(tenant=demo.tenants[CONTOSO], actor=actor)
    _give(actor, PROVISIONED, _group(CONTOSO, OPERATORS), "Owner", description="So that it is ours too.")
    services.end_elevation(elevation=elevation, actor=actor)


def _former_team(demo: Demo) -> None:
    """The project is over and its group deleted; what it was given stands there without anybody."""
    groups.delete_group(group=_group(CONTOSO, FORMER), actor=_administrator(demo))


def _project(demo: Demo) -> None:
    until = clock.now() + timedelta(days=30) + _TO_THE_END
    why = "To set up the test environment."
    group, role = _group(FABRIKAM, ENGINEERS), "User Access Administrator"
    _give(_administrator(demo), "erp", group, role, description=why, until=until)
