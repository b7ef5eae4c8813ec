"""Users, directory roles: every limit of DOMAIN §2 and §5, each with its negative twin."""

from __future__ import annotations

import pytest
from django.db import IntegrityError
from django.http import Http404
from django.test import Client
from django.urls import reverse

from portal import access, audit, catalogue
from portal.catalogue import Capability
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, Membership, OutboxMessage, RoleAssignment, SecurityGroup, Tenant, User
from portal.services import accounts, groups, people
from tests import factories
from tests.cast import Cast

GLOBAL = catalogue.GLOBAL_ADMINISTRATOR
HELPDESK = catalogue.HELPDESK_ADMINISTRATOR


def page(name: str, tenant: Tenant, **kwargs: object) -> str:
    return reverse(name, kwargs={"tenant_slug": tenant.slug, **kwargs})


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def held(person: User) -> set[str]:
    return {row.role.name for row in RoleAssignment.objects.filter(user=person, ended_at__isnull=True)}


def actions(tenant: Tenant) -> list[str]:
    return list(AuditEntry.objects.filter(tenant=tenant).order_by("seq").values_list("action", flat=True))


# ── block, rename, delete ──


def test_user_administrator_blocks_an_ordinary_user_and_sessions_end(cast: Cast) -> None:
    client = signed_in(cast["user"])
    assert client.get(reverse("my-account")).status_code == 200
    people.block_person(person=cast["user"], actor=cast["user-admin"])
    assert client.get(reverse("my-account")).status_code == 302
    assert actions(cast.contoso)[-1] == "user.blocked"


def test_blocking_again_changes_nothing(cast: Cast) -> None:
    people.block_person(person=cast["user"], actor=cast["user-admin"])
    count = len(actions(cast.contoso))
    people.block_person(person=cast["user"], actor=cast["user-admin"])
    assert len(actions(cast.contoso)) == count


def test_user_administrator_cannot_block_a_privileged_person(cast: Cast) -> None:
    for name in ("global-admin", "billing-admin", "delegation-admin", "helpdesk-admin"):
        with pytest.raises(PermissionDenied) as refusal:
            people.block_person(person=cast[name], actor=cast["user-admin"])
        assert refusal.value.decision.capability == Capability.USERS_EDIT_PRIVILEGED
    assert User.objects.filter(blocked_at__isnull=False).count() == 0


def test_global_administrator_may_block_a_privileged_person(cast: Cast) -> None:
    people.block_person(person=cast["billing-admin"], actor=cast["global-admin"])
    assert User.objects.get(pk=cast["billing-admin"].pk).blocked_at is not None


def test_agents_of_the_partner_are_privileged_people(cast: Cast) -> None:
    admin = factories.person(cast.fabrikam, "user-admin", "User Administrator")
    with pytest.raises(PermissionDenied):
        people.block_person(person=cast["sales-agent"], actor=admin)
    people.block_person(person=cast["partner-user"], actor=admin)
    assert User.objects.get(pk=cast["partner-user"].pk).blocked_at is not None


def test_nobody_blocks_or_deletes_oneself(cast: Cast) -> None:
    factories.person(cast.contoso, "second-admin", "Global Administrator")
    with pytest.raises(Refused):
        people.block_person(person=cast["global-admin"], actor=cast["global-admin"])
    with pytest.raises(Refused):
        people.delete_person(person=cast["global-admin"], actor=cast["global-admin"])
    assert User.objects.get(pk=cast["global-admin"].pk).blocked_at is None


def test_last_global_administrator_is_neither_blocked_nor_deleted_nor_demoted(cast: Cast) -> None:
    guard = factories.person(cast.contoso, "guard", "Privileged Authentication Administrator")
    assigner = factories.person(cast.contoso, "assigner", "Privileged Role Administrator")
    assignment = RoleAssignment.objects.get(user=cast["global-admin"], role_id=GLOBAL)
    for attempt in (
        lambda: people.block_person(person=cast["global-admin"], actor=guard),
        lambda: people.delete_person(person=cast["global-admin"], actor=guard),
        lambda: people.remove_role(assignment=assignment, actor=assigner),
    ):
        with pytest.raises(Refused, match="at least one activated"):
            attempt()
    assert held(cast["global-admin"]) == {"Global Administrator"}


