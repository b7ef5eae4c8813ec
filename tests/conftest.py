"""The cast: a partner, a customer, and two strangers, each with one user per role that matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.db import connections
from django.utils import timezone, translation

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


@pytest.fixture
def cast(db: None) -> Cast:
    """The cast without any relationship between Fabrikam and Contoso."""
    return build_cast()


@pytest.fixture
def dap_cast(cast: Cast) -> Cast:
    """The same with a pair in force and DAP."""
    cast.pair = factories.pair(cast.fabrikam, cast.contoso)
    cast.dap = factories.dap(cast.pair, cast["global-admin"])
    return cast


@pytest.fixture(autouse=True, scope="session")
def _closed_connections(django_db_setup: None) -> Iterator[None]:
    """The mirrored run-time login has to let go of the database before its owner drops it."""
    yield
    connections.close_all()


@pytest.fixture(autouse=True)
def _fresh_permission_ids() -> Iterator[None]:
    """Ids of permissions differ after a flush."""
    access.forget_permission_ids()
    yield
    access.forget_permission_ids()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its person's language and time zone behind in the thread; no test depends on another's."""
    with translation.override("en"), timezone.override(None):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test on the database needs both logins: the owner makes and flushes it, the run-time role is tested."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        fixtures = set(getattr(item, "fixturenames", ()))
        if marker is None and not fixtures & {"db", "transactional_db"}:
            continue
        settings = {"transaction": "transactional_db" in fixtures, **(marker.kwargs if marker else {})}
        item.add_marker(pytest.mark.django_db(**{**settings, "databases": ["default", "owner"]}), append=False)
