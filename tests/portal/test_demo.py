"""The demo: its cast and history, on the real database; loaded once for this module, with some of its customers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from delegation import verification
from delegation.demo import azure, building, cast, gdap, generated, names, stories
from delegation.models import AzureAssignment, AzureSubscription, DapGrant
from portal import access, audit, clock
from portal.catalogue import Capability as Can
from portal.models import AuditEntry, DeliveryEvent, OutboxMessage, Pair, Scope, ServiceRequest, Tenant, User
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, Relationship
from tests import factories

SOME = 60
PLANS = [partial(plan, most=SOME) if plan in (generated.plan, gdap.plan) else plan for plan in stories.PLANS]


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """The demo with the first of its generated customers, rolled back after the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        access.forget_permission_ids()
        assert building.load(PLANS) is True
        yield
        transaction.set_rollback(True)


def person(name: str) -> User:
    return User.objects.select_related("tenant").get(sign_in_name=name)


def pair(partner: str, customer: str) -> Pair:
    return Pair.objects.get(partner__slug=partner, customer__slug=customer)


def test_every_persona_can_sign_in_by_the_picker_and_sees_its_start_page(demo):
    names_ = cast.personas("cloud.example")
    assert len(names_) == 23
    page = Client().get("/sign-in").content.decode()
    for name in names_:
        assert f"Sign in as {name}" in page, name
        client = Client()
        assert client.post("/sign-in/persona", {"persona": name}).status_code == 302
        assert client.get("/").status_code == 200, name


def test_nobody_of_the_demo_has_a_password(demo):
    assert not [user for user in User.objects.all() if user.has_usable_password()]


def test_partners_play_their_channel_roles(demo):
    found = Tenant.objects.filter(profile__isnull=False).values_list("slug", "profile__channel_role", "profile__is_oem")
    assert set(found) == {
        ("fabrikam", "direct_bill", False),
        ("tailspin", "indirect_provider", False),
        ("wingtip", "indirect_reseller", False),
        ("proseware", "direct_bill", True),
    }


def test_contosos_people_hold_their_roles(demo):
    contoso = Tenant.objects.get(slug="contoso")
    assert (contoso.country, contoso.language) == ("DE", "de")
    assert access.decide(person("global-admin@contoso.example"), Can.PARTNERS_REMOVE_DAP, contoso).allowed
    assert not access.decide(person("billing-admin@contoso.example"), Can.PARTNERS_REMOVE_DAP, contoso).allowed
    assert access.decide(person("delegation-admin@contoso.example"), Can.GDAP_APPROVE, contoso).allowed
    assert not access.rights(person("user@contoso.example"), contoso).paths
    assert person("cloud-admin@contoso.cloud.example").is_cloud_native


def test_fabrikam_works_for_contoso_by_dap(demo):
    contoso = Tenant.objects.get(slug="contoso")
    assert access.decide(person("helpdesk-agent@fabrikam.example"), Can.USERS_RESET_PASSWORD, contoso).is_on_behalf
    assert access.decide(person("admin-agent@fabrikam.example"), Can.ROLES_ASSIGN, contoso).is_on_behalf
    assert not access.decide(person("sales-agent@fabrikam.example"), Can.USERS_VIEW, contoso).allowed
    assert pair("fabrikam", "contoso").last_on_behalf_at is not None
    states = set(ServiceRequest.objects.filter(tenant=contoso).values_list("state", flat=True))
    assert states == {"closed", "in_progress", "new"}


def test_contoso_has_a_subscription_of_its_own_and_one_that_fabrikam_provisioned(demo):
    contoso, soon = Tenant.objects.get(slug="contoso"), clock.now() + timedelta(days=30)
    found = AzureSubscription.objects.filter(tenant=contoso).values_list("scope__name", "provisioned_by__slug")
    assert set(found) == {(azure.OWN, None), (azure.PROVISIONED, "fabrikam")}
    rows = AzureAssignment.objects.filter(AzureAssignment.in_force(), tenant=contoso).select_related("principal")
    assert [row.principal_name for row in rows if row.principal is None] == [azure.FORMER]
    ending = [row for row in rows if row.until is not None and row.until < soon]
    assert [(row.role.name, row.is_foreign) for row in ending] == [("User Access Administrator", True)]
    assert [row.principal_name for row in rows if row.is_made_elevated] == [azure.OPERATORS]
    resource = Scope.objects.get(tenant=contoso, name="shop-web")
    assert access.decide(person("admin-agent@fabrikam.example"), Can.AZURE_MANAGE_RESOURCES, resource).is_on_behalf
    assert not access.decide(person("global-admin@contoso.example"), Can.AZURE_VIEW, resource).allowed