def test_with_a_second_global_administrator_the_first_can_go(cast: Cast) -> None:
    second = factories.person(cast.contoso, "second-admin", "Global Administrator")
    people.delete_person(person=cast["global-admin"], actor=second)
    assert held(cast["global-admin"]) == set()


def test_invited_and_guest_global_administrators_do_not_count_as_the_last(cast: Cast) -> None:
    guard = factories.person(cast.contoso, "guard", "Privileged Authentication Administrator")
    factories.person(cast.contoso, "guest", "Global Administrator", kind=User.Kind.GUEST)
    invited = accounts.invite_person(
        tenant=cast.contoso,
        actor=cast["global-admin"],
        sign_in_name="invited@contoso.example",
        display_name="Invited",
        contact_address="invited@contoso.example",
    )
    people.assign_role(person=invited, role_id=GLOBAL, actor=cast["global-admin"])
    with pytest.raises(Refused):
        people.block_person(person=cast["global-admin"], actor=guard)


def test_other_integrity_errors_are_not_taken_for_the_last_administrator() -> None:
    with pytest.raises(IntegrityError), people._keeping_a_global_administrator():
        raise IntegrityError("something else")


def test_a_deleted_user_loses_everything_and_never_comes_back(cast: Cast) -> None:
    person = cast["helpdesk-agent"]
    people.assign_role(person=person, role_id=HELPDESK, actor=cast["partner-admin"])
    people.delete_person(person=person, actor=cast["partner-admin"])
    assert held(person) == set()
    assert not Membership.objects.filter(user=person).exists()
    assert not access.may_sign_in(User.objects.get(pk=person.pk))
    for attempt in (people.unblock_person, people.delete_person, people.block_person):
        with pytest.raises(Refused, match="never comes back"):
            attempt(person=person, actor=cast["partner-admin"])
    with pytest.raises(Refused, match="taken"):
        accounts.invite_person(
            tenant=cast.fabrikam,
            actor=cast["partner-admin"],
            sign_in_name=person.sign_in_name.upper(),
            display_name="Again",
            contact_address="again@fabrikam.example",
        )


def test_the_database_itself_keeps_a_deleted_user_deleted(cast: Cast) -> None:
    from django.db import ProgrammingError, transaction

    people.delete_person(person=cast["user"], actor=cast["global-admin"])
    with pytest.raises(ProgrammingError), transaction.atomic():
        User.objects.filter(pk=cast["user"].pk).update(deleted_at=None, blocked_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=cast["user"].pk).update(blocked_at=None)


def test_renaming_moves_the_person_in_lists_and_search(cast: Cast) -> None:
    people.rename_person(person=cast["user"], actor=cast["user-admin"], display_name="Ärzte Büro 貿易")
    client = signed_in(cast["user-admin"])
    for text in ("ärzte", "büro", "貿", "user@contoso"):
        assert "user@contoso.example" in client.get(page("users", cast.contoso), {"q": text}).content.decode()
    assert "user@contoso.example" not in client.get(page("users", cast.contoso), {"q": "arzt"}).content.decode()


# ── roles ──


