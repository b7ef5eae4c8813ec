"""Elevating, and what time does to Azure roles (DOMAIN §8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.http import Http404

from delegation import services, tasks, verification
from delegation.models import AzureAssignment, AzureElevation
from portal import access, audit, clock
from portal.catalogue import GLOBAL_ADMINISTRATOR
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.mail import rendering
from portal.models import AuditEntry, OutboxMessage, RoleAssignment
from portal.services import people
from tests import factories
from tests.cast import Cast
from tests.delegation.provisioning import agents, give, group_in, own, provisioned

EIGHT_HOURS = timedelta(hours=8)


def test_an_elevated_global_administrator_assigns_everywhere_and_manages_nothing(dap_cast: Cast) -> None:
    cast = dap_cast
    scopes = [provisioned(cast).scope, own(cast, by="billing-admin").scope]
    scopes.append(group_in(scopes[1], cast["billing-admin"]))
    for scope in scopes:
        assert not access.decide(cast["global-admin"], Can.AZURE_VIEW, scope).allowed
    elevation = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    assert elevation.until == elevation.started_at + EIGHT_HOURS
    later = own(cast, "Later", by="billing-admin").scope
    for scope in (*scopes, later):
        assert access.decide(cast["global-admin"], Can.AZURE_ASSIGN_ROLES, scope).allowed
        assert not access.decide(cast["global-admin"], Can.AZURE_MANAGE_RESOURCES, scope).allowed
    theirs = services.create_subscription(
        tenant=cast.woodgrove, actor=cast["stranger-customer"], name="Theirs", offer="Azure plan"
    )
    assert not access.decide(cast["global-admin"], Can.AZURE_VIEW, theirs.scope).allowed
    assert verification.differences() == []


def test_it_ends_by_itself_after_eight_hours_whether_or_not_a_job_runs(dap_cast: Cast) -> None:
    cast = dap_cast
    scope = own(cast, by="billing-admin").scope
    elevation = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    for moment, is_allowed in ((elevation.until - timedelta(microseconds=1), True), (elevation.until, False)):
        with clock.fixed(moment):
            assert access.decide(cast["global-admin"], Can.AZURE_ASSIGN_ROLES, scope).allowed is is_allowed
    with clock.fixed(elevation.until):
        again = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
        assert again.pk != elevation.pk
        elevation.refresh_from_db()
        assert elevation.ended_at == elevation.until
        assert verification.differences() == []


@pytest.mark.parametrize("who", ["billing-admin", "user-admin", "user", "admin-agent", "helpdesk-agent"])
def test_nobody_else_elevates_and_nobody_on_behalf(dap_cast: Cast, who: str) -> None:
    with pytest.raises(PermissionDenied):
        services.elevate(tenant=dap_cast.contoso, actor=dap_cast[who])
    with pytest.raises(Http404):
        services.elevate(tenant=dap_cast.contoso, actor=dap_cast["stranger-customer"])


def test_elevating_twice_is_one_elevation_and_all_are_told_once(dap_cast: Cast) -> None:
    cast = dap_cast
    other = factories.person(cast.contoso, "other", "Global Administrator", domain="contoso.example")
    first = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    assert services.elevate(tenant=cast.contoso, actor=cast["global-admin"]) == first
    told = OutboxMessage.objects.filter(kind="azure_elevated")
    assert {message.to_user for message in told} == {cast["global-admin"], other}
    assert told.count() == 2
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.elevated").count() == 1


@pytest.mark.parametrize(
    ("language", "role", "elevated"),
    [
        ("en", "Owner", "User Access Administrator"),
        ("de", "Besitzer", "Benutzerzugriffsadministrator"),
        ("zh-hant", "擁有者", "使用者存取系統管理員"),
    ],
)
def test_notices_say_it_in_the_readers_language(dap_cast: Cast, language: str, role: str, elevated: str) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    page = {
        "azure_role_given": f"/t/contoso/partner-relationships/{cast.pair.pk}",
        "azure_elevated": "/t/contoso/azure",
    }
    for kind, named in (("azure_role_given", role), ("azure_elevated", elevated)):
        row = OutboxMessage.objects.select_related("to_user").get(kind=kind)
        row.language = language
        message = rendering.render(row)
        for body in (message.body, message.alternatives[0][0]):
            assert named in body
            assert page[kind] in body
            assert "{{" not in body
        assert ("Contoso" in message.subject) is (kind == "azure_elevated")
    assert subscription.scope.name in rendering.render(OutboxMessage.objects.get(kind="azure_role_given")).body


def test_what_is_assigned_while_elevated_is_marked_and_stays(dap_cast: Cast) -> None:
    cast = dap_cast
    scope = own(cast).scope
    before = give(scope, cast["global-admin"], cast["billing-admin"])
    elevation = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    meanwhile = give(scope, cast["global-admin"], cast["user"])
    services.end_elevation(elevation=elevation, actor=cast["global-admin"])
    after = give(scope, cast["global-admin"], cast["user-admin"])
    assert [row.is_made_elevated for row in (before, meanwhile, after)] == [False, True, False]
    assert access.decide(cast["user"], Can.AZURE_VIEW, scope).allowed
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.assigned_elevated").count() == 1
    services.end_elevation(elevation=elevation, actor=cast["global-admin"])
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.elevation_ended").count() == 1


def test_another_global_administrator_may_end_it_and_nobody_else(dap_cast: Cast) -> None:
    cast = dap_cast
    other = factories.person(cast.contoso, "other", "Global Administrator", domain="contoso.example")
    elevation = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    for who in ("billing-admin", "admin-agent"):
        with pytest.raises(PermissionDenied):
            services.end_elevation(elevation=elevation, actor=cast[who])
    services.end_elevation(elevation=elevation, actor=other)
    assert not access.has_any_scope(cast["global-admin"], cast.contoso)
    assert verification.differences() == []


def test_it_ends_with_the_role_and_with_the_person(dap_cast: Cast) -> None:
    cast = dap_cast
    second, third = (
        factories.person(cast.contoso, name, "Global Administrator", domain="contoso.example") for name in ("b", "c")
    )
    for person in (second, third):
        services.elevate(tenant=cast.contoso, actor=person)
    role = RoleAssignment.objects.get(user=second, role_id=GLOBAL_ADMINISTRATOR)
    people.remove_role(assignment=role, actor=cast["global-admin"])
    people.delete_person(person=third, actor=cast["global-admin"])
    assert not AzureElevation.objects.filter(ended_at__isnull=True).exists()
    assert not access.has_any_scope(second, cast.contoso)
    assert verification.differences() == []


def test_the_database_limits_an_elevation(dap_cast: Cast) -> None:
    elevation = services.elevate(tenant=dap_cast.contoso, actor=dap_cast["global-admin"])
    rows = AzureElevation.objects.filter(pk=elevation.pk)
    values = {"tenant": elevation.tenant, "user": elevation.user, "started_at": clock.now()}
    for write in (
        lambda: rows.update(until=elevation.until + timedelta(microseconds=1)),
        lambda: AzureElevation.objects.create(until=clock.now() + timedelta(hours=1), **values),
        rows.delete,
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            write()


def test_the_sweep_records_ends_once_in_sets_and_in_both_chains(dap_cast: Cast) -> None:
    cast = dap_cast
    scope = own(cast).scope
    end = clock.now() + timedelta(hours=1)
    foreign = give(scope, cast["global-admin"], agents(cast), until=end)
    own_one = give(scope, cast["global-admin"], cast["user"], until=end)
    kept = give(scope, cast["global-admin"], cast["user-admin"], until=end + timedelta(days=1))
    elevation = services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    assert tasks.end_due_azure() == 0
    with clock.fixed(elevation.until):
        assert services.end_due_azure(batch=1) == 3
        assert services.end_due_azure() == 0
        assert verification.differences() == []
    ended = AzureAssignment.objects.filter(end_reason="ended")
    assert {(row.pk, row.ended_at, row.ended_by) for row in ended} == {
        (row.pk, end, None) for row in (foreign, own_one)
    }
    kept.refresh_from_db()
    assert kept.ended_at is None
    told = AuditEntry.objects.filter(action="azure.assignment_ended")
    assert sorted(told.values_list("tenant__slug", flat=True)) == ["contoso", "contoso", "fabrikam"]
    for tenant in (cast.contoso, cast.fabrikam):
        assert audit.verify(tenant.pk) is None
