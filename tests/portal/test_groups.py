"""Security groups: who edits which, what they never hold (DOMAIN §2)."""

from __future__ import annotations

import uuid

import pytest
from django.http import Http404
from django.test import Client
from django.urls import reverse

from portal import access
from portal.catalogue import Capability
from portal.errors import PermissionDenied, Refused
from portal.models import Membership, MembershipPeriod, SecurityGroup, Tenant, User
from portal.services import groups
from tests import factories
from tests.cast import Cast


def page(name: str, tenant: Tenant, **kwargs: object) -> str:
    return reverse(name, kwargs={"tenant_slug": tenant.slug, **kwargs})


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def built_in(tenant: Tenant, kind: str) -> SecurityGroup:
    return SecurityGroup.objects.get(tenant=tenant, kind=kind)


def is_member(person: User, group: SecurityGroup) -> bool:
    return Membership.objects.filter(group_id=group.pk, user=person).exists()


def test_admin_agent_and_global_administrator_edit_delegating_groups(cast: Cast) -> None:
    group = built_in(cast.fabrikam, "helpdesk_agents")
    for name in ("admin-agent", "partner-admin"):
        groups.add_member(group=group, person=cast["partner-user"], actor=cast[name])
        assert is_member(cast["partner-user"], group)
        groups.remove_member(group=group, person=cast["partner-user"], actor=cast[name])
        assert not is_member(cast["partner-user"], group)


def test_nobody_else_edits_delegating_groups(cast: Cast) -> None:
    group = built_in(cast.fabrikam, "admin_agents")
    actors = [factories.person(cast.fabrikam, "user-admin", "User Administrator"), cast["partner-user"]]
    actors += [cast["sales-agent"], cast["helpdesk-agent"]]
    actors.append(factories.person(cast.fabrikam, "groups-admin", "Groups Administrator"))
    for actor in actors:
        with pytest.raises(PermissionDenied):
            groups.add_member(group=group, person=cast["partner-user"], actor=actor)
    assert not is_member(cast["partner-user"], group)


def test_removing_an_agent_ends_the_access_at_once(dap_cast: Cast) -> None:
    assert access.decide(dap_cast["helpdesk-agent"], Capability.USERS_VIEW, dap_cast.contoso).allowed
    groups.remove_member(
        group=built_in(dap_cast.fabrikam, "helpdesk_agents"),
        person=dap_cast["helpdesk-agent"],
        actor=dap_cast["admin-agent"],
    )
    assert not access.decide(dap_cast["helpdesk-agent"], Capability.USERS_VIEW, dap_cast.contoso).allowed


def test_delegating_groups_are_never_edited_on_behalf(dap_cast: Cast) -> None:
    """Fabrikam with DAP in Litware, itself a partner: security groups yes, delegating ones no."""
    pair = factories.pair(dap_cast.fabrikam, dap_cast.litware)
    factories.dap(pair, dap_cast["stranger-partner-admin"])
    agent, person = dap_cast["admin-agent"], dap_cast["stranger-partner-admin"]
    with pytest.raises(PermissionDenied):
        groups.add_member(group=built_in(dap_cast.litware, "admin_agents"), person=person, actor=agent)
    own = groups.create_group(tenant=dap_cast.litware, actor=agent, name="Night shift")
    groups.add_member(group=own, person=person, actor=agent)
    assert is_member(person, own)
    answer = signed_in(agent).post(
        page("group-add", dap_cast.litware, group_uid=built_in(dap_cast.litware, "admin_agents").uid),
        {"person": str(person.pk)},
    )
    assert answer.status_code == 403


def test_delegating_groups_have_no_guests_others_may(cast: Cast) -> None:
    guest = factories.person(cast.fabrikam, "guest", kind=User.Kind.GUEST)
    with pytest.raises(Refused, match="guests"):
        groups.add_member(group=built_in(cast.fabrikam, "admin_agents"), person=guest, actor=cast["partner-admin"])
    own = groups.create_group(tenant=cast.fabrikam, actor=cast["partner-admin"], name="Visitors")
    groups.add_member(group=own, person=guest, actor=cast["partner-admin"])
    assert is_member(guest, own)


def test_people_of_other_tenants_are_no_members(cast: Cast) -> None:
    own = groups.create_group(tenant=cast.contoso, actor=cast["global-admin"], name="Clerks")
    with pytest.raises(Refused, match="this organisation"):
        groups.add_member(group=own, person=cast["stranger-customer"], actor=cast["global-admin"])


def test_a_further_group_gives_nothing(dap_cast: Cast) -> None:
    own = groups.create_group(tenant=dap_cast.fabrikam, actor=dap_cast["partner-admin"], name="Everything")
    groups.add_member(group=own, person=dap_cast["partner-user"], actor=dap_cast["partner-admin"])
    assert access.rights(dap_cast["partner-user"], dap_cast.contoso).paths == ()
    assert access.rights(dap_cast["partner-user"], dap_cast.fabrikam).paths == ()