def test_only_who_may_assign_roles_does(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        people.assign_role(person=cast["user"], role_id=HELPDESK, actor=cast["user-admin"])
    people.assign_role(person=cast["user"], role_id=HELPDESK, actor=cast["global-admin"])
    assert held(cast["user"]) == {"Helpdesk Administrator"}
    assert access.decide(cast["user"], Capability.USERS_RESET_PASSWORD, cast.contoso).allowed


def test_removing_a_role_ends_it_at_once(cast: Cast) -> None:
    assignment = RoleAssignment.objects.get(user=cast["helpdesk-admin"])
    people.remove_role(assignment=assignment, actor=cast["global-admin"])
    assert not access.decide(cast["helpdesk-admin"], Capability.USERS_RESET_PASSWORD, cast.contoso).allowed
    count = len(actions(cast.contoso))
    people.remove_role(assignment=assignment, actor=cast["global-admin"])
    assert len(actions(cast.contoso)) == count


def test_an_unknown_role_is_refused(cast: Cast) -> None:
    with pytest.raises(Refused):
        people.assign_role(person=cast["user"], role_id="nothing", actor=cast["global-admin"])


def test_a_privileged_role_is_mailed_to_every_global_administrator_and_the_person(cast: Cast) -> None:
    factories.person(cast.contoso, "second-admin", "Global Administrator", domain="contoso.example")
    people.assign_role(person=cast["user"], role_id=HELPDESK, actor=cast["global-admin"])
    told = set(OutboxMessage.objects.filter(kind="role_assigned").values_list("to_address", flat=True))
    assert told == {"global-admin@contoso.example", "second-admin@contoso.example", "user@contoso.example"}


def test_a_role_that_is_not_privileged_is_not_mailed(cast: Cast) -> None:
    people.assign_role(person=cast["user"], role_id=factories.role("Reports Reader"), actor=cast["global-admin"])
    assert not OutboxMessage.objects.filter(kind="role_assigned").exists()


# ── on behalf ──


def test_on_behalf_only_roles_that_one_holds_there_can_be_assigned(dap_cast: Cast) -> None:
    with pytest.raises(Refused, match="hold there yourself"):
        people.assign_role(
            person=dap_cast["user"], role_id=factories.role("Reports Reader"), actor=dap_cast["admin-agent"]
        )
    assignment = people.assign_role(person=dap_cast["user"], role_id=GLOBAL, actor=dap_cast["admin-agent"])
    assert assignment.assigned_by_partner == dap_cast.fabrikam
    told = OutboxMessage.objects.filter(kind="role_assigned", to_address="global-admin@contoso.example")
    assert told.get().context["values"]["partner"] == "Fabrikam Cloud"


def test_own_role_in_the_partners_tenant_does_not_count_as_held_there(dap_cast: Cast) -> None:
    reader = factories.role("Reports Reader")
    people.assign_role(person=dap_cast["admin-agent"], role_id=reader, actor=dap_cast["partner-admin"])
    with pytest.raises(Refused):
        people.assign_role(person=dap_cast["user"], role_id=reader, actor=dap_cast["admin-agent"])


def test_helpdesk_and_sales_agents_assign_no_roles(dap_cast: Cast) -> None:
    for name in ("helpdesk-agent", "sales-agent"):
        with pytest.raises(PermissionDenied):
            people.assign_role(person=dap_cast["user"], role_id=HELPDESK, actor=dap_cast[name])
    with pytest.raises(Http404):
        people.assign_role(person=dap_cast["user"], role_id=HELPDESK, actor=dap_cast["stranger-partner"])


def test_on_behalf_no_global_administrator_is_blocked_deleted_or_demoted(dap_cast: Cast) -> None:
    second = factories.person(dap_cast.contoso, "second-admin", "Global Administrator", "Reports Reader")
    agent = dap_cast["admin-agent"]
    for service in (people.block_person, people.delete_person):
        with pytest.raises(PermissionDenied):
            service(person=second, actor=agent)
    for assignment in RoleAssignment.objects.filter(user=second):
        with pytest.raises(Refused, match="Global Administrator of the customer"):
            people.remove_role(assignment=assignment, actor=agent)
    assert held(second) == {"Global Administrator", "Reports Reader"}


def test_on_behalf_an_ordinary_user_can_be_blocked_and_lose_a_role(dap_cast: Cast) -> None:
    people.block_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    assignment = RoleAssignment.objects.get(user=dap_cast["helpdesk-admin"])
    people.remove_role(assignment=assignment, actor=dap_cast["admin-agent"])
    assert held(dap_cast["helpdesk-admin"]) == set()
    for tenant in (dap_cast.contoso, dap_cast.fabrikam):
        assert actions(tenant)[-2:] == ["user.blocked", "role.removed"]
        assert audit.verify(tenant.pk) is None


def test_accounts_made_on_behalf_carry_the_partner(dap_cast: Cast) -> None:
    made = accounts.invite_person(
        tenant=dap_cast.contoso,
        actor=dap_cast["admin-agent"],
        sign_in_name="made@contoso.example",
        display_name="Made",
        contact_address="made@contoso.example",
    )
    assert made.made_by_partner == dap_cast.fabrikam
    with pytest.raises(PermissionDenied):
        accounts.invite_person(
            tenant=dap_cast.contoso,
            actor=dap_cast["helpdesk-agent"],
            sign_in_name="other@contoso.example",
            display_name="Other",
            contact_address="other@contoso.example",
        )


def test_reset_on_behalf_needs_the_privileged_right_for_privileged_people(dap_cast: Cast) -> None:
    accounts.start_reset(person=dap_cast["user"], actor=dap_cast["helpdesk-agent"])
    with pytest.raises(PermissionDenied):
        accounts.start_reset(person=dap_cast["billing-admin"], actor=dap_cast["helpdesk-agent"])
    accounts.start_reset(person=dap_cast["billing-admin"], actor=dap_cast["admin-agent"])


def test_a_customer_that_is_a_partner_keeps_its_agent_groups_to_itself(dap_cast: Cast) -> None:
    pair = factories.pair(dap_cast.fabrikam, dap_cast.litware)
    factories.dap(pair, dap_cast["stranger-partner-admin"])
    group = SecurityGroup.objects.get(tenant=dap_cast.litware, kind="admin_agents")
    with pytest.raises(PermissionDenied):
        groups.add_member(group=group, person=dap_cast["stranger-partner-admin"], actor=dap_cast["admin-agent"])


# ── pages ──


def test_every_page_of_people_opens_for_whom_it_is(dap_cast: Cast) -> None:
    person = dap_cast["helpdesk-admin"]
    assignment = RoleAssignment.objects.get(user=person)
    addresses = [
        page("account", dap_cast.contoso),
        page("users", dap_cast.contoso),
        page("users-csv", dap_cast.contoso),
        page("user-invite", dap_cast.contoso),
        page("user", dap_cast.contoso, person_id=person.pk),
        page("user-roles", dap_cast.contoso, person_id=person.pk),
        page("user-role-remove", dap_cast.contoso, person_id=person.pk, assignment_id=assignment.pk),
    ]
    for name in ("global-admin", "admin-agent"):
        for address in addresses:
            assert signed_in(dap_cast[name]).get(address).status_code == 200, (name, address)
    for address in addresses:
        assert signed_in(dap_cast["user"]).get(address).status_code == 403, address
        assert signed_in(dap_cast["sales-agent"]).get(address).status_code == 403, address
        assert signed_in(dap_cast["stranger-partner"]).get(address).status_code == 404, address


def test_the_list_shows_explicit_roles_only_and_says_so(dap_cast: Cast) -> None:
    text = signed_in(dap_cast["global-admin"]).get(page("users", dap_cast.contoso)).content.decode()
    assert "helpdesk-admin@contoso.example" in text
    assert "fabrikam" not in text
    assert "implicit" in signed_in(dap_cast["admin-agent"]).get(page("users", dap_cast.contoso)).content.decode()


def test_chips_narrow_the_list(cast: Cast) -> None:
    people.block_person(person=cast["user"], actor=cast["global-admin"])
    people.delete_person(person=cast["helpdesk-admin"], actor=cast["global-admin"])
    client = signed_in(cast["user-admin"])

    def names(show: str) -> set[str]:
        text = client.get(page("users-csv", cast.contoso), {"show": show}).getvalue().decode()
        return {line.split(",")[1].split("@")[0] for line in text.splitlines()[1:]}

    everybody = {"global-admin", "billing-admin", "user-admin", "delegation-admin", "user"}
    assert names("") == everybody
    assert names("with_roles") == everybody - {"user"}
    assert names("blocked") == {"user"}
    assert names("deleted") == {"helpdesk-admin"}
    assert names("guests") == set()
    assert names("nonsense") == set()


def test_a_user_of_another_tenant_is_not_found_under_this_one(cast: Cast) -> None:
    client = signed_in(cast["global-admin"])
    stranger = cast["stranger-customer"].pk
    assert client.get(page("user", cast.contoso, person_id=stranger)).status_code == 404
    assert client.post(page("user-block", cast.contoso, person_id=stranger)).status_code == 404


def test_posts_do_what_their_buttons_say(cast: Cast) -> None:
    client, person = signed_in(cast["global-admin"]), cast["user"]

    def post(name: str, **data: str) -> int:
        return client.post(page(name, cast.contoso, person_id=person.pk), data).status_code

    assert post("user-block") == 302
    assert User.objects.get(pk=person.pk).blocked_at is not None
    assert post("user-unblock") == 302
    assert User.objects.get(pk=person.pk).blocked_at is None
    assert post("user-reset") == 302
    assert OutboxMessage.objects.filter(kind="reset_password", to_user=person).count() == 1
    assert post("user-edit", display_name="Clerk") == 302
    assert User.objects.get(pk=person.pk).display_name == "Clerk"
    assert post("user-roles", role=HELPDESK) == 302
    assert held(person) == {"Helpdesk Administrator"}
    assert client.get(page("user-delete", cast.contoso, person_id=person.pk)).status_code == 200
    assert post("user-delete") == 302
    assert User.objects.get(pk=person.pk).deleted_at is not None
    assert client.get(page("user", cast.contoso, person_id=person.pk)).status_code == 200


def test_get_never_blocks(cast: Cast) -> None:
    client = signed_in(cast["global-admin"])
    assert client.get(page("user-block", cast.contoso, person_id=cast["user"].pk)).status_code == 405
    assert User.objects.get(pk=cast["user"].pk).blocked_at is None


def test_inviting_by_the_form(cast: Cast) -> None:
    client = signed_in(cast["user-admin"])
    good = {
        "display_name": "New colleague",
        "local_part": "New.Colleague",
        "domain": "contoso.example",
        "contact_address": "new@contoso.example",
        "language": "de",
    }
    assert client.post(page("user-invite", cast.contoso), good).status_code == 302
    made = User.objects.get(sign_in_name="new.colleague@contoso.example")
    assert made.activated_at is None
    assert OutboxMessage.objects.filter(kind="welcome", to_user=made).count() == 1
    for bad in (
        {"domain": "fabrikam.example"},
        {"local_part": "a b"},
        {"contact_address": "nothing"},
        {"display_name": "x" * 10_000},
        {"display_name": "line\nbreak"},
        {},  # taken by now
    ):
        answer = client.post(page("user-invite", cast.contoso), {**good, **bad})
        assert answer.status_code == 200, bad
        assert answer.context["form"].errors, bad
    assert User.objects.filter(tenant=cast.contoso).count() == 7


def test_refused_buttons_say_why(dap_cast: Cast) -> None:
    address = page("user", dap_cast.contoso, person_id=dap_cast["global-admin"].pk)
    context = signed_in(dap_cast["helpdesk-agent"]).get(address).context
    reasons = {str(action["label"]): str(action["reason"]) for action in context["actions"]}
    assert "Only the organisation" in reasons["Block"] or "can't block" in reasons["Block"]
    assert reasons["Reset password"].startswith("Missing right: reset the password of a user who holds a privileged")
    ordinary = page("user", dap_cast.contoso, person_id=dap_cast["user"].pk)
    context = signed_in(dap_cast["helpdesk-agent"]).get(ordinary).context
    assert {str(action["label"]): str(action["reason"]) for action in context["actions"]}["Reset password"] == ""
