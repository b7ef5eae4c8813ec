"""The first slice end to end: paths, lists, removal, chain."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.http import Http404

from delegation import services
from portal import access, audit, catalogue
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.models import AuditEntry, RoleAssignment, Tenant
from portal.services import people
from portal.writes import write
from tests.cast import Cast


def test_helpdesk_agent_with_dap_may_reset_and_not_assign(dap_cast: Cast) -> None:
    agent = dap_cast["helpdesk-agent"]
    decision = access.decide(agent, Can.USERS_RESET_PASSWORD, dap_cast.contoso)
    assert decision.allowed
    assert decision.is_on_behalf
    assert decision.path.role_name == "Helpdesk Administrator"
    assert not access.decide(agent, Can.ROLES_ASSIGN, dap_cast.contoso).allowed


def test_what_is_not_on_behalf_is_refused_even_to_an_admin_agent(dap_cast: Cast) -> None:
    assert access.decide(dap_cast["admin-agent"], Can.ROLES_ASSIGN, dap_cast.contoso).allowed
    with pytest.raises(PermissionDenied):
        access.check(dap_cast["admin-agent"], Can.PARTNERS_REMOVE_DAP, dap_cast.dap)


def test_stranger_gets_404_and_insider_403(dap_cast: Cast) -> None:
    with pytest.raises(Http404):
        access.check(dap_cast["stranger-partner"], Can.USERS_VIEW, dap_cast.contoso)
    with pytest.raises(PermissionDenied):
        access.check(dap_cast["sales-agent"], Can.USERS_VIEW, dap_cast.contoso)


def test_removing_dap_ends_it_at_once_and_only_it(dap_cast: Cast) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"], reason="done")
    assert not access.decide(dap_cast["helpdesk-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert access.is_insider(dap_cast["helpdesk-agent"], dap_cast.contoso.pk)
    assert access.decide(dap_cast["admin-agent"], Can.CUSTOMERS_VIEW, dap_cast.pair).allowed


def test_lists_agree_with_decisions(dap_cast: Cast) -> None:
    tenants = list(Tenant.objects.all())
    for person in dap_cast.people.values():
        for capability in Can:
            listed = set(access.allowing(Tenant.objects.all(), person, capability).values_list("pk", flat=True))
            decided = {tenant.pk for tenant in tenants if access.decide(person, capability, tenant).allowed}
            assert listed == decided, (person, capability)


def test_last_global_administrator_stays(cast: Cast) -> None:
    assignment = RoleAssignment.objects.get(user=cast["global-admin"], role_id=catalogue.GLOBAL_ADMINISTRATOR)
    with pytest.raises(IntegrityError), write():
        people.take_role(assignment, actor=cast["global-admin"])


def test_audit_chain_verifies_and_is_append_only(dap_cast: Cast) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    assert audit.verify(dap_cast.contoso.pk) is None
    assert AuditEntry.objects.filter(tenant=dap_cast.contoso, action="dap.removed").count() == 1
    for statement in ("UPDATE portal_auditentry SET action = 'x'", "DELETE FROM portal_auditentry"):
        with pytest.raises(ProgrammingError):
            run(statement)


def run(statement: str) -> None:
    """Run raw SQL with the run-time login."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
