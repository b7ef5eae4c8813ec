"""The notice of a partner's first sign-in on behalf of a day: the customer's switch (DOMAIN §16)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.errors import PermissionDenied
from portal.mail.rendering import render
from portal.models import AuditEntry, OutboxMessage, Pair, Tenant
from portal.services import on_behalf
from tests import factories
from tests.conftest import Cast

KIND = "on_behalf_first_of_day"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def switch_on(cast: Cast) -> None:
    on_behalf.switch_notice(tenant=cast.contoso, actor=cast["global-admin"], is_on=True)


def look(cast: Cast, name: str, page: str = "account", at: datetime = NOON) -> int:
    """Open one of Contoso's pages; the status of the answer."""
    with clock.fixed(at):
        client = Client()
        client.force_login(cast[name])
        return client.get(reverse(page, args=[cast.contoso.slug])).status_code


def told() -> list[str]:
    return sorted(OutboxMessage.objects.filter(kind=KIND).values_list("to_address", flat=True))


def chain(tenant: Tenant) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(tenant=tenant, action__contains="on_behalf").order_by("seq")
    return list(rows.values_list("action", "role"))


def test_it_is_off_until_the_customer_switches_it_on(dap_cast: Cast) -> None:
    assert look(dap_cast, "helpdesk-agent") == 200
    assert told() == []
    switch_on(dap_cast)
    assert look(dap_cast, "helpdesk-agent") == 200
    assert told() == ["global-admin@contoso.example"]


def test_once_for_each_partner_and_day_whoever_comes(dap_cast: Cast) -> None:
    switch_on(dap_cast)
    agents = factories.pair(dap_cast.litware, dap_cast.contoso)
    factories.dap(agents, dap_cast["global-admin"])
    for name in ("helpdesk-agent", "admin-agent", "helpdesk-agent"):
        assert look(dap_cast, name) == 200
        assert look(dap_cast, name, "users") == 200
    assert len(told()) == 1
    assert look(dap_cast, "stranger-partner") == 200
    assert len(told()) == 2, "another partner's first"
    assert look(dap_cast, "admin-agent", at=NOON + timedelta(hours=11, minutes=59)) == 200
    assert len(told()) == 2
    assert look(dap_cast, "admin-agent", at=NOON + timedelta(hours=12)) == 200
    assert len(told()) == 3, "the next day, UTC"
    message = OutboxMessage.objects.filter(kind=KIND).latest("created_at", "id")
    assert message.context["values"]["by_name"] == "admin-agent@fabrikam.example"


def test_own_people_strangers_and_refused_pages_tell_nobody(dap_cast: Cast) -> None:
    switch_on(dap_cast)
    assert look(dap_cast, "global-admin") == 200
    assert look(dap_cast, "stranger-partner") == 404
    assert look(dap_cast, "helpdesk-agent", "audit-log") == 403
    assert look(dap_cast, "sales-agent") == 403
    assert told() == []
    assert not Pair.objects.filter(on_behalf_noticed_on__isnull=False).exists()


def test_it_goes_to_every_global_administrator_and_the_team(dap_cast: Cast) -> None:
    switch_on(dap_cast)
    factories.person(dap_cast.contoso, "second", "Global Administrator", domain="contoso.example")
    dap_cast.contoso.refresh_from_db()
    dap_cast.contoso.team_address = "team@contoso.example"
    dap_cast.contoso.save(update_fields=["team_address"])
    look(dap_cast, "helpdesk-agent")
    assert told() == ["global-admin@contoso.example", "second@contoso.example", "team@contoso.example"]


def test_it_is_in_both_audit_logs_with_role_and_path(dap_cast: Cast) -> None:
    switch_on(dap_cast)
    look(dap_cast, "helpdesk-agent")
    first = ("on_behalf.first_of_day", "Helpdesk Administrator")
    assert chain(dap_cast.contoso) == [("organisation.on_behalf_notice_on", "Global Administrator"), first]
    assert chain(dap_cast.fabrikam) == [first]
    row = AuditEntry.objects.get(tenant=dap_cast.contoso, action="on_behalf.first_of_day")
    assert (row.actor_id, row.on_behalf_tenant_id) == (dap_cast["helpdesk-agent"].pk, dap_cast.contoso.pk)
    assert row.path.startswith("dap:")


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_the_message_says_who_as_what_and_when(dap_cast: Cast, language: str) -> None:
    switch_on(dap_cast)
    look(dap_cast, "helpdesk-agent")
    row = OutboxMessage.objects.get(kind=KIND)
    row.language = language
    message = render(row)
    role = {"en": "Helpdesk Administrator", "de": "Helpdeskadministrator", "zh-hant": "技術服務管理員"}[language]
    for text in (message.body, message.alternatives[0].content):
        for words in ("Fabrikam Cloud", "helpdesk-agent@fabrikam.example", "Contoso GmbH", role, "12:00", "2026"):
            assert words in text, words
        assert f"/t/{dap_cast.contoso.slug}/audit-log" in text
    assert "Fabrikam Cloud" in message.subject


# ── the switch ──


def test_the_account_page_has_the_switch_for_who_may_edit_the_organisation(dap_cast: Cast) -> None:
    client = Client()
    client.force_login(dap_cast["global-admin"])
    account = reverse("account", args=[dap_cast.contoso.slug])
    switch = reverse("account-notices", args=[dap_cast.contoso.slug])
    assert switch in client.get(account).content.decode()
    for given, expected in (({"on_behalf": "on"}, True), ({}, False)):
        answer = client.post(switch, given)
        assert (answer.status_code, answer["Location"]) == (302, account)
        dap_cast.contoso.refresh_from_db()
        assert dap_cast.contoso.has_on_behalf_notice is expected
        box = re.search(r'<input type="checkbox" name="on_behalf"[^>]*>', client.get(account).content.decode())[0]
        assert ("checked" in box) is expected
    assert [action for action, _role in chain(dap_cast.contoso)] == [
        "organisation.on_behalf_notice_on",
        "organisation.on_behalf_notice_off",
    ]


@pytest.mark.parametrize("name", ["billing-admin", "user-admin", "admin-agent", "helpdesk-agent"])
def test_nobody_else_can_switch_it(dap_cast: Cast, name: str) -> None:
    with pytest.raises(PermissionDenied):
        on_behalf.switch_notice(tenant=dap_cast.contoso, actor=dap_cast[name], is_on=True)
    client = Client()
    client.force_login(dap_cast[name])
    text = client.get(reverse("account", args=[dap_cast.contoso.slug])).content.decode()
    assert reverse("account-notices", args=[dap_cast.contoso.slug]) not in text
    dap_cast.contoso.refresh_from_db()
    assert not dap_cast.contoso.has_on_behalf_notice


def test_switching_it_to_what_it_is_changes_nothing(dap_cast: Cast) -> None:
    switch_on(dap_cast)
    switch_on(dap_cast)
    assert len(chain(dap_cast.contoso)) == 1
