"""GDAP on the customer's *Partner relationships*: the pane, one relationship, auto-extend, *Remove roles*."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delegation import queries, services
from delegation.models import GdapRelationship
from portal import access, clock
from portal.catalogue import Capability as Can
from portal.models import OutboxMessage, Pair
from relationships.models import Relationship
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import GLOBAL, HELPDESK, READER, active, approve, assign, custom, pending, roles
from tests.relationships.asking import signed_in

Status = GdapRelationship.Status


def url(cast: Cast, row: GdapRelationship, name: str = "customer-gdap") -> str:
    return reverse(name, args=[cast.contoso.slug, row.pair_id, row.pk])


def list_url(cast: Cast, row: GdapRelationship | None = None) -> str:
    if row is None:
        return reverse("partner-relationships", args=[cast.contoso.slug])
    return reverse("partner-relationship", args=[cast.contoso.slug, row.pair_id])


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def _worked_with(cast: Cast, *names: str, **options: Any) -> GdapRelationship:
    row = active(cast, roles=roles(*names or (READER, HELPDESK)), **options)
    assign(cast, row, custom(cast.fabrikam, "Nights", cast["partner-user"], cast["sales-agent"]), *names or (HELPDESK,))
    return row


# ── the list and its pane ──


def test_the_list_says_how_many_roles_until_when_and_what_waits(cast: Cast) -> None:
    row = _worked_with(cast, duration_days=20)
    pending(cast, limited_to_domain="contoso.example")
    pending(cast, customer=cast.contoso)
    text = text_of(signed_in(cast["billing-admin"]), list_url(cast))
    assert ">2 roles<" in text or ">2 roles</span>" in text
    assert "1 request" in text
    totals = queries.totals(cast.contoso)
    assert (totals.people, totals.with_every_right, totals.ending_soon) == (2, 0, 1)
    services.set_auto_extend(relationship=row, is_on=True, actor=cast["global-admin"])
    assert "extends itself" in text_of(signed_in(cast["billing-admin"]), list_url(cast))
    assert queries.totals(cast.contoso).ending_soon == 0


def test_global_administrator_by_gdap_counts_as_every_right(cast: Cast) -> None:
    active(cast, roles=roles(GLOBAL))
    assert queries.totals(cast.contoso).with_every_right == 1
    client = signed_in(cast["global-admin"])
    for show, is_there in (("every", True), ("gdap", True), ("dap", False), ("none", False)):
        assert ("Fabrikam Cloud" in text_of(client, f"{list_url(cast)}?show={show}")) == is_there, show


def test_the_pane_shows_relationships_and_requests_with_their_buttons(cast: Cast) -> None:
    row = _worked_with(cast, display_name="Support 24")
    asked = pending(cast, customer=cast.contoso, display_name="More of it")
    text = text_of(signed_in(cast["billing-admin"]), list_url(cast, row))
    assert url(cast, row) in text
    assert url(cast, row, "customer-gdap-remove") in text
    assert reverse("answer-gdap", args=[asked.pk]) in text
    assert "2 people" in text
    behalf = text_of(signed_in(cast["global-admin"]), list_url(cast, row))
    assert "Support 24" in behalf


# ── one relationship ──


def test_one_relationship_says_what_who_since_and_until(cast: Cast) -> None:
    row = _worked_with(cast)
    text = text_of(signed_in(cast["billing-admin"]), url(cast, row))
    assert "Resets passwords for non-admins and other helpdesk staff." in text
    assert "2 people: Nights" in text
    assert "No group holds it yet." in text
    assert "GDAP request approved" in text
    assert "GDAP roles given to a group" in text
    assert cast["admin-agent"].sign_in_name not in text
    assert "Remove roles" in text
    assert "Switch auto-extend on" not in text
    assert "Switch auto-extend on" in text_of(signed_in(cast["global-admin"]), url(cast, row))


def test_without_a_group_it_says_that_approved_is_not_access(cast: Cast) -> None:
    row = active(cast)
    assert "Approved is not access." in text_of(signed_in(cast["global-admin"]), url(cast, row))


def test_it_stays_readable_after_its_end(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    row = _worked_with(cast, duration_days=5)
    later = clock.now() + timedelta(days=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    client = signed_in(cast["global-admin"])
    text = text_of(client, url(cast, row))
    assert "Expired" in text
    assert "Nothing of this is in force any more" in text
    assert "Nights" in text
    assert url(cast, row, "customer-gdap-remove") not in text
    assert client.get(url(cast, row, "customer-gdap-remove"))["Location"] == url(cast, row)


def test_only_what_was_approved_here_by_this_partner_is_found(cast: Cast) -> None:
    row, asked = active(cast), pending(cast, limited_to_domain="contoso.example")
    client = signed_in(cast["global-admin"])
    assert client.get(reverse("customer-gdap", args=[cast.contoso.slug, row.pair_id, asked.pk])).status_code == 404
    other = factories.pair(cast.litware, cast.contoso)
    assert client.get(reverse("customer-gdap", args=[cast.contoso.slug, other.pk, row.pk])).status_code == 404
    assert signed_in(cast["stranger-customer"]).get(url(cast, row)).status_code == 404
    assert signed_in(cast["user"]).get(url(cast, row)).status_code == 403


def test_on_behalf_it_is_read_only(dap_cast: Cast) -> None:
    row = active(dap_cast)
    text = text_of(signed_in(dap_cast["admin-agent"]), url(dap_cast, row))
    assert url(dap_cast, row, "customer-gdap-remove") not in text
    assert "Switch auto-extend" not in text
    assert "Only people of this organisation&#x27;s own" in text or "Only people of this organisation's own" in text
    for name in ("customer-gdap-remove", "customer-gdap-auto-extend"):
        assert signed_in(dap_cast["admin-agent"]).post(url(dap_cast, row, name)).status_code == 403


# ── auto-extend ──


def test_the_customer_switches_auto_extend(cast: Cast) -> None:
    row = active(cast)
    client = signed_in(cast["delegation-admin"])
    for to, is_on in (("on", True), ("off", False), ("nonsense", False)):
        assert client.post(url(cast, row, "customer-gdap-auto-extend"), {"to": to})["Location"] == url(cast, row)
        row.refresh_from_db()
        assert row.auto_extend is is_on
    assert signed_in(cast["billing-admin"]).post(url(cast, row, "customer-gdap-auto-extend")).status_code == 403


def test_full_control_never_extends(cast: Cast) -> None:
    row = active(cast, roles=roles(GLOBAL))
    client = signed_in(cast["global-admin"])
    assert "Auto-extend can't be switched on" in text_of(client, url(cast, row))
    assert client.post(url(cast, row, "customer-gdap-auto-extend"), {"to": "on"}).status_code == 409
    row.refresh_from_db()
    assert row.auto_extend is False


# ── Remove roles ──


def test_removing_shows_what_ends_and_what_remains_then_does_it_at_once(cast: Cast) -> None:
    row = _worked_with(cast)
    client = signed_in(cast["billing-admin"])
    text = text_of(client, url(cast, row, "customer-gdap-remove"))
    ends, _bar, remains = text.partition('<section class="remains">')
    assert "Helpdesk Administrator" in ends
    assert "Nights · 2 people" in ends
    assert "Service requests on behalf" in ends
    assert "Azure role assignments" in remains
    assert "Partner with GDAP access" not in remains
    assert access.decide(cast["partner-user"], Can.USERS_VIEW, cast.contoso).allowed
    answer = client.post(url(cast, row, "customer-gdap-remove"), {"reason": "Enough."}, follow=True)
    assert answer.redirect_chain[-1][0] == list_url(cast, row)
    assert "Nothing remains but the history." in answer.content.decode()
    row.refresh_from_db()
    assert (row.status, row.end_reason, row.end_note) == (Status.TERMINATED, "removed_by_customer", "Enough.")
    assert not access.decide(cast["partner-user"], Can.USERS_VIEW, cast.contoso).allowed
    assert signed_in(cast["partner-user"]).get(reverse("users", args=[cast.contoso.slug])).status_code == 404


def test_another_relationship_and_dap_remain(dap_cast: Cast) -> None:
    row = _worked_with(dap_cast)
    active(dap_cast, display_name="The other one", roles=roles(READER))
    assign(dap_cast, row, custom(dap_cast.fabrikam, "Days", dap_cast["admin-agent"]), READER)
    text = text_of(signed_in(dap_cast["global-admin"]), url(dap_cast, row, "customer-gdap-remove"))
    assert "1 person falls back to Global Administrator." in text
    ends, _bar, remains = text.partition('<section class="remains">')
    assert "The other one" in remains
    assert "Delegated admin (DAP)" in remains
    assert "Service requests on behalf" not in ends
    assert 'name="removes_dap"' in text
    billing = text_of(signed_in(dap_cast["billing-admin"]), url(dap_cast, row, "customer-gdap-remove"))
    assert 'name="removes_dap"' not in billing


def test_dap_goes_in_the_same_step_so_that_nobody_falls_back(dap_cast: Cast) -> None:
    row = active(dap_cast)
    assign(dap_cast, row, custom(dap_cast.fabrikam, "Days", dap_cast["admin-agent"]), READER)
    billing = signed_in(dap_cast["billing-admin"])
    assert billing.post(url(dap_cast, row, "customer-gdap-remove"), {"removes_dap": "on"}).status_code == 403
    row.refresh_from_db()
    assert row.status == Status.ACTIVE
    client = signed_in(dap_cast["global-admin"])
    assert client.post(url(dap_cast, row, "customer-gdap-remove"), {"removes_dap": "on"}).status_code == 302
    dap_cast.dap.refresh_from_db()
    row.refresh_from_db()
    assert (dap_cast.dap.ended_at is not None, row.status) == (True, Status.TERMINATED)
    assert not access.decide(dap_cast["admin-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert not OutboxMessage.objects.filter(kind="gdap_fallback").exists()


def test_without_the_tick_they_fall_back_and_it_is_told(dap_cast: Cast) -> None:
    sides = {"pair": dap_cast.pair, "partner": dap_cast.fabrikam, "customer": dap_cast.contoso}
    Relationship.objects.create(partner_type="reseller", started_at=clock.now(), **sides)
    row = active(dap_cast)
    assign(dap_cast, row, custom(dap_cast.fabrikam, "Days", dap_cast["admin-agent"]), READER)
    signed_in(dap_cast["global-admin"]).post(url(dap_cast, row, "customer-gdap-remove"))
    assert OutboxMessage.objects.filter(kind="gdap_fallback").exists()
    assert access.decide(dap_cast["admin-agent"], Can.ROLES_ASSIGN, dap_cast.contoso).allowed


def test_who_may_not_remove_is_refused(cast: Cast) -> None:
    row = approve(cast, pending(cast))
    for who, code in (("user-admin", 403), ("user", 403), ("stranger-customer", 404), ("stranger-partner", 404)):
        assert signed_in(cast[who]).post(url(cast, row, "customer-gdap-remove")).status_code == code
    row.refresh_from_db()
    assert (row.status, Pair.objects.get().is_in_force) == (Status.ACTIVE, True)
