"""The pages of a request through a reseller: the provider's form, *Approve for your customer*, both named."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from delegation import services
from delegation.models import GdapRelationship
from portal.mail import rendering
from portal.models import OutboxMessage
from relationships.models import LANGUAGES
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import READER
from tests.delegation.reselling import asked, channel, passed_on, through
from tests.relationships.asking import signed_in


@pytest.fixture
def sold(cast: Cast) -> Cast:
    """Litware is an indirect provider, Fabrikam the reseller of Contoso."""
    return channel(cast)


def filled(cast: Cast, **changed: str) -> dict[str, Any]:
    """The options of a request through Fabrikam."""
    return {
        "display_name": "Supply",
        "audience": "through",
        "reseller_number": cast.fabrikam.profile.partner_number,
        "reseller_domain": "@Contoso.example",
        "duration_days": "30",
        "language": "en",
        "roles": [factories.role(READER)],
        **changed,
    }


def ours(cast: Cast, row: GdapRelationship, route: str = "gdap-for-customer") -> str:
    return reverse(route, args=[cast.fabrikam.slug, row.pk])


def test_a_provider_asks_through_a_reseller_by_its_partner_id_and_the_customers_domain(sold: Cast) -> None:
    client = signed_in(sold["stranger-partner"])
    new = reverse("gdap-new", args=[sold.litware.slug])
    assert "Partner ID of the reseller" in client.get(new).content.decode()
    for changed, field in (
        ({"reseller_number": ""}, "reseller_number"),
        ({"reseller_number": "no such \u202e number"}, "reseller_number"),
        ({"reseller_domain": ""}, "reseller_domain"),
        ({"reseller_domain": "woodgrove.example"}, "reseller_number"),
        ({"reseller_domain": "no domain"}, "reseller_number"),
    ):
        answer = client.post(new, filled(sold, **changed))
        assert (answer.status_code, field in answer.context["form"].errors) == (400, True), changed
    answer = client.post(new, filled(sold))
    row = GdapRelationship.objects.get()
    assert (answer.status_code, row.reseller, row.customer) == (302, sold.fabrikam, sold.contoso)
    options = client.get(reverse("gdap-options", args=[sold.litware.slug, row.pk]))
    assert options.context["form"]["reseller_domain"].value() == sold.contoso.default_domain
    deliver = reverse("gdap-deliver", args=[sold.litware.slug, row.pk])
    client.post(reverse("gdap-lock", args=[sold.litware.slug, row.pk]))
    page = client.get(deliver).content.decode()
    assert "Fabrikam Cloud was told and decides first." in page
    assert "The reseller decides first." in page


def test_other_partners_have_no_such_choice(sold: Cast) -> None:
    client = signed_in(sold["admin-agent"])
    new = reverse("gdap-new", args=[sold.fabrikam.slug])
    assert "Partner ID of the reseller" not in client.get(new).content.decode()
    assert client.post(new, filled(sold)).status_code == 400
    assert not GdapRelationship.objects.exists()


def test_the_reseller_finds_reads_and_approves_it(sold: Cast) -> None:
    row = asked(sold)
    client = signed_in(sold["admin-agent"])
    assert "requests to approve for your customers" in client.get("/").content.decode()
    listing = client.get(reverse("gdap-for-customers", args=[sold.fabrikam.slug])).content.decode()
    assert "Litware Advisors" in listing
    assert "Waits for the reseller" in listing
    page = client.get(ours(sold, row)).content.decode()
    for text in ("Approve for your customer", "Litware Advisors", "Contoso GmbH", "Support contract", READER):
        assert text in page
    answer = client.post(ours(sold, row, "gdap-for-customer-approve"), follow=True)
    assert "Now Contoso GmbH decides." in answer.content.decode()
    assert "Reject" not in client.get(ours(sold, row)).content.decode().replace("Rejected", "")
    assert "requests to approve for your customers" not in client.get("/").content.decode()


def test_the_reseller_rejects_with_a_reason(sold: Cast) -> None:
    row = asked(sold)
    client = signed_in(sold["admin-agent"])
    answer = client.post(ours(sold, row, "gdap-for-customer-reject"), {"reason": "Ours."}, follow=True)
    assert "Rejected by the reseller" in answer.content.decode()
    again = client.get(ours(sold, row, "gdap-for-customer-reject"), follow=True)
    assert "wait for your answer any more." in again.content.decode()
    provider = signed_in(sold["stranger-partner"])
    page = provider.get(reverse("gdap-relationship", args=[sold.litware.slug, row.pk])).content.decode()
    assert "Rejected by the reseller" in page
    assert "Ours." in page


def test_who_may_not_answer_reads_why_and_strangers_nothing(sold: Cast) -> None:
    row, draft = asked(sold), through(sold)
    sales = signed_in(sold["sales-agent"])
    assert "Reject" not in sales.get(ours(sold, row)).content.decode()
    assert sales.post(ours(sold, row, "gdap-for-customer-approve")).status_code == 403
    assert signed_in(sold["admin-agent"]).get(ours(sold, draft)).status_code == 404, "drafts are the provider's own"
    assert signed_in(sold["stranger-partner"]).get(ours(sold, row)).status_code == 404
    assert GdapRelationship.objects.get(pk=row.pk).reseller_answer == "pending"


def test_the_customers_link_is_not_open_before_and_names_both_afterwards(sold: Cast) -> None:
    client = signed_in(sold["global-admin"])
    row = asked(sold)
    assert client.get(reverse("answer-gdap", args=[row.pk])).status_code == 404
    inbox = reverse("requests-gdap", args=[sold.contoso.slug])
    assert "Litware" not in client.get(inbox).content.decode()
    services.approve_for_customer(relationship=row, actor=sold["admin-agent"])
    assert "Litware Advisors" in client.get(inbox).content.decode()
    page = client.get(reverse("answer-gdap", args=[row.pk])).content.decode()
    for text in ("Litware Advisors", "through your reseller Fabrikam Cloud", "Asked through"):
        assert text in page
    done = services.approve_request(relationship=row, actor=sold["global-admin"])
    page = client.get(reverse("customer-gdap", args=[sold.contoso.slug, done.pair_id, row.pk])).content.decode()
    assert "Asked through" in page


def test_the_tab_is_the_resellers(sold: Cast) -> None:
    for name, home, there in (
        ("admin-agent", sold.fabrikam, True),
        ("stranger-partner", sold.litware, False),
    ):
        page = signed_in(sold[name]).get(reverse("gdap-list", args=[home.slug])).content.decode()
        assert ("For your customers" in page) is there


def test_the_list_as_csv(sold: Cast) -> None:
    passed_on(sold)
    answer = signed_in(sold["admin-agent"]).get(reverse("gdap-for-customers-export", args=[sold.fabrikam.slug]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "Litware Advisors" in text
    assert "Contoso GmbH" in text


def test_every_message_in_every_language(sold: Cast) -> None:
    passed_on(sold)
    services.reject_for_customer(relationship=asked(sold), actor=sold["admin-agent"], reason="<Ours>")
    rows = OutboxMessage.objects.filter(kind__startswith="gdap_reseller").select_related("to_user")
    assert rows.count() == 4
    for row in rows:
        for language, _name in LANGUAGES:
            row.language = language
            message = rendering.render(row)
            assert "Supply" in message.body
            assert "<Ours>" not in message.alternatives[0][0]
