"""Each list page asks the database the same number of questions at 1 row and at 100 (DOMAIN §17).

Every query of the request counts: session, person, acting tenant, rights, navigation, the page itself. The first
request of a process is not counted, because it fills what is kept for its lifetime (ids of permissions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from delegation import bulk
from delegation import services as delegation
from delegation.models import GdapTemplate, GdapTemplateVersion
from portal import audit, catalogue, clock, jobs
from portal.lists import PAGE_SIZE
from portal.models import Scope, Tenant, User
from portal.services import groups, service_requests
from portal.services import jobs as job_services
from portal.services.certificates import issue_certificate
from portal.writes import write
from relationships import services
from relationships.models import Relationship
from tests import factories
from tests.cast import Cast
from tests.delegation import granting, reselling

MOST = 12
MANY = 100


def _customers(cast: Cast, number: int) -> None:
    customer, administrator = factories.tenant(f"Customer {number:03}")
    pair = factories.pair(cast.fabrikam, customer)
    if number % 2:
        factories.dap(pair, administrator)


def _partners(cast: Cast, number: int) -> None:
    partner, _administrator = factories.partner(f"Partner {number:03}")
    pair = factories.pair(partner, cast.contoso)
    if number % 2:
        factories.dap(pair, cast["global-admin"])


def _invitations(cast: Cast, number: int) -> None:
    """Every second one is sent, so that its delivery is looked up; all of them are in the customer's inbox."""
    actor = cast["admin-agent"]
    draft = services.create_invitation(
        partner=cast.fabrikam,
        actor=actor,
        customer_name=f"Contoso {number:03}",
        customer_address=f"department{number}@contoso.example",
    )
    move = services.send_invitation if number % 2 else services.open_invitation
    move(invitation=draft, actor=actor)


def _admin_relationships(cast: Cast, number: int) -> None:
    """Every second one is active, with a group."""
    if number % 2:
        row = granting.active(cast)
        granting.assign(cast, row, granting.custom(cast.fabrikam, f"Shift {number:03}"))
    else:
        granting.draft(cast)


def _active(cast: Cast, number: int) -> None:
    """In force, every second one with auto-extend."""
    granting.active(cast, auto_extend=number % 2 == 0)


def _jobs(cast: Cast, number: int) -> None:
    subjects = [jobs.Subject(str(number), f"Support {number}")]
    actor = cast["admin-agent" if number % 2 else "partner-admin"]
    job_services.start_job(tenant=cast.fabrikam, actor=actor, kind=bulk.EXTEND_ON, subjects=subjects)


def _gdap_requests(cast: Cast, number: int) -> None:
    """Every second one open, by the tenant's name or a domain."""
    named = {"customer": cast.contoso} if number % 2 else {"limited_to_domain": "contoso.example"}
    row = granting.pending(cast, display_name=f"Request {number:03}", **named)
    if number % 3 == 0:
        granting.approve(cast, row)


def _through_us(cast: Cast, number: int) -> None:
    """Every second one is approved."""
    reselling.channel(cast)
    (reselling.passed_on if number % 2 else reselling.asked)(cast, display_name=f"Request {number:03}")


def _users(cast: Cast, number: int) -> None:
    factories.person(cast.woodgrove, f"person-{number:03}", "Helpdesk Administrator", "Billing Administrator")


def _groups(cast: Cast, number: int) -> None:
    group = groups.create_group(tenant=cast.woodgrove, actor=cast["stranger-customer"], name=f"Shift {number:03}")
    groups.add_member(group=group, person=cast["stranger-customer"], actor=cast["stranger-customer"])


def _service_requests(cast: Cast, number: int) -> None:
    """Every second one on behalf, so that the partner's name is looked up."""
    actor = cast["admin-agent" if number % 2 else "global-admin"]
    service_requests.open_request(tenant=cast.contoso, actor=actor, title=f"Printer {number}", description="Smoke.")


