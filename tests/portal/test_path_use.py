"""When somebody from outside last used a path: kept after the request, at most hourly (DOMAIN §14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal import clock
from portal.models import PathUse, RoleAssignment, User
from portal.services import accounts, people
from portal.writes import write
from tests import factories
from tests.cast import Cast

START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ask(cast: Cast, name: str, path: str, at: datetime = START) -> int:
    client = Client()
    client.force_login(cast[name])
    with clock.fixed(at):
        return client.get(path).status_code


def test_the_path_that_allowed_the_request_is_remembered_hourly(dap_cast: Cast) -> None:
    users = f"/t/{dap_cast.contoso.slug}/users"
    assert ask(dap_cast, "helpdesk-agent", users) == 200
    row = PathUse.objects.get()
    assert (row.user, row.tenant, row.source) == (dap_cast["helpdesk-agent"], dap_cast.contoso, dap_cast.dap.source)
    assert row.used_at == START
    for minutes, noted in ((59, 0), (60, 60), (61, 60), (300, 300)):
        ask(dap_cast, "helpdesk-agent", users, START + timedelta(minutes=minutes))
        assert PathUse.objects.get().used_at == START + timedelta(minutes=noted)


def test_a_fresh_one_is_not_written_again(dap_cast: Cast) -> None:
    users = f"/t/{dap_cast.contoso.slug}/users"
    ask(dap_cast, "helpdesk-agent", users)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin, xmax FROM portal_pathuse")
        before = cursor.fetchall()
        with CaptureQueriesContext(connection) as queries:
            ask(dap_cast, "helpdesk-agent", users, START + timedelta(minutes=5))
        cursor.execute("SELECT xmin, xmax FROM portal_pathuse")
        assert cursor.fetchall() == before
    assert sum("INTO portal_pathuse" in query["sql"] for query in queries) == 1


def test_what_was_refused_and_what_ones_own_people_do_is_not(dap_cast: Cast) -> None:
    slug = dap_cast.contoso.slug
    assert ask(dap_cast, "sales-agent", f"/t/{slug}/users") == 403
    assert ask(dap_cast, "helpdesk-agent", f"/t/{slug}/partner-relationships") == 403
    assert ask(dap_cast, "global-admin", f"/t/{slug}/users") == 200
    assert ask(dap_cast, "admin-agent", f"/p/{dap_cast.fabrikam.slug}/customers") == 200
    assert not PathUse.objects.exists()


def test_a_write_on_behalf_counts(dap_cast: Cast) -> None:
    client = Client()
    client.force_login(dap_cast["helpdesk-agent"])
    page = f"/t/{dap_cast.contoso.slug}/users/{dap_cast['user'].pk}/reset"
    assert client.post(page).status_code == 302
    assert PathUse.objects.get().source == dap_cast.dap.source


def test_an_account_that_a_partner_made_counts_as_outside(dap_cast: Cast) -> None:
    made = accounts.invite_person(
        tenant=dap_cast.contoso,
        actor=dap_cast["admin-agent"],
        sign_in_name="helper@contoso.example",
        display_name="Helper",
        contact_address="helper@contoso.example",
    )
    assert (made.made_by_partner, made.made_by) == (dap_cast.fabrikam, dap_cast["admin-agent"])
    User.objects.filter(pk=made.pk).update(activated_at=START)
    with write():
        people.give_role(made, factories.role("User Administrator"), actor=dap_cast["global-admin"])
    dap_cast.people["helper"] = User.objects.get(pk=made.pk)
    assert ask(dap_cast, "helper", f"/t/{dap_cast.contoso.slug}/users") == 200
    source = f"role:{RoleAssignment.objects.get(user=made).pk}"
    assert PathUse.objects.get(user=made).source == source
