"""What is granted, refused, replaced and told: GDAP by its services (DOMAIN §6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from delegation import services, verification
from delegation.models import GdapRelationship
from portal import access, clock
from portal.catalogue import Capability as Can
from portal.errors import BadLink, Conflict, PermissionDenied, Refused
from portal.models import AuditEntry, OutboxMessage, Pair, PartnerProfile, RoleAssignment, TenantGrant, User
from portal.services import groups
from relationships import services as relationship_services
from relationships.models import Relationship
from relationships.services import Closed
from tests import factories
from tests.conftest import Cast
from tests.delegation.granting import (
    GLOBAL,
    HELPDESK,
    READER,
    USERS,
    active,
    approve,
    assign,
    custom,
    draft,
    group,
    ids,
    offered,
    pending,
    roles,
)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"roles": {"no-such-role": ""}}, "roles"),
        ({"roles": {}}, "roles"),
        ({"roles": dict.fromkeys(ids("Directory Synchronization Accounts"), "x")}, "roles"),
        ({"roles": dict.fromkeys(ids("Customer Delegated Admin Relationship Administrator"), "x")}, "roles"),
        ({"roles": dict.fromkeys(ids(GLOBAL), " ")}, "roles"),
        ({"roles": roles(GLOBAL), "auto_extend": True}, "auto_extend"),
        ({"display_name": " "}, "display_name"),
        ({"display_name": "x" * 51}, "display_name"),
        ({"display_name": "TAKEN  name"}, "display_name"),
        ({"duration_days": 0}, "duration_days"),
        ({"duration_days": 731}, "duration_days"),
        ({"duration_days": -1}, "duration_days"),
        ({"duration_days": 1.5}, "duration_days"),
        ({"limited_to_domain": "not a domain"}, "limited_to_domain"),
        ({"customer_address": "nobody"}, "customer_address"),
        ({"language": "xx"}, "language"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(cast: Cast, options: dict[str, Any], field: str) -> None:
    draft(cast, display_name="Taken name")
    count = AuditEntry.objects.count()
    with pytest.raises(Refused) as refused:
        draft(cast, **options)
    assert refused.value.field == field
    assert GdapRelationship.objects.count() == 1
    assert AuditEntry.objects.count() == count


def test_a_strangers_tenant_is_no_customer_to_choose(cast: Cast) -> None:
    with pytest.raises(Refused, match="one of your customers"):
        draft(cast, customer=cast.woodgrove)


def test_an_edit_of_what_somebody_else_changed_conflicts(cast: Cast) -> None:
    row = draft(cast)
    assert services.edit_request(relationship=row, actor=cast["admin-agent"], version=1, duration_days=7).version == 2
    with pytest.raises(Conflict):
        services.edit_request(relationship=row, actor=cast["admin-agent"], version=1, duration_days=8)
    assert GdapRelationship.objects.get().duration_days == 7


def test_approval_adds_the_type_and_applies_the_plans(cast: Cast) -> None:
    row = draft(cast)
    plan = assign(cast, row, group(cast.fabrikam))
    services.lock_request(relationship=row, actor=cast["admin-agent"])
    assert not access.is_insider(cast["helpdesk-agent"], cast.contoso.pk)
    with clock.fixed(clock.now()):
        done = approve(cast, row)
        assert done.ends_at == clock.now() + timedelta(days=30)
    assert Relationship.objects.get(ended_at__isnull=True).partner_type == "gdap"
    plan.refresh_from_db()
    assert plan.state == "active"
    path = access.decide(cast["helpdesk-agent"], Can.USERS_VIEW, cast.contoso).path
    assert (path.kind, path.source, path.until, path.role_name) == ("gdap", plan.source, done.ends_at, READER)
    assert not access.decide(cast["admin-agent"], Can.USERS_VIEW, cast.contoso).allowed, "approved is not access"
    services.terminate(relationship=row, actor=cast["admin-agent"], reason="moved")
    assert not access.is_insider(cast["helpdesk-agent"], cast.contoso.pk)
    assert verification.differences() == []


def test_what_becomes_active_is_the_counter_offer_exactly(cast: Cast) -> None:
    row = pending(cast, auto_extend=True)
    assign(cast, row, group(cast.fabrikam), HELPDESK)
    assign(cast, row, group(cast.fabrikam, "sales_agents"), READER, HELPDESK)
    for wrong in ({"role_ids": ids(USERS)}, {"role_ids": []}, {"duration_days": 31}, {"duration_days": 0}):
        with pytest.raises(Refused):
            offered(cast, row, **wrong)
    with pytest.raises(Refused, match="what was asked for"):
        offered(cast, row, READER, HELPDESK, duration_days=30)
    offer = offered(cast, row, is_extension_forbidden=True, reason="too much")
    with pytest.raises(Closed):  # it is Contoso's now
        services.approve_request(relationship=row, actor=cast["stranger-customer"], version=1)
    with clock.fixed(clock.now()):
        done = services.accept_counter_offer(offer=offer, actor=cast["admin-agent"])
        assert done.ends_at == clock.now() + timedelta(days=10)
    assert list(done.roles.filter(is_granted=True).values_list("role_id", flat=True)) == ids(READER)
    assert (done.auto_extend, done.approved_by) == (False, cast["global-admin"])
    assert sorted(done.assignments.values_list("group_name", "state")) == [
        ("HelpdeskAgents", "deleted"),
        ("SalesAgents", "active"),
    ]
    with pytest.raises(Refused, match="Only the customer"):
        services.set_auto_extend(relationship=row, is_on=True, actor=cast["admin-agent"])
    assert services.set_auto_extend(relationship=row, is_on=True, actor=cast["global-admin"]).auto_extend
    assert verification.differences() == []


def test_nobody_answers_for_the_asking_partner_or_by_its_accounts(cast: Cast) -> None:
    row = pending(cast)
    RoleAssignment.objects.create(
        tenant=cast.fabrikam, user=cast["partner-admin"], role_id=ids(HELPDESK)[0], started_at=clock.now()
    )
    with pytest.raises(Closed) as own:
        services.approve_request(relationship=row, actor=cast["partner-admin"], version=1)
    assert own.value.obstacle.kind == "own"
    with pytest.raises(PermissionDenied):
        services.approve_request(relationship=row, actor=cast["billing-admin"], version=1)
    User.objects.filter(pk=cast["delegation-admin"].pk).update(made_by_partner=cast.fabrikam)
    RoleAssignment.objects.filter(user=cast["global-admin"]).update(assigned_by_partner=cast.fabrikam)
    for name in ("delegation-admin", "global-admin"):
        with pytest.raises(Refused, match="made by the partner"):
            services.approve_request(relationship=row, actor=User.objects.get(pk=cast[name].pk), version=1)
    for version in (None, 2):
        with pytest.raises(BadLink):
            services.approve_request(relationship=row, actor=cast["global-admin"], version=version)
    assert GdapRelationship.objects.get().status == "approvalPending"


def test_a_block_and_an_unapproved_partner_stop_it(cast: Cast) -> None:
    cast.pair = factories.pair(cast.fabrikam, cast.contoso)
    row, waiting = pending(cast), draft(cast, customer=cast.contoso)
    relationship_services.block_partner(pair=cast.pair, actor=cast["global-admin"])
    with pytest.raises(Closed, match="block"):
        approve(cast, row)
    with pytest.raises(Refused, match="accept requests"):
        services.lock_request(relationship=waiting, actor=cast["admin-agent"])
    with pytest.raises(Refused, match="accept requests"):
        draft(cast, customer=cast.contoso)
    relationship_services.unblock_partner(pair=Pair.objects.get(), actor=cast["global-admin"])
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(approved_at=None)
    with pytest.raises(Closed):
        approve(cast, row)
    with pytest.raises(Refused, match="not approved"):
        draft(cast)


def test_an_amendment_replaces_the_old_one_without_a_gap(cast: Cast) -> None:
    old = active(cast)
    team = custom(cast.fabrikam, "Team", cast["partner-user"])
    assign(cast, old, group(cast.fabrikam), READER, HELPDESK)
    assign(cast, old, team, HELPDESK)
    new = draft(cast, replaces=old, roles=roles(READER, USERS), by="partner-admin")
    assert (new.customer, new.pair) == (cast.contoso, old.pair)
    assign(cast, new, group(cast.fabrikam, "sales_agents"), USERS)
    services.lock_request(relationship=new, actor=cast["partner-admin"])
    approve(cast, new, version=None)
    old.refresh_from_db()
    assert (old.status, old.end_reason) == ("terminated", "replaced")
    held = {row.group_name: row.role_ids for row in new.assignments.filter(state="active")}
    assert held == {"HelpdeskAgents": ids(READER), "SalesAgents": ids(USERS)}
    assert set(TenantGrant.objects.filter(kind="gdap").values_list("source", flat=True)) == {
        row.source for row in new.assignments.all()
    }
    assert Relationship.objects.get(partner_type="gdap").ended_at is None
    assert verification.differences() == []


def test_gdap_counts_instead_of_dap_and_falls_back_to_it(dap_cast: Cast) -> None:
    cast, agent = dap_cast, dap_cast["admin-agent"]
    assert access.decide(agent, Can.USERS_CREATE, cast.contoso).allowed
    row = active(cast)
    team = custom(cast.fabrikam, "Team", agent)
    made = assign(cast, row, team)
    for answer in (
        access.decide(agent, Can.USERS_CREATE, cast.contoso).allowed,
        access.rights(agent, cast.contoso).allows(Can.USERS_CREATE),
        agent.has_perm("users.create", cast.contoso),
    ):
        assert not answer
    assert access.decide(agent, Can.USERS_VIEW, cast.contoso).path.kind == "gdap"
    assert access.decide(cast["helpdesk-agent"], Can.USERS_RESET_PASSWORD, cast.contoso).path.kind == "dap"
    services.remove_assignment(assignment=made, actor=agent)
    assert access.decide(agent, Can.USERS_CREATE, cast.contoso).path.kind == "dap"
    assert [row.to_user for row in OutboxMessage.objects.filter(kind="gdap_fallback")] == [cast["global-admin"]]
    assert verification.differences() == []


def test_an_assignment_takes_only_fit_groups_and_roles(cast: Cast) -> None:
    row = active(cast)
    guest = factories.person(cast.fabrikam, "guest", domain="fabrikam.example", kind=User.Kind.GUEST)
    with_guest, gone = custom(cast.fabrikam, "Guests", guest), custom(cast.fabrikam, "Gone")
    groups.delete_group(group=gone, actor=cast["partner-admin"])
    for wrong in (with_guest, gone, group(cast.litware), group(cast.fabrikam, "everyone")):
        with pytest.raises(Refused) as refused:
            assign(cast, row, wrong)
        assert refused.value.field == "group"
    for names in ((USERS,), ()):
        with pytest.raises(Refused):
            services.assign_group(
                relationship=row, group=group(cast.fabrikam), role_ids=ids(*names), actor=cast["admin-agent"]
            )
    team = custom(cast.fabrikam, "Team", cast["partner-user"])
    made = assign(cast, row, team)
    with pytest.raises(Refused, match="already"):
        assign(cast, row, team)
    with pytest.raises(Refused, match="guests"):
        groups.add_member(group=team, person=guest, actor=cast["partner-admin"])
    with pytest.raises(Refused, match="rests"):
        groups.delete_group(group=team, actor=cast["partner-admin"])
    assert access.is_privileged_person(cast["partner-user"])
    edited = services.edit_assignment(assignment=made, role_ids=ids(HELPDESK), version=1, actor=cast["admin-agent"])
    assert edited.version == 2
    with pytest.raises(Conflict):
        services.edit_assignment(assignment=made, role_ids=ids(READER), version=1, actor=cast["admin-agent"])
    assert TenantGrant.objects.get(kind="gdap").permission.codename == f"role_{ids(HELPDESK)[0]}"
    services.remove_assignment(assignment=made, actor=cast["admin-agent"])
    assert assign(cast, row, team).pk != made.pk


def test_a_plan_whose_group_is_gone_is_dropped(cast: Cast) -> None:
    row, gone = pending(cast), custom(cast.fabrikam, "Gone")
    assign(cast, row, gone)
    groups.delete_group(group=gone, actor=cast["partner-admin"])
    assert approve(cast, row).assignments.get().state == "deleted"


def test_removed_roles_are_gone_from_every_group(cast: Cast) -> None:
    row = active(cast)
    both, one = group(cast.fabrikam), group(cast.fabrikam, "sales_agents")
    assign(cast, row, both, READER, HELPDESK)
    assign(cast, row, one, HELPDESK)
    for wrong in (ids(USERS), ids(READER, HELPDESK)):
        with pytest.raises(Refused):
            services.remove_roles(relationship=row, role_ids=wrong, actor=cast["admin-agent"])
    services.remove_roles(relationship=row, role_ids=ids(HELPDESK), actor=cast["admin-agent"])
    assert TenantGrant.objects.get(kind="gdap").group_id == both.pk
    assert verification.differences() == []
    with pytest.raises(Refused, match="Only roles"):
        assign(cast, row, one, HELPDESK)


def test_the_end_of_the_relationship_ends_gdap_too(cast: Cast) -> None:
    row = active(cast)
    assign(cast, row, group(cast.fabrikam))
    relationship_services.end_relationship(relationship=Relationship.objects.get(), actor=cast["partner-admin"])
    row.refresh_from_db()
    assert (row.status, row.end_reason) == ("terminated", "ended_by_partner")
    assert not TenantGrant.objects.filter(kind="gdap").exists()
    assert Pair.objects.get().ended_at is not None


# ── time ──


def test_reminders_go_out_once_and_only_the_latest(cast: Cast) -> None:
    row = active(cast, duration_days=100)
    end = row.ends_at
    sent = []
    for days in (31, 30, 29, 5, 4, 1, 0.5):
        with clock.fixed(end - timedelta(days=days)):
            sent.append(services.remind_gdap())
    assert sent == [0, 1, 0, 1, 0, 1, 0]
    assert list(row.reminders.order_by("id").values_list("days", flat=True)) == [30, 7, 1]
    told = OutboxMessage.objects.filter(kind="gdap_ending").values_list("to_user", flat=True)
    assert set(told) == {cast["admin-agent"].pk, cast["global-admin"].pk}
    with clock.fixed(end):
        assert services.expire_gdap() == 1
        assert services.expire_gdap() == services.remind_gdap() == 0
    assert OutboxMessage.objects.filter(kind="gdap_expired").count() == 2
    short = active(cast, duration_days=5)
    with clock.fixed(short.activated_at + timedelta(hours=1)):
        assert services.remind_gdap() == 0, "its moment lay before the activation"


def test_auto_extend_rolls_and_is_only_recorded_by_the_job(cast: Cast) -> None:
    row = active(cast, auto_extend=True)
    end = row.ends_at
    made = assign(cast, row, group(cast.fabrikam))
    with clock.fixed(end + timedelta(days=400)):
        assert access.decide(cast["helpdesk-agent"], Can.USERS_VIEW, cast.contoso).path.until is None
        assert services.remind_gdap() == services.expire_gdap() == 0
        assert services.extend_gdap() == 1
        row.refresh_from_db()
        assert row.ends_at == end + timedelta(days=540)
        assert services.extend_gdap() == 0
        services.set_auto_extend(relationship=row, is_on=False, actor=cast["partner-admin"])
        assert TenantGrant.objects.get(source=made.source).until == end + timedelta(days=540)
    with clock.fixed(end + timedelta(days=540)):
        assert not access.decide(cast["helpdesk-agent"], Can.USERS_VIEW, cast.contoso).allowed
        assert services.expire_gdap() == 1
    assert verification.differences() == []


def test_full_control_is_removed_before_it_can_extend(cast: Cast) -> None:
    row = active(cast, roles=roles(GLOBAL, READER))
    with pytest.raises(Refused, match="Auto-extend"):
        services.set_auto_extend(relationship=row, is_on=True, actor=cast["global-admin"])
    services.remove_roles(relationship=row, role_ids=ids(GLOBAL), actor=cast["admin-agent"])
    assert services.set_auto_extend(relationship=row, is_on=True, actor=cast["global-admin"]).auto_extend


def test_both_sides_are_told_and_both_chains_hold_it(cast: Cast) -> None:
    row = pending(cast)
    offer = offered(cast, row)
    services.withdraw_counter_offer(offer=offer, actor=cast["delegation-admin"])
    approve(cast, row)
    services.remove_by_customer(relationship=row, actor=cast["billing-admin"], reason="changed our mind")
    declined = services.decline_request(relationship=pending(cast), actor=cast["global-admin"], version=1, reason="no")
    assert declined.end_note == "no"
    told = set(OutboxMessage.objects.values_list("kind", "to_user__sign_in_name"))
    us, them = "admin-agent@fabrikam.example", "global-admin@contoso.example"
    assert told == {("gdap_counter_offered", us)} | {
        (kind, who) for kind in ("gdap_approved", "gdap_ended", "gdap_declined") for who in (us, them)
    }
    for tenant in (cast.fabrikam, cast.contoso):
        actions = set(
            AuditEntry.objects.filter(tenant=tenant, action__startswith="gdap.").values_list("action", flat=1)
        )
        assert actions >= {"gdap.counter_offered", "gdap.approved", "gdap.removed_by_customer", "gdap.declined"}
        assert ("gdap.created" in actions) == (tenant == cast.fabrikam)