def _audit_rows(cast: Cast, number: int) -> None:
    """By people of two organisations, about two kinds of things."""
    actor = cast["admin-agent" if number % 2 else "global-admin"]
    target: Tenant | User = cast["user"] if number % 3 else cast.contoso
    with write():
        audit.record("user.renamed", actor=actor, tenant=cast.contoso, target=target, before={"a": 1}, after={"a": 2})


def _templates(cast: Cast, number: int) -> None:
    """With a planned group each."""
    reader, desk = factories.role(granting.READER), granting.group(cast.fabrikam)
    content = delegation.Content({reader: ""}, 30, plans=[(desk, [reader])])
    delegation.create_template(
        partner=cast.fabrikam, actor=cast["admin-agent"], name=f"Template {number:03}", content=content
    )


def _drifting(cast: Cast, number: int) -> None:
    """Made from the first template, which asks for one role more."""
    if not GdapTemplate.objects.exists():
        _templates(cast, 0)
    version = GdapTemplateVersion.objects.first()
    row = delegation.create_request(
        partner=cast.fabrikam,
        actor=cast["admin-agent"],
        display_name=f"Drifting {number:03}",
        duration_days=31,
        roles={factories.role("Helpdesk Administrator"): "Contract"},
        customer=cast.contoso,
        template_version=version,
    )
    delegation.lock_request(relationship=row, actor=cast["admin-agent"])
    delegation.approve_request(relationship=row, actor=cast["global-admin"])


def _moves(cast: Cast, number: int) -> None:
    """Every second one with a draft."""
    customer, administrator = factories.tenant(f"Mover {number:03}")
    factories.dap(factories.pair(cast.fabrikam, customer), administrator)
    if number % 2:
        delegation.create_request(
            partner=cast.fabrikam,
            actor=cast["admin-agent"],
            display_name=f"Move {number:03}",
            roles={factories.role(granting.READER): ""},
            customer=customer,
        )


def _certificates(cast: Cast, number: int) -> None:
    partner, _administrator = factories.partner(f"Partner {number:03}")
    content = factories.certified(left=["Owner of Production"] if number % 2 else [])
    issue_certificate(tenant=cast.contoso, partner=partner, actor=cast["global-admin"], content=content)


def _subscriptions(cast: Cast, number: int) -> None:
    """Every second one by the customer itself, who makes the partner its Owner too."""
    if not cast.pair.relationships.exists():
        sides = {"pair": cast.pair, "partner": cast.fabrikam, "customer": cast.contoso}
        Relationship.objects.create(partner_type="reseller", started_at=clock.now(), **sides)
    name, administrator = {"name": f"Subscription {number:03}", "offer": "Azure plan"}, cast["global-admin"]
    if number % 2:
        made = delegation.create_subscription(tenant=cast.contoso, actor=administrator, **name)
        delegation.reinstate(scope=made.scope, pair=cast.pair, actor=administrator)
    else:
        delegation.provision_subscription(pair=cast.pair, actor=cast["admin-agent"], **name)


def _resource_groups(cast: Cast, number: int) -> None:
    """In the first subscription, each with a resource and an assignment of its own."""
    if number == 0:
        _subscriptions(cast, 0)
    agent, above = cast["admin-agent"], Scope.objects.get(kind=Scope.Kind.SUBSCRIPTION)
    group = delegation.create_scope(parent=above, actor=agent, name=f"group-{number:03}")
    delegation.create_scope(parent=group, actor=agent, name="vm", resource_type="Microsoft.Compute/virtualMachines")
    reader = catalogue.azure_roles_by_name()["Reader"].id
    delegation.add_assignment(scope=group, actor=agent, principal=cast["user"].own_group, role_id=reader)


def _azure_roles(cast: Cast, number: int) -> None:
    """At the first subscription, which has one with its Owner; people and groups of either side."""
    if number == 0:
        _subscriptions(cast, 0)
        return
    agent, role = cast["admin-agent"], list(catalogue.azure_roles())[number]
    principal = cast["user"].own_group if number % 2 else granting.group(cast.fabrikam)
    scope = Scope.objects.get(kind=Scope.Kind.SUBSCRIPTION)
    delegation.add_assignment(scope=scope, actor=agent, principal=principal, role_id=role)


