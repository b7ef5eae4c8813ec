"""What a request that is closed goes on telling the customer: the roles that were asked for (DOMAIN §4, §6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from delegation import services
from delegation.models import GdapRelationship
from portal import clock
from tests.cast import Cast
from tests.delegation.granting import HELPDESK, READER, approve, offered, pending
from tests.relationships.asking import signed_in

Row = GdapRelationship
DOMAIN = "contoso.example"
CLOSED: dict[str, Callable[[Cast, Row], object]] = {
    "declined": lambda cast, row: services.decline_request(
        relationship=row, actor=cast["global-admin"], version=1, reason="Too much."
    ),
    "withdrawn": lambda cast, row: services.withdraw_request(relationship=row, actor=cast["admin-agent"]),
    "lapsed": lambda cast, row: clock._fixed.set(row.lapses_at),
    "approved": lambda cast, row: approve(cast, row),
}


@pytest.mark.parametrize("way", CLOSED)
def test_a_closed_request_lists_its_roles_for_the_customer(cast: Cast, way: str) -> None:
    with clock.fixed(clock.now()):
        row = pending(cast, limited_to_domain=DOMAIN)
        CLOSED[way](cast, row)
        answer = signed_in(cast["global-admin"]).get(reverse("answer-gdap", args=[row.pk]))
        page = answer.content.decode()
        assert answer.status_code == (409 if way == "approved" else 410)
        for text in ("Roles that were asked for", READER, HELPDESK, "Support contract", "Fabrikam Cloud"):
            assert text in page
        assert ("Granted</" in page) is (way == "approved")
        assert ("Too much." in page) is (way == "declined")


def test_what_less_was_approved_says_which_roles_were_not_granted(cast: Cast) -> None:
    row = pending(cast, limited_to_domain=DOMAIN)
    services.accept_counter_offer(offer=offered(cast, row, READER), actor=cast["admin-agent"])
    page = signed_in(cast["global-admin"]).get(reverse("answer-gdap", args=[row.pk])).content.decode()
    assert (page.count("Not granted"), page.count(HELPDESK)) == (1, 1)


def test_strangers_learn_nothing_of_a_closed_request(cast: Cast) -> None:
    row = pending(cast, limited_to_domain=DOMAIN)
    services.decline_request(relationship=row, actor=cast["global-admin"], version=1)
    answer = signed_in(cast["stranger-customer"]).get(reverse("answer-gdap", args=[row.pk]))
    assert answer.status_code == 404
    assert HELPDESK not in answer.content.decode()
