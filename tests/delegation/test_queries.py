"""What pages read: who asked for what, what a partner reaches and keeps, how its mails read."""

from __future__ import annotations

import pytest

from delegation import endings, queries, reach, services
from portal import clock
from portal.mail.rendering import render
from portal.models import OutboxMessage, Pair, PartnerProfile, RoleAssignment, SecurityGroup
from portal.services import organisations
from portal.writes import write
from relationships import services as relationship_services
from relationships.models import Invitation
from tests import factories
from tests.cast import Cast


def invited(cast: Cast, address: str, *, with_dap: bool = True) -> Invitation:
    row = relationship_services.create_invitation(
        partner=cast.fabrikam,
        actor=cast["admin-agent"],
        with_dap=with_dap,
        customer_name="Contoso",
        customer_address=address,
    )
    return relationship_services.open_invitation(invitation=row, actor=cast["admin-agent"])


@pytest.fixture
def pair(cast: Cast) -> Pair:
    return factories.pair(cast.fabrikam, cast.contoso)


@pytest.mark.parametrize(
    ("address", "with_dap", "is_asked"),
    [
        ("Somebody@Contoso.Example", True, True),
        ("somebody@contoso.cloud.example", True, True),
        ("somebody@contoso.example", False, False),
        ("somebody@woodgrove.example", True, False),
        ("somebody@sub.contoso.example", True, False),
    ],
)
def test_open_request_for_dap_is_found_by_the_customers_domains(
    cast: Cast, pair: Pair, address: str, with_dap: bool, is_asked: bool
) -> None:
    row = invited(cast, address, with_dap=with_dap)
    queries.add_details([pair])
    assert pair.dap_asked_until == (row.expires_at if is_asked else None)


def test_a_request_that_is_over_is_none(cast: Cast, pair: Pair) -> None:
    row = invited(cast, "somebody@contoso.example")
    with clock.fixed(row.expires_at):
        queries.add_details([pair])
    assert pair.dap_asked_until is None


def test_an_unverified_domain_counts_for_nothing(cast: Cast, pair: Pair) -> None:
    cast.contoso.domains.update(verified_at=None)
    invited(cast, "somebody@contoso.example")
    queries.add_details([pair])
    assert pair.dap_asked_until is None


def test_reach_counts_people_who_can_use_it(dap_cast: Cast) -> None:
    factories.agent(dap_cast.fabrikam, "second-admin-agent", "admin_agents", domain="fabrikam.example")
    assert [(item.role, item.group, item.people) for item in reach.reach_of(dap_cast.pair)] == [
        ("Global Administrator", "AdminAgents", 2),
        ("Helpdesk Administrator", "HelpdeskAgents", 1),
    ]
    group = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="helpdesk_agents")
    services.limit_groups(pair=dap_cast.pair, groups=[group], actor=dap_cast["partner-admin"])
    assert [item.people for item in reach.reach_of(dap_cast.pair)] == [0, 1]


def test_a_disabled_partner_reaches_nothing(dap_cast: Cast) -> None:
    assert reach.reach_of(dap_cast.pair)
    PartnerProfile.objects.filter(tenant=dap_cast.fabrikam).update(disabled_at=clock.now())
    assert reach.reach_of(dap_cast.pair) == []


def test_residuals_are_this_partners_only(dap_cast: Cast) -> None:
    made = factories.person(dap_cast.contoso, "made", domain="contoso.example", made_by_partner=dap_cast.fabrikam)
    factories.person(dap_cast.contoso, "theirs", domain="contoso.example", made_by_partner=dap_cast.litware)
    with write():
        RoleAssignment.objects.filter(user=dap_cast["user-admin"]).update(assigned_by_partner=dap_cast.fabrikam)
    found = [(item.kind, item.detail) for item in endings.remaining(dap_cast.pair)]
    assert found == [
        ("dap", "AdminAgents, HelpdeskAgents"),
        ("account", made.sign_in_name),
        ("role", f"User Administrator · {dap_cast['user-admin'].sign_in_name}"),
    ]


def test_what_is_not_recorded_is_named(dap_cast: Cast) -> None:
    remains = {item["label"]: item["detail"] for item in endings.of_dap(dap_cast.pair, for_partner=False)["remains"]}
    assert remains["Azure role assignments"] == "None recorded."
    assert remains["Accounts and guests they made"] == "None recorded."


def test_partners_page_gets_no_links_into_the_customers_tenant(dap_cast: Cast) -> None:
    factories.person(dap_cast.contoso, "made", domain="contoso.example", made_by_partner=dap_cast.fabrikam)
    of = {side: endings.of_dap(dap_cast.pair, for_partner=side)["remains"] for side in (True, False)}
    assert not any(item.get("url") for item in of[True])
    assert any(item.get("url") for item in of[False])


def test_limit_survives_the_end_of_a_relationship(dap_cast: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="sales_agents")
    services.limit_groups(pair=dap_cast.pair, groups=[group], actor=dap_cast["partner-admin"])
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    with write():
        pair = organisations.lock_pair(dap_cast.fabrikam, dap_cast.contoso)
        organisations.end_pair(pair)
        organisations.start_pair(pair)
    assert list(pair.grants.values_list("source", "group_id")) == [("limit", group.pk)]


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
def test_mails_name_both_sides_and_the_reason(dap_cast: Cast, language: str) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"], reason="Tom & Jerry's <idea>")
    messages = list(OutboxMessage.objects.filter(kind="dap_removed"))
    assert len(messages) == 2
    for row in messages:
        row.language = language
        message = render(row)
        html = str(message.alternatives[0][0])
        assert "Contoso GmbH" in message.subject
        assert "Fabrikam Cloud" in message.subject
        assert "Tom & Jerry's <idea>" in message.body
        assert "&lt;idea&gt;" in html
        assert f"/{dap_cast.pair.pk}" in message.body