def test_names_are_unique_ignoring_case(cast: Cast) -> None:
    groups.create_group(tenant=cast.contoso, actor=cast["user-admin"], name="Clerks")
    with pytest.raises(Refused, match="already"):
        groups.create_group(tenant=cast.contoso, actor=cast["user-admin"], name="CLERKS")
    with pytest.raises(PermissionDenied):
        groups.create_group(tenant=cast.contoso, actor=cast["helpdesk-admin"], name="Others")
    with pytest.raises(Http404):
        groups.create_group(tenant=cast.contoso, actor=cast["stranger-customer"], name="Others")


def test_built_in_groups_stay_as_they_are(cast: Cast) -> None:
    group = built_in(cast.fabrikam, "admin_agents")
    with pytest.raises(Refused, match="built-in"):
        groups.rename_group(group=group, actor=cast["partner-admin"], name="Others")
    with pytest.raises(Refused, match="built-in"):
        groups.delete_group(group=group, actor=cast["partner-admin"])


def test_hidden_groups_can_not_be_reached(cast: Cast) -> None:
    everyone = built_in(cast.contoso, "everyone")
    with pytest.raises(Refused):
        groups.remove_member(group=everyone, person=cast["user"], actor=cast["global-admin"])
    assert is_member(cast["user"], everyone)
    client = signed_in(cast["global-admin"])
    for hidden in (everyone, cast["user"].own_group):
        assert client.get(page("group", cast.contoso, group_uid=hidden.uid)).status_code == 404
    assert "Everyone" not in client.get(page("groups", cast.contoso)).content.decode().split("<main")[1]


def test_deleting_a_group_keeps_the_history_of_its_members(cast: Cast) -> None:
    own = groups.create_group(tenant=cast.contoso, actor=cast["user-admin"], name="Clerks")
    groups.add_member(group=own, person=cast["user"], actor=cast["user-admin"])
    key = own.pk
    groups.delete_group(group=own, actor=cast["user-admin"])
    assert not SecurityGroup.objects.filter(pk=key).exists()
    period = MembershipPeriod.objects.get(group_id=key, user=cast["user"])
    assert period.ended_at is not None


def test_a_group_that_access_rests_on_is_not_deleted(dap_cast: Cast) -> None:
    from portal.writes import write

    own = groups.create_group(tenant=dap_cast.fabrikam, actor=dap_cast["partner-admin"], name="Team Contoso")
    with write():
        access.revoke_pair(dap_cast.pair)
        access.grant_pair(dap_cast.pair, [own.pk], source="limit")
    with pytest.raises(Refused, match="still rests"):
        groups.delete_group(group=own, actor=dap_cast["partner-admin"])


def test_pages_for_managers_of_either_kind(cast: Cast) -> None:
    groups.create_group(tenant=cast.fabrikam, actor=cast["partner-admin"], name="Night shift")
    delegating = built_in(cast.fabrikam, "sales_agents")
    own = SecurityGroup.objects.get(tenant=cast.fabrikam, name="Night shift")
    agent, admin = signed_in(cast["admin-agent"]), signed_in(cast["partner-admin"])
    for client in (agent, admin):
        assert "SalesAgents" in client.get(page("groups", cast.fabrikam)).content.decode()
        answer = client.get(page("group", cast.fabrikam, group_uid=delegating.uid), {"add": "user"})
        assert "user@fabrikam.example" in answer.content.decode()
    assert "Night shift" in admin.get(page("groups", cast.fabrikam)).content.decode()
    assert "Night shift" not in agent.get(page("groups", cast.fabrikam)).content.decode()
    assert agent.get(page("group", cast.fabrikam, group_uid=own.uid)).status_code == 403
    assert signed_in(cast["sales-agent"]).get(page("groups", cast.fabrikam)).status_code == 403
    assert signed_in(cast["stranger-partner"]).get(page("groups", cast.fabrikam)).status_code == 404


def test_the_whole_life_of_a_group_by_its_pages(cast: Cast) -> None:
    client = signed_in(cast["user-admin"])
    assert client.post(page("group-new", cast.contoso), {"name": "Clerks"}).status_code == 302
    group = SecurityGroup.objects.get(tenant=cast.contoso, name="Clerks")
    here = {"group_uid": group.uid}
    assert client.post(page("group-new", cast.contoso), {"name": "clerks"}).context["form"].errors
    person = {"person": str(cast["user"].pk)}
    assert client.post(page("group-add", cast.contoso, **here), person).status_code == 302
    assert "user@contoso.example" in client.get(page("group", cast.contoso, **here)).content.decode()
    listed = client.get(page("group-csv", cast.contoso, **here)).getvalue().decode()
    assert "user@contoso.example" in listed
    assert client.post(page("group-remove", cast.contoso, **here), person).status_code == 302
    assert not is_member(cast["user"], group)
    for wrong in ("", "nonsense", str(uuid.uuid4()), str(cast["stranger-customer"].pk)):
        assert client.post(page("group-add", cast.contoso, **here), {"person": wrong}).status_code == 404
    assert client.post(page("group-rename", cast.contoso, **here), {"name": "Writers"}).status_code == 302
    assert client.get(page("group-delete", cast.contoso, **here)).status_code == 200
    assert client.post(page("group-delete", cast.contoso, **here)).status_code == 302
    assert not SecurityGroup.objects.filter(tenant=cast.contoso, kind="custom").exists()