def test_northwinds_device_consent_is_pending_and_an_invitation_is_open(demo):
    assert DeviceConsent.objects.get(pair=pair("fabrikam", "northwind")).state == "pending"
    asked = Invitation.objects.get(customer_address="global-admin@northwind.example", state="open")
    assert (asked.partner.slug, asked.with_dap, asked.language) == ("fabrikam", True, "zh-hant")


def test_adventure_works_has_several_partners_and_a_past_one(demo):
    pairs = Pair.objects.filter(customer__slug="adventure-works").values_list("partner__slug", "ended_at")
    assert {slug for slug, ended_at in pairs if ended_at is None} == {"fabrikam", "tailspin", "proseware"}
    assert {slug for slug, ended_at in pairs if ended_at is not None} == {"wingtip"}
    with_dap = DapGrant.objects.filter(customer__slug="adventure-works", ended_at__isnull=True)
    assert set(with_dap.values_list("partner__slug", flat=True)) == {"fabrikam", "proseware"}


def test_invitations_are_in_every_state(demo):
    states = set(Invitation.objects.filter(partner__slug="fabrikam").values_list("state", flat=True))
    assert states == {"draft", "open", "accepted", "declined", "cancelled", "expired"}
    link = Invitation.objects.get(partner__slug="fabrikam", is_open_link=True, state="open")
    assert (link.uses, link.max_uses) == (3, 10)
    assert InvitationAnswer.objects.filter(invitation=link, is_accepted=True).count() == 3


def test_generated_customers_came_over_the_years_some_with_dap(demo):
    accepted = [item for item in names.customers()[:SOME] if generated.outcome(item) == "accepted"]
    labels = [item.label for item in accepted]
    relationships = Relationship.objects.filter(pair__customer__slug__in=labels, partner_type="reseller")
    assert relationships.count() == len(labels)
    moments = sorted(relationships.values_list("started_at", flat=True))
    assert (moments[-1] - moments[0]).days > 200
    with_dap = DapGrant.objects.filter(pair__customer__slug__in=labels)
    assert 0 < with_dap.count() < len(labels)
    assert with_dap.filter(ended_at__isnull=False).exists()


def test_history_lies_in_the_past_in_its_order_and_every_chain_holds(demo):
    now = clock.now()
    for tenant in Tenant.objects.all():
        assert audit.verify(tenant.pk) is None
        moments = list(AuditEntry.objects.filter(tenant=tenant).order_by("seq").values_list("at", flat=True))
        assert moments == sorted(moments), tenant
        assert moments[-1] < now
    assert AuditEntry.objects.filter(tenant__slug="contoso", on_behalf_tenant_id__isnull=False).exists()


def test_the_index_of_paths_is_what_the_grants_say(demo):
    assert list(verification.differences()) == []


def test_old_mail_counts_as_sent_and_only_the_last_days_goes_out(demo):
    queued = OutboxMessage.objects.filter(state="queued")
    assert queued.exists()
    assert min(message.created_at for message in queued) > clock.now() - building._STILL_DUE
    bounced = OutboxMessage.objects.filter(state="bounced").values_list("to_address", "kind")
    assert ("purchasing@coho-winery.example", "invitation") in set(bounced)


def test_what_was_delivered_or_bounced_has_the_providers_report(demo):
    told = ("state", "settled_at", "last_error")
    settled = OutboxMessage.objects.exclude(state="queued").order_by("pk")
    assert settled.count() > 50
    reports = DeliveryEvent.objects.order_by("message_id")
    assert list(reports.values_list("message_id", "kind", "at", "detail")) == list(settled.values_list("pk", *told))


def test_loading_again_changes_nothing(demo):
    before = AuditEntry.objects.count()
    assert building.load(PLANS) is False
    assert AuditEntry.objects.count() == before


def test_all_names_differ_also_at_a_glance():
    from portal.services.organisations import skeleton

    labels = [item.label for item in (*names.customers(), *cast.ORGANISATIONS)]
    assert len({skeleton(label) for label in labels}) == len(labels) > 200


@pytest.mark.parametrize("options", [{}, {"reset": True}])
def test_the_command_refuses_beside_real_organisations(db, options):
    tenant, _administrator = factories.tenant("Real one")
    Tenant.objects.filter(pk=tenant.pk).update(is_demo=False)
    with pytest.raises(CommandError, match="not a demo organisation"):
        call_command("demo", **options)
    assert Tenant.objects.count() == 1


def test_the_command_refuses_outside_of_the_demo_mode(db, settings):
    settings.IS_DEMO = False
    with pytest.raises(CommandError, match="MANDATE_MODE=demo"):
        call_command("demo")
    assert not Tenant.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_reset_removes_everything_also_what_is_append_only(transactional_db):
    assert building.load([]) is True
    building.reset()
    for model in (Tenant, User, AuditEntry, Pair, OutboxMessage):
        assert not model.objects.exists(), model
    assert building.load([]) is True
    assert building.is_loaded()
