"""Sign-in, personas, links for a person, my account: on the real database, through the real pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from portal import access, clock, hooks, links
from portal.errors import BadLink, PermissionDenied, Refused
from portal.mail import rendering
from portal.models import AuditEntry, Membership, OutboxMessage, RightLink, User
from portal.services import accounts, founding
from tests import factories
from tests.cast import Cast

PASSWORD = "correct horse battery staple"
NEW = "an entirely different phrase"


def sign_in(client: Client, name: str, password: str = PASSWORD, **data: str):
    return client.post("/sign-in", {"login": name, "password": password, **data})


def token_of(link: RightLink) -> str:
    return links.token(link.purpose, link.pk, link.version)


def is_signed_in(client: Client) -> bool:
    return client.get("/my-account").status_code == 200


def test_sign_in_and_out_by_sign_in_name_whatever_its_case(client, cast: Cast):
    answer = sign_in(client, "GLOBAL-admin@contoso.example")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert not is_signed_in(client)


def test_every_failure_says_the_same(client, cast: Cast):
    now = clock.now()
    User.objects.filter(pk=cast["user"].pk).update(blocked_at=now)
    User.objects.filter(pk=cast["user-admin"].pk).update(activated_at=None)
    tries = [
        ("nobody@contoso.example", PASSWORD),
        ("global-admin@contoso.example", "wrong"),
        ("user@contoso.example", PASSWORD),
        ("user-admin@contoso.example", PASSWORD),
    ]
    pages = [sign_in(client, *credentials) for credentials in tries]
    wrong = "The sign-in name or the password is wrong, or this account can&#x27;t sign in."
    assert [page.content.decode().count(wrong) for page in pages] == [1, 1, 1, 1]
    assert {page.status_code for page in pages} == {200}


def test_failures_are_limited_by_name_known_or_not_and_successes_are_free(client, cast: Cast, settings):
    settings.MANDATE_SIGN_IN_TRIES_PER_HOUR = 3
    for _number in range(5):
        assert sign_in(client, "global-admin@contoso.example").status_code == 302
        client.post("/sign-out")
    for name in ("billing-admin@contoso.example", "nobody@contoso.example"):
        codes = [
            client.post("/sign-in", {"login": name, "password": "wrong"}, REMOTE_ADDR=f"10.1.1.{number}").status_code
            for number in range(4)
        ]
        assert codes == [200, 200, 200, 429]
    assert client.post("/sign-in", {"login": name, "password": PASSWORD}, REMOTE_ADDR="10.1.2.1").status_code == 429


def test_failures_are_limited_by_address(client, cast: Cast, settings):
    settings.MANDATE_SIGN_IN_TRIES_PER_HOUR = 3
    codes = [sign_in(client, f"nobody{number}@contoso.example").status_code for number in range(4)]
    assert codes == [200, 200, 200, 429]
    assert sign_in(client, "global-admin@contoso.example").status_code == 429


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/my-account", "/my-account"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\elsewhere.example", "/"),
    ],
)
def test_next_stays_on_this_portal(client, cast: Cast, target, goes_to):
    assert sign_in(client, "global-admin@contoso.example", next=target)["Location"] == goes_to


def test_session_rotates_and_language_cookie_follows_the_user(client, cast: Cast):
    client.get("/sign-in")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    client.session.save()
    before = client.session.session_key
    answer = sign_in(client, "global-admin@contoso.example")
    assert client.session.session_key != before
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == "de"


def test_a_signed_in_person_changes_the_language_for_good(client, cast: Cast):
    sign_in(client, "global-admin@contoso.example")
    client.post("/language", {"language": "zh-hant", "next": "/"})
    assert User.objects.get(pk=cast["global-admin"].pk).language == "zh-hant"
    client.post("/language", {"language": "tlh", "next": "/"})
    assert User.objects.get(pk=cast["global-admin"].pk).language == "zh-hant"


@pytest.fixture
def personas(monkeypatch):
    monkeypatch.setattr(hooks, "personas", [lambda: ["admin-agent@fabrikam.example", "global-admin@contoso.example"]])


def test_persona_picker_signs_in_with_one_press(client, cast: Cast, personas):
    page = client.get("/sign-in").content.decode()
    assert "Sign in as admin-agent@fabrikam.example" in page
    assert "Sign in as user@contoso.example" not in page
    answer = client.post("/sign-in/persona", {"persona": "admin-agent@fabrikam.example", "next": "/my-account"})
    assert answer["Location"] == "/my-account"
    assert is_signed_in(client)


@pytest.mark.parametrize("name", ["user@contoso.example", "nobody@contoso.example", ""])
def test_only_personas_can_be_picked(client, cast: Cast, personas, name):
    assert client.post("/sign-in/persona", {"persona": name}).status_code == 404


def test_persona_picker_is_for_the_demo_on_loopback_only(client, cast: Cast, personas, settings):
    persona = {"persona": "admin-agent@fabrikam.example"}
    assert "Sign in as" not in client.get("/sign-in", REMOTE_ADDR="192.0.2.7").content.decode()
    assert client.post("/sign-in/persona", persona, REMOTE_ADDR="192.0.2.7").status_code == 404
    settings.IS_DEMO = False
    assert "Sign in as" not in client.get("/sign-in").content.decode()
    assert client.post("/sign-in/persona", persona).status_code == 404
    assert not is_signed_in(client)


def test_personas_are_people_of_demo_organisations(client, cast: Cast, personas):
    cast.fabrikam.is_demo = False
    cast.fabrikam.save()
    assert client.post("/sign-in/persona", {"persona": "admin-agent@fabrikam.example"}).status_code == 404


# ── password reset ──


def test_reset_by_another_mails_a_link_that_works_once_and_ends_sessions(client, cast: Cast):
    person, other = cast["user"], Client()
    sign_in(other, person.sign_in_name)
    assert is_signed_in(other)
    link = accounts.start_reset(person=person, actor=cast["helpdesk-admin"])
    mails = OutboxMessage.objects.filter(about_id=person.pk).values_list("kind", "to_address")
    assert set(mails) == {
        ("reset_password", "user@contoso.example"),
        ("password_reset", "global-admin@contoso.example"),
    }
    opened = client.get(f"/r/{token_of(link)}")
    assert (opened.status_code, opened["Location"]) == (302, f"/reset/{link.pk}")
    assert opened["Referrer-Policy"] == "no-referrer"
    assert client.get(opened["Location"]).status_code == 200
    done = client.post(opened["Location"], {"password": NEW, "repeat": NEW})
    assert done["Location"] == "/sign-in"
    assert not is_signed_in(other)
    assert sign_in(other, person.sign_in_name).status_code == 200
    assert sign_in(other, person.sign_in_name, NEW).status_code == 302
    assert client.get(f"/r/{token_of(link)}").status_code == 409
    assert client.post(f"/reset/{link.pk}", {"password": PASSWORD, "repeat": PASSWORD}).status_code == 409
    actions = AuditEntry.objects.filter(tenant=cast.contoso, target_id=str(person.pk)).values_list("action", flat=True)
    assert list(actions.order_by("seq"))[-2:] == ["password.reset_started", "password.reset"]


def test_opening_a_reset_link_changes_nothing(client, cast: Cast):
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    for _number in range(3):
        Client().get(f"/r/{token_of(link)}")
    assert sign_in(client, cast["user"].sign_in_name).status_code == 302


def test_a_reset_page_opens_only_in_the_browser_that_opened_the_link(client, cast: Cast):
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    assert Client().get(f"/reset/{link.pk}").status_code == 409
    assert Client().post(f"/reset/{link.pk}", {"password": NEW, "repeat": NEW}).status_code == 409
    assert sign_in(client, cast["user"].sign_in_name).status_code == 302


def test_a_reset_link_ends_after_an_hour_and_with_the_next_one(client, cast: Cast):
    first = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    second = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    assert client.get(f"/r/{token_of(first)}").status_code == 409
    with clock.fixed(clock.now() + timedelta(minutes=61)):
        assert client.get(f"/r/{token_of(second)}").status_code == 409
    assert client.get(f"/r/{token_of(second)}").status_code == 302


def test_a_link_of_one_purpose_opens_nothing_else(client, cast: Cast):
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    assert client.get(f"/w/{token_of(link)}").status_code == 409
    assert client.get(f"/r/{links.token('welcome', link.pk, 1)}").status_code == 409
    assert client.get(f"/r/{links.token('reset', link.pk, 2)}").status_code == 409
    assert client.get("/r/nonsense").status_code == 409


def test_wrong_links_are_limited_by_address(client, cast: Cast, settings):
    settings.MANDATE_LINK_TRIES_PER_HOUR = 3
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    assert [client.get(f"/r/{token_of(link)}").status_code for _number in range(5)] == [302] * 5
    assert [client.get("/r/wrong").status_code for _number in range(4)] == [409, 409, 409, 429]
    refused = client.get(f"/r/{token_of(link)}")
    assert (refused.status_code, refused["Referrer-Policy"]) == (429, "no-referrer")


def test_a_helpdesk_administrator_cannot_reset_a_privileged_person(cast: Cast):
    for name in ("global-admin", "billing-admin", "user-admin", "delegation-admin"):
        with pytest.raises(PermissionDenied):
            accounts.start_reset(person=cast[name], actor=cast["helpdesk-admin"])
    with pytest.raises(PermissionDenied):
        accounts.start_reset(person=cast["user"], actor=cast["billing-admin"])
    assert not RightLink.objects.exists()


def test_a_helpdesk_agent_with_dap_resets_and_both_chains_have_it(dap_cast: Cast):
    agent = dap_cast["helpdesk-agent"]
    accounts.start_reset(person=dap_cast["user"], actor=agent)
    rows = AuditEntry.objects.filter(action="password.reset_started", actor_id=agent.pk)
    assert {row.tenant_id for row in rows} == {dap_cast.contoso.pk, dap_cast.fabrikam.pk}
    assert {row.role for row in rows} == {"Helpdesk Administrator"}


def test_no_reset_without_a_confirmed_address(cast: Cast):
    User.objects.filter(pk=cast["user"].pk).update(contact_confirmed_at=None)
    with pytest.raises(Refused):
        accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])


def test_a_person_blocked_meanwhile_cannot_use_the_link(client, cast: Cast):
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    client.get(f"/r/{token_of(link)}")
    User.objects.filter(pk=cast["user"].pk).update(blocked_at=clock.now())
    assert client.post(f"/reset/{link.pk}", {"password": NEW, "repeat": NEW}).status_code == 409
    with pytest.raises(BadLink):
        accounts.finish_reset(pk=link.pk, version=1, password=NEW)


def test_forgot_password_answers_alike_for_every_name(client, cast: Cast):
    User.objects.filter(pk=cast["user-admin"].pk).update(blocked_at=clock.now())
    names = ["user@contoso.example", "nobody@contoso.example", "user-admin@contoso.example"]
    answers = [client.post("/reset", {"sign_in_name": name}) for name in names]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/reset/sent")}
    assert client.get("/reset/sent").status_code == 200
    link = RightLink.objects.get()
    assert link.user == cast["user"]
    client.get(f"/r/{token_of(link)}")
    client.post(f"/reset/{link.pk}", {"password": NEW, "repeat": NEW})
    told = OutboxMessage.objects.filter(kind="password_reset").values_list("to_address", flat=True)
    assert set(told) == {"user@contoso.example", "global-admin@contoso.example"}


def test_a_full_mailbox_does_not_tell_that_the_name_exists(client, cast: Cast, settings):
    settings.MANDATE_MAILS_PER_ADDRESS_AND_DAY = 1
    codes = [client.post("/reset", {"sign_in_name": "user@contoso.example"}).status_code for _number in range(3)]
    assert codes == [302, 302, 302]
    assert OutboxMessage.objects.filter(kind="reset_password").count() == 1


@pytest.mark.parametrize(
    "passwords",
    [
        ("short", "short"),
        (NEW, NEW + "!"),
        ("password1234", "password1234"),
        ("user@contoso.example",) * 2,
        ("", ""),
    ],
)
def test_bad_new_passwords_are_refused_with_a_reason(client, cast: Cast, passwords):
    link = accounts.start_reset(person=cast["user"], actor=cast["helpdesk-admin"])
    client.get(f"/r/{token_of(link)}")
    page = client.post(f"/reset/{link.pk}", dict(zip(("password", "repeat"), passwords, strict=True)))
    assert page.status_code == 200
    assert page.context["form"].errors
    assert RightLink.objects.get(pk=link.pk).used_at is None


# ── colleagues ──


def test_a_colleague_is_invited_and_activates_the_account(client, cast: Cast):
    person = accounts.invite_person(
        tenant=cast.contoso,
        actor=cast["user-admin"],
        sign_in_name="newcomer@contoso.example",
        display_name="Newcomer",
        contact_address="newcomer@elsewhere.example",
    )
    assert not access.may_sign_in(person)
    assert OutboxMessage.objects.get(kind="welcome").to_address == "newcomer@elsewhere.example"
    link = RightLink.objects.get(user=person)
    opened = client.get(f"/w/{token_of(link)}")
    page = client.get(opened["Location"])
    assert "newcomer@contoso.example" in page.content.decode()
    done = client.post(opened["Location"], {"password": NEW, "repeat": NEW})
    assert (done.status_code, done["Location"]) == (302, "/")
    assert is_signed_in(client)
    person.refresh_from_db()
    assert person.activated_at
    assert person.contact_confirmed_at
    assert client.get(f"/w/{token_of(link)}").status_code == 409
    assert Membership.objects.filter(user=person).count() == 2


def test_a_colleague_must_be_in_a_domain_of_the_organisation(cast: Cast):
    for name in ("x@fabrikam.example", "x@contoso.example.evil.example", "x"):
        with pytest.raises(Refused):
            accounts.invite_person(
                tenant=cast.contoso,
                actor=cast["user-admin"],
                sign_in_name=name,
                display_name="X",
                contact_address="x@elsewhere.example",
            )
    with pytest.raises(PermissionDenied):
        accounts.invite_person(
            tenant=cast.contoso,
            actor=cast["billing-admin"],
            sign_in_name="x@contoso.example",
            display_name="X",
            contact_address="x@elsewhere.example",
        )


def test_a_fresh_welcome_kills_the_old_one(client, cast: Cast):
    person = accounts.invite_person(
        tenant=cast.contoso,
        actor=cast["user-admin"],
        sign_in_name="newcomer@contoso.example",
        display_name="Newcomer",
        contact_address="newcomer@elsewhere.example",
    )
    first = RightLink.objects.get(user=person)
    second = accounts.resend_welcome(person=person, actor=cast["user-admin"])
    assert client.get(f"/w/{token_of(first)}").status_code == 409
    assert client.get(f"/w/{token_of(second)}").status_code == 302
    accounts.accept_welcome(pk=second.pk, version=1, password=NEW)
    with pytest.raises(Refused):
        accounts.resend_welcome(person=person, actor=cast["user-admin"])


def test_every_mail_about_an_account_renders_with_its_link_and_names(client, cast: Cast):
    admin, person = cast["user-admin"], cast["user"]
    accounts.invite_person(
        tenant=cast.contoso,
        actor=admin,
        sign_in_name="newcomer@contoso.example",
        display_name="<b>New</b>",
        contact_address="newcomer@elsewhere.example",
    )
    link = accounts.start_reset(person=person, actor=cast["helpdesk-admin"])
    accounts.finish_reset(pk=link.pk, version=1, password=NEW)
    accounts.change_password(actor=person, password=PASSWORD)
    confirm = accounts.start_address_change(actor=person, address="new@elsewhere.example")
    accounts.confirm_address(pk=confirm.pk, version=1)
    founding.start_organisation(address="boss@alpine.example", language="zh-hant", kept=[])
    with_link = {
        "welcome": "/w/",
        "reset_password": "/r/",
        "confirm_address": "/c/",
        "new_organisation": "/o/",
    }
    kinds = set()
    for row in OutboxMessage.objects.all():
        message = rendering.render(row)
        html = str(message.alternatives[0][0])
        for text in (message.body, html):
            assert with_link.get(row.kind, "") in text, row.kind
            assert "{{" not in text
        assert "<b>New</b>" not in html
        assert message.subject
        kinds.add(row.kind)
    assert kinds == {*with_link, "password_reset", "password_changed", "contact_address_changed"}


# ── my account ──


@pytest.fixture
def signed_in(client, cast: Cast):
    sign_in(client, "user@contoso.example")
    return client


def test_my_settings(signed_in, cast: Cast):
    data = {
        "language": "zh-hant",
        "time_zone": "Asia/Taipei",
        "theme": "dark",
        "notices": ["invitation_accepted"],
    }
    answer = signed_in.post("/my-account/settings", data)
    assert answer.status_code == 302
    person = User.objects.get(pk=cast["user"].pk)
    assert (person.language, person.time_zone, person.theme) == ("zh-hant", "Asia/Taipei", "dark")
    assert "invitation_accepted" not in person.notices_off
    assert "invitation_declined" in person.notices_off
    bad = signed_in.post("/my-account/settings", data | {"time_zone": "../../etc/passwd", "language": "xx"})
    assert bad.status_code == 200
    assert set(bad.context["settings_form"].errors) == {"time_zone", "language"}


def test_my_new_password_needs_the_old_one_and_ends_other_sessions(signed_in, cast: Cast):
    other = Client()
    sign_in(other, "user@contoso.example")
    data = {"password-present": "wrong", "password-password": NEW, "password-repeat": NEW}
    assert set(signed_in.post("/my-account/password", data).context["password_form"].errors) == {"present"}
    assert is_signed_in(other)
    assert signed_in.post("/my-account/password", data | {"password-present": PASSWORD}).status_code == 302
    assert is_signed_in(signed_in)
    assert not is_signed_in(other)
    assert OutboxMessage.objects.get(kind="password_changed").to_user == cast["user"]


def test_sign_out_everywhere_else(signed_in, cast: Cast):
    other = Client()
    sign_in(other, "user@contoso.example")
    signed_in.post("/my-account/sessions")
    assert is_signed_in(signed_in)
    assert not is_signed_in(other)


def test_a_new_contact_address_counts_once_it_is_confirmed(signed_in, cast: Cast):
    data = {"contact-address": "new@elsewhere.example", "contact-present": PASSWORD}
    wrong = signed_in.post("/my-account/contact-address", data | {"contact-present": "wrong"})
    assert set(wrong.context["contact_form"].errors) == {"present"}
    assert signed_in.post("/my-account/contact-address", data).status_code == 302
    link = RightLink.objects.get(user=cast["user"])
    opened = signed_in.get(f"/c/{token_of(link)}")
    assert User.objects.get(pk=cast["user"].pk).contact_address == "user@contoso.example"
    assert signed_in.get(opened["Location"]).status_code == 200
    assert User.objects.get(pk=cast["user"].pk).contact_address == "user@contoso.example"
    signed_in.post(opened["Location"])
    assert User.objects.get(pk=cast["user"].pk).contact_address == "new@elsewhere.example"
    told = OutboxMessage.objects.get(kind="contact_address_changed")
    assert told.to_address == "user@contoso.example"


# ── start ──


def test_start_shows_the_pages_of_the_persons_rights(client, cast: Cast):
    client.force_login(cast["admin-agent"])
    titles = [entry.title for entry in client.get("/").context["entries"]]
    assert titles[:2] == ["Customers", "Invitations"]
    client.force_login(cast["user"])
    page = client.get("/")
    assert page.context["entries"] == []
    assert "Ihr" in page.content.decode() or "Your account is ready" in page.content.decode()


def test_the_operator_has_a_plain_start_page(client, db):
    operator = User.objects.create(
        sign_in_name="operator@mandate.example",
        display_name="Operator",
        contact_address="operator@mandate.example",
        created_at=clock.now(),
        activated_at=clock.now(),
    )
    client.force_login(operator)
    assert client.get("/").context["is_operator"]
    assert client.get("/my-account").status_code == 200
    assert client.post("/my-account/sessions").status_code == 302


@pytest.mark.parametrize(
    "text", ["", "\x00", "a\x00b", "😀" * 5000, "x" * 10_000, "‮evil", "a\r\nBcc: x@y.example", "%s{}<script>"]
)
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/sign-in", ("login", "password", "next")),
        ("/sign-in/persona", ("persona", "next")),
        ("/reset", ("sign_in_name",)),
        ("/organisations/new", ("address", "next")),
        ("/language", ("language", "next")),
        ("/theme", ("theme", "next")),
    ],
)
def test_no_input_gives_a_500(client, db, path, fields, text):
    assert client.post(path, dict.fromkeys(fields, text)).status_code in (200, 302, 404)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr("portal.broker._quiet_until", float("inf"))


def test_factory_people_can_sign_in(client, db):
    _tenant, person = factories.tenant()
    assert sign_in(client, person.sign_in_name).status_code == 302