def _reaching(cast: Cast, number: int) -> None:
    """In a group with GDAP roles."""
    clerk = factories.person(cast.fabrikam, f"clerk-{number:03}")
    group = granting.custom(cast.fabrikam, f"Shift {number:03}", clerk)
    granting.assign(cast, granting.active(cast, auto_extend=number % 2 == 0), group)


Fill = Callable[[Cast, int], None]
#: Page → whose, the reader, rows that are there without any, and what makes one more.
PAGES: dict[str, tuple[str, str, int, Fill]] = {
    "customers": ("fabrikam", "admin-agent", 1, _customers),
    "partner-relationships": ("contoso", "global-admin", 1, _partners),
    "invitations": ("fabrikam", "admin-agent", 0, _invitations),
    "gdap-list": ("fabrikam", "admin-agent", 0, _admin_relationships),
    "gdap-for-customers": ("fabrikam", "admin-agent", 0, _through_us),
    "gdap-expiring": ("fabrikam", "admin-agent", 0, _active),
    "jobs": ("fabrikam", "admin-agent", 0, _jobs),
    "requests": ("contoso", "global-admin", 0, _invitations),
    "gdap-templates": ("fabrikam", "admin-agent", 0, _templates),
    "gdap-template-drift": ("fabrikam", "admin-agent", 0, _drifting),
    "gdap-moves": ("fabrikam", "admin-agent", 1, _moves),
    "requests-gdap": ("contoso", "global-admin", 0, _gdap_requests),
    "who-has-access": ("contoso", "global-admin", -1, _reaching),
    "our-access": ("fabrikam", "partner-admin", -1, _reaching),
    "our-access-person": ("fabrikam", "partner-admin", 1, _customers),
    "users": ("woodgrove", "stranger-customer", 1, _users),
    "groups": ("woodgrove", "stranger-customer", 0, _groups),
    "service-requests": ("contoso", "global-admin", 0, _service_requests),
    "certificates": ("contoso", "global-admin", 0, _certificates),
    "audit-log": ("contoso", "global-admin", -1, _audit_rows),
    "azure": ("contoso", "admin-agent", 0, _subscriptions),
    "azure-scope": ("contoso", "admin-agent", 0, _resource_groups),
    "azure-assignments": ("contoso", "admin-agent", 0, _azure_roles),
}
#: Pages of the first subscription.
OF_SCOPES = ("azure-scope", "azure-assignments")


def _asked(client: Client, path: str) -> tuple[list[str], Any]:
    """The statements of one request, and its list's table."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
    assert response.status_code == 200
    return [query["sql"] for query in queries], response.context["table"]


@pytest.mark.parametrize("route", PAGES)
def test_a_list_costs_the_same_at_1_row_and_at_100(dap_cast: Cast, settings: Any, route: str) -> None:
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = MANY + 1
    home, reader, there, fill = PAGES[route]
    client = Client()
    client.force_login(dap_cast[reader])
    if there <= 0:
        fill(dap_cast, 0)
    one = [dap_cast["admin-agent"].pk] if route.endswith("-person") else []
    one += [Scope.objects.get(kind=Scope.Kind.SUBSCRIPTION).pk] if route in OF_SCOPES else []
    path = reverse(route, args=[getattr(dap_cast, home).slug, *one])
    client.get(path)
    few, table = _asked(client, path)
    if there >= 0:  # the cast's own acts are in the audit log already
        assert len(table.data.data) == 1
    for number in range(1, MANY):
        fill(dap_cast, number)
    many, table = _asked(client, path)
    assert (len(table.data.data), table.pager.next_url is not None) == (PAGE_SIZE, True)
    deeper, table = _asked(client, path + table.pager.next_url)
    assert (len(table.data.data), table.pager.previous_url is not None) == (PAGE_SIZE, True)
    assert len(few) == len(many) == len(deeper) <= MOST, "\n".join(many)
