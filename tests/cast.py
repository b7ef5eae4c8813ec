"""The cast: a partner, a customer, and two strangers, each with one user per role that matters."""

from __future__ import annotations

from dataclasses import dataclass, field

from delegation.models import DapGrant
from portal import access
from portal.models import Pair, Tenant, User
from tests import factories


@dataclass
class Cast:
    """Fabrikam (partner), Contoso (its customer), and a stranger of either kind. People by their job."""

    fabrikam: Tenant
    contoso: Tenant
    litware: Tenant
    woodgrove: Tenant
    people: dict[str, User] = field(default_factory=dict)
    pair: Pair | None = None
    dap: DapGrant | None = None

    def __getitem__(self, name: str) -> User:
        return self.people[name]


def build_cast() -> Cast:
    """Four organisations and their people, without any relationship."""
    access.forget_permission_ids()
    fabrikam, fabrikam_admin = factories.partner("Fabrikam Cloud", domain="fabrikam.example")
    contoso, contoso_admin = factories.tenant("Contoso GmbH", domain="contoso.example", language="de")
    litware, litware_admin = factories.partner("Litware Advisors", domain="litware.example")
    woodgrove, woodgrove_admin = factories.tenant("Woodgrove Bank", domain="woodgrove.example")
    cast = Cast(fabrikam, contoso, litware, woodgrove)
    agents = {"admin-agent": "admin_agents", "helpdesk-agent": "helpdesk_agents", "sales-agent": "sales_agents"}
    for local_part, kind in agents.items():
        cast.people[local_part] = factories.agent(fabrikam, local_part, kind, domain="fabrikam.example")
    cast.people |= {
        "partner-admin": fabrikam_admin,
        "partner-user": factories.person(fabrikam, "user", domain="fabrikam.example"),
        "global-admin": contoso_admin,
        "billing-admin": factories.person(contoso, "billing-admin", "Billing Administrator", domain="contoso.example"),
        "user-admin": factories.person(contoso, "user-admin", "User Administrator", domain="contoso.example"),
        "helpdesk-admin": factories.person(
            contoso, "helpdesk-admin", "Helpdesk Administrator", domain="contoso.example"
        ),
        "delegation-admin": factories.person(
            contoso,
            "delegation-admin",
            "Customer Delegated Admin Relationship Administrator",
            domain="contoso.example",
        ),
        "user": factories.person(contoso, "user", domain="contoso.example"),
        "stranger-partner": factories.agent(litware, "admin-agent", "admin_agents", domain="litware.example"),
        "stranger-customer": woodgrove_admin,
        "stranger-partner-admin": litware_admin,
    }
    return cast


def build_dap_cast() -> Cast:
    """The same with a pair in force and DAP."""
    cast = build_cast()
    cast.pair = factories.pair(cast.fabrikam, cast.contoso)
    cast.dap = factories.dap(cast.pair, cast["global-admin"])
    return cast
