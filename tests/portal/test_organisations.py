"""Founding an organisation, coming back to what one was doing, and becoming a partner."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from portal import access, clock, links
from portal.catalogue import Capability as Can
from portal.models import AuditEntry, OutboxMessage, PartnerProfile, RightLink, Tenant, User
from portal.services import organisations
from relationships import texts
from relationships.services import invitations
from tests import factories
from tests.cast import Cast

NEW = "an entirely different phrase"
DETAILS = {
    "display_name": "Alpine Ski House",
    "label": "alpine-ski",
    "country": "AT",
    "language": "de",
    "person": "Global admin",
    "local_part": "global-admin",
    "password": NEW,
    "repeat": NEW,
}


def ask(client: Client, address: str = "boss@alpine.example", **data: str) -> RightLink:
    answer = client.post("/organisations/new", {"address": address, **data})
    assert (answer.status_code, answer["Location"]) == (302, "/organisations/new/sent")
    return RightLink.objects.latest("created_at")


def open_page(client: Client, link: RightLink) -> str:
    answer = client.get(f"/o/{links.token(link.purpose, link.pk, link.version)}")
    assert answer.status_code == 302, answer.content
    assert answer["Referrer-Policy"] == "no-referrer"
    return answer["Location"]


def test_anyone_with_a_confirmed_address_founds_an_organisation(client, db):
    assert client.get("/organisations/new").status_code == 200
    link = ask(client)
    mail = OutboxMessage.objects.get()
    assert (mail.kind, mail.to_address) == ("new_organisation", "boss@alpine.example")
    page = open_page(client, link)
    assert "boss@alpine.example" in client.get(page).content.decode()
    done = client.post(page, DETAILS)
    assert (done.status_code, done["Location"]) == (302, "/")
    tenant = Tenant.objects.get()
    person = User.objects.get()
    assert (tenant.slug, tenant.default_domain, tenant.country) == (
        "alpine-ski",
        "alpine-ski.cloud.example",
        "AT",
    )
    assert person.sign_in_name == "global-admin@alpine-ski.cloud.example"
    assert (person.contact_address, person.is_active) == ("boss@alpine.example", True)
    assert person.contact_confirmed_at is not None
    assert person.is_cloud_native
    assert access.decide(person, Can.PARTNERS_ACCEPT_WITH_ROLES, tenant).allowed
    assert client.get("/my-account").status_code == 200
    assert AuditEntry.objects.filter(tenant=tenant, action="organisation.created", actor_id=person.pk).exists()


def test_the_link_works_once_for_a_day_and_in_the_browser_that_opened_it(client, db):
    link = ask(client)
    page = f"/organisations/new/{link.pk}"
    assert client.get(page).status_code == 409
    token = f"/o/{links.token(link.purpose, link.pk, link.version)}"
    with clock.fixed(clock.now() + timedelta(hours=25)):
        assert client.get(token).status_code == 409
    other = Client()
    open_page(other, link)
    assert other.post(page, DETAILS).status_code == 302
    assert client.get(token).status_code == 409
    open_page_again = Client().post(page, DETAILS | {"label": "second"})
    assert open_page_again.status_code == 409
    assert Tenant.objects.count() == 1


def test_known_and_unknown_addresses_get_the_same_answer(client, cast: Cast):
    for address in ("global-admin@contoso.example", "nobody@nowhere.example"):
        ask(client, address)
    kinds = OutboxMessage.objects.values_list("kind", "to_address")
    assert set(kinds) == {
        ("new_organisation", "global-admin@contoso.example"),
        ("new_organisation", "nobody@nowhere.example"),
    }


def test_one_comes_back_to_the_invitation_that_one_was_answering_also_in_another_browser(client, db):
    key, session = uuid.uuid4(), client.session
    session["links"] = {f"invitation:{key}": 3, f"reset:{uuid.uuid4()}": 1}
    session.save()
    link = ask(client, next=f"/invitations/{key}")
    assert link.data["kept"] == [["invitation", str(key), 3]]
    other = Client()
    page = open_page(other, link)
    done = other.post(page, DETAILS)
    assert done["Location"] == f"/invitations/{key}"
    assert other.session["links"] == {f"invitation:{key}": 3}


def test_a_newcomer_answers_an_invitation_by_founding_the_organisation_first(client, cast: Cast):
    invitation = invitations.create_invitation(
        partner=cast.fabrikam, actor=cast["sales-agent"], is_open_link=True, max_uses=5, with_dap=True
    )
    invitations.open_invitation(invitation=invitation, actor=cast["sales-agent"])
    opened = client.get(f"/i/{texts.personal_link(invitation).rpartition('/')[2]}")
    page = opened["Location"]
    sent_to_sign_in = client.get(page)
    then = parse_qs(urlsplit(sent_to_sign_in["Location"]).query)["next"][0]
    assert urlsplit(sent_to_sign_in["Location"]).path == "/sign-in"
    assert then == page
    sign_in_page = client.get(sent_to_sign_in["Location"]).content.decode()
    assert f"/organisations/new?next={quote(page)}" in sign_in_page
    other = Client()
    details = open_page(other, ask(client, next=then))
    done = other.post(details, DETAILS)
    assert done["Location"] == page
    shown = other.get(page)
    assert shown.status_code == 200
    assert "Fabrikam Cloud" in shown.content.decode()


def test_an_address_elsewhere_is_not_where_one_comes_back_to(client, db):
    assert ask(client, next="https://elsewhere.example/").data["then"] == ""


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"label": "admin"}, "label"),
        ({"label": "contoso"}, "label"),
        ({"label": "c0ntoso"}, "label"),
        ({"label": "con-toso"}, "label"),
        ({"label": "CONTOSO"}, "label"),
        ({"label": "cοntoso"}, "label"),
        ({"label": "-x-"}, "label"),
        ({"label": "xn--80ak6aa92e"}, "label"),
        ({"label": "a.b"}, "label"),
        ({"label": "x" * 64}, "label"),
        ({"display_name": ""}, "display_name"),
        ({"display_name": "x" * 201}, "display_name"),
        ({"display_name": "a\r\nBcc: b@c.example"}, "display_name"),
        ({"display_name": "a\u202eb"}, "display_name"),
        ({"person": "a\x00b"}, "person"),
        ({"country": "XX"}, "country"),
        ({"language": "xx"}, "language"),
        ({"local_part": "a@b"}, "local_part"),
        ({"local_part": "ä"}, "local_part"),
        ({"local_part": "."}, "local_part"),
        ({"repeat": "different"}, "repeat"),
        ({"password": "short", "repeat": "short"}, "password"),
        ({"password": "global-admin@x", "repeat": "global-admin@x"}, "password"),
    ],
)
def test_bad_details_are_refused_at_their_field_and_nothing_is_founded(client, cast: Cast, changed, field):
    page = open_page(client, link := ask(client))
    before = Tenant.objects.count()
    answer = client.post(page, DETAILS | changed)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert Tenant.objects.count() == before
    link.refresh_from_db()
    assert link.used_at is None


@pytest.mark.parametrize("name", ["مؤسسة الاختبار", "貿易公司", "Ski 🎿 House", "<b>x</b> {{ 7 }} %s"])
def test_names_in_every_script_are_fine(client, db, name):
    page = open_page(client, ask(client))
    assert client.post(page, DETAILS | {"display_name": name}).status_code == 302
    assert Tenant.objects.get().display_name == name


def test_signed_in_people_found_nothing(client, cast: Cast):
    link = ask(client)
    client.force_login(cast["user"])
    assert client.get("/organisations/new")["Location"] == "/"
    assert client.post("/organisations/new", {"address": "x@y.example"})["Location"] == "/"
    open_page(client, link)
    assert client.post(f"/organisations/new/{link.pk}", DETAILS)["Location"] == "/"
    assert RightLink.objects.count() == 1
    assert not Tenant.objects.filter(slug="alpine-ski").exists()


def test_links_asked_from_one_address_are_limited(client, db, settings):
    settings.MANDATE_LINK_TRIES_PER_HOUR = 2
    codes = [client.post("/organisations/new", {"address": f"a{number}@b.example"}).status_code for number in range(3)]
    assert codes == [302, 302, 429]
    assert OutboxMessage.objects.count() == 2


def test_mails_to_one_address_are_limited(client, db, settings):
    settings.MANDATE_MAILS_PER_ADDRESS_AND_DAY = 2
    codes = [client.post("/organisations/new", {"address": "a@b.example"}).status_code for _number in range(3)]
    assert codes == [302, 302, 429]
    assert RightLink.objects.count() == 2


# ── partner profile ──


def path_of(tenant: Tenant) -> str:
    return f"/t/{tenant.slug}/partner-profile"


def test_a_global_administrator_makes_the_organisation_a_partner(client, cast: Cast):
    client.force_login(cast["global-admin"])
    assert client.get(path_of(cast.contoso)).status_code == 200
    answer = client.post(path_of(cast.contoso), {"channel_role": "indirect_reseller", "is_oem": "on"})
    assert answer["Location"] == path_of(cast.contoso)
    profile = PartnerProfile.objects.get(tenant=cast.contoso)
    assert (profile.channel_role, profile.is_oem, profile.is_in_force) == ("indirect_reseller", True, True)
    assert len(profile.partner_number) == 7
    assert profile.partner_number.isdigit()
    assert profile.partner_number in client.get(path_of(cast.contoso)).content.decode()
    assert client.post(path_of(cast.contoso), {"channel_role": "direct_bill"}).status_code == 409


def test_a_profile_waits_for_the_operator_where_the_setting_says_so(client, cast: Cast, settings):
    settings.MANDATE_PARTNERS_APPROVED_BY_OPERATOR = True
    client.force_login(cast["global-admin"])
    client.post(path_of(cast.contoso), {"channel_role": "direct_bill"})
    assert not PartnerProfile.objects.get(tenant=cast.contoso).is_in_force
    assert client.get(path_of(cast.contoso)).status_code == 200


def test_nobody_else_sees_or_makes_a_profile(client, dap_cast: Cast):
    for name, code in [
        ("billing-admin", 403),
        ("user", 403),
        ("admin-agent", 403),
        ("stranger-customer", 404),
    ]:
        client.force_login(dap_cast[name])
        assert client.get(path_of(dap_cast.contoso)).status_code == code, name
        assert client.post(path_of(dap_cast.contoso), {"channel_role": "direct_bill"}).status_code == code, name
    assert not PartnerProfile.objects.filter(tenant=dap_cast.contoso).exists()


def test_an_unknown_channel_role_is_refused(client, cast: Cast):
    client.force_login(cast["global-admin"])
    answer = client.post(path_of(cast.contoso), {"channel_role": "king"})
    assert list(answer.context["form"].errors) == ["channel_role"]


def test_a_verified_domain_belongs_to_one_organisation(cast: Cast):
    other, _person = factories.tenant()
    assert organisations.tenant_of_domain("CONTOSO.example") == cast.contoso
    with pytest.raises(organisations.Refused):
        organisations.add_verified_domain(tenant=other, name="contoso.example")


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr("portal.broker._quiet_until", float("inf"))
