"""Service requests: life cycle, gapless numbers, on behalf, and what to do without delegated access (DOMAIN §4, §5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.http import Http404
from django.test import Client
from django.urls import reverse

from delegation import services as delegation
from portal import audit, clock
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, OutboxMessage, ServiceRequest, Tenant, User
from portal.services import service_requests as services
from tests.cast import Cast


def page(name: str, tenant: Tenant, **kwargs: object) -> str:
    return reverse(name, kwargs={"tenant_slug": tenant.slug, **kwargs})


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def opened(cast: Cast, name: str = "helpdesk-admin", title: str = "Mail is slow") -> ServiceRequest:
    return services.open_request(tenant=cast.contoso, actor=cast[name], title=title, description="Since Monday.")


def test_numbers_have_no_gaps_within_a_tenant(cast: Cast) -> None:
    first, second = opened(cast), opened(cast)
    with pytest.raises(PermissionDenied):
        opened(cast, "user")
    with pytest.raises(Http404):
        opened(cast, "stranger-customer")
    third = opened(cast)
    other = services.open_request(
        tenant=cast.woodgrove, actor=cast["stranger-customer"], title="Other", description="Other."
    )
    assert [first.number, second.number, third.number, other.number] == [1, 2, 3, 1]


def test_the_whole_life_of_a_request(cast: Cast) -> None:
    request, actor = opened(cast), cast["helpdesk-admin"]
    states = [request.state]
    for step in ("start", "resolve", "close", "reopen", "resolve", "reopen"):
        request = getattr(services, f"{step}_request")(request=request, actor=actor)
        states.append(request.state)
    assert states == ["new", "in_progress", "resolved", "closed", "in_progress", "resolved", "in_progress"]
    assert request.resolved_at is None
    recorded = AuditEntry.objects.filter(tenant=cast.contoso, target_id=str(request.pk)).order_by("seq")
    assert [entry.action.removeprefix("service_request.") for entry in recorded] == [
        "opened",
        "started",
        "resolved",
        "closed",
        "reopened",
        "resolved",
        "reopened",
    ]


def test_moves_that_are_not_legal_are_refused_by_service_and_database(cast: Cast) -> None:
    request, actor = opened(cast), cast["helpdesk-admin"]
    with pytest.raises(Refused):
        services.close_request(request=request, actor=actor)
    with pytest.raises(Refused):
        services.reopen_request(request=request, actor=actor)
    with pytest.raises(IntegrityError), transaction.atomic():
        ServiceRequest.objects.filter(pk=request.pk).update(state="closed")
    services.resolve_request(request=request, actor=actor)
    with pytest.raises(Refused):
        services.start_request(request=request, actor=actor)


def test_a_repeat_changes_nothing(cast: Cast) -> None:
    request = opened(cast)
    services.resolve_request(request=request, actor=cast["helpdesk-admin"])
    services.resolve_request(request=request, actor=cast["helpdesk-admin"])
    assert request.comments.count() == 1


@pytest.mark.parametrize("last_step", ["resolve", "close"])
def test_reopening_ends_after_14_days(cast: Cast, last_step: str) -> None:
    actor, start = cast["helpdesk-admin"], clock.now()
    late, in_time = opened(cast), opened(cast)
    for request in (late, in_time):
        services.resolve_request(request=request, actor=actor)
        if last_step == "close":
            services.close_request(request=request, actor=actor)
    with clock.fixed(start + timedelta(days=13, hours=23)):
        assert services.reopen_request(request=in_time, actor=actor).state == "in_progress"
    with clock.fixed(clock.now() + timedelta(days=14)), pytest.raises(Refused, match="14 days"):
        services.reopen_request(request=late, actor=actor)


def test_comments_end_with_the_request(cast: Cast) -> None:
    request, actor = opened(cast), cast["helpdesk-admin"]
    services.comment_on_request(request=request, actor=actor, text="Any news?")
    services.resolve_request(request=request, actor=actor, text="Fixed.")
    services.comment_on_request(request=request, actor=actor, text="Thanks.")
    services.close_request(request=request, actor=actor)
    with pytest.raises(Refused, match="closed"):
        services.comment_on_request(request=request, actor=actor, text="One more thing.")
    assert [comment.text for comment in request.comments.all()] == ["Any news?", "Fixed.", "Thanks.", ""]


def test_a_helpdesk_agent_works_on_requests_with_dap(dap_cast: Cast) -> None:
    request = opened(dap_cast, "helpdesk-agent")
    assert request.opened_for_partner == dap_cast.fabrikam
    comment = services.comment_on_request(request=request, actor=dap_cast["admin-agent"], text="We look into it.")
    assert comment.author_partner == dap_cast.fabrikam
    for tenant in (dap_cast.contoso, dap_cast.fabrikam):
        entry = AuditEntry.objects.filter(tenant=tenant, action="service_request.opened").get()
        assert entry.on_behalf_tenant_id == dap_cast.contoso.pk
        assert entry.role == "Helpdesk Administrator"
        assert audit.verify(tenant.pk) is None
    with pytest.raises(PermissionDenied):
        opened(dap_cast, "sales-agent")


def test_after_dap_is_removed_requests_are_refused_with_what_to_do(dap_cast: Cast, settings: object) -> None:
    settings.MANDATE_SUPPORT_URL = "https://support.cloud.example/"  # type: ignore[attr-defined]
    request = opened(dap_cast, "helpdesk-agent")
    clients = {name: signed_in(dap_cast[name]) for name in ("helpdesk-agent", "admin-agent", "stranger-partner")}
    addresses = [
        page("service-requests", dap_cast.contoso),
        page("service-request-new", dap_cast.contoso),
        page("service-request", dap_cast.contoso, request_id=request.pk),
    ]
    for address in addresses:
        assert clients["helpdesk-agent"].get(address).status_code == 200
    delegation.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    for address in addresses:
        answer = clients["helpdesk-agent"].get(address)
        assert answer.status_code == 403
        text = answer.content.decode()
        assert "Let the customer open the service request" in text
        assert "Ask the customer for a new grant" in text
        assert "https://support.cloud.example/" in text
        assert clients["stranger-partner"].get(address).status_code == 404
    post = clients["helpdesk-agent"].post(addresses[1], {"title": "x", "description": "x", "severity": "normal"})
    assert post.status_code == 403
    assert ServiceRequest.objects.count() == 1
    offered = clients["admin-agent"].get(addresses[0]).context["why"].advice
    assert [bool(item.url) for item in offered] == [False, True, True]


def test_other_refusals_give_no_advice_about_service_requests(dap_cast: Cast) -> None:
    delegation.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    answer = signed_in(dap_cast["helpdesk-agent"]).get(page("users", dap_cast.contoso))
    assert answer.status_code == 403
    assert answer.context["why"].advice == ()


def test_who_took_part_is_told_but_not_who_lost_the_right(dap_cast: Cast) -> None:
    request = opened(dap_cast, "helpdesk-agent")

    def told() -> list[str]:
        rows = OutboxMessage.objects.filter(kind="service_request_commented")
        return sorted(rows.values_list("to_address", flat=True))

    services.comment_on_request(request=request, actor=dap_cast["helpdesk-admin"], text="Which room?")
    assert told() == ["helpdesk-agent@fabrikam.example"]
    delegation.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    services.comment_on_request(request=request, actor=dap_cast["global-admin"], text="Between us.")
    assert told() == ["helpdesk-admin@contoso.example", "helpdesk-agent@fabrikam.example"]


def test_pages_do_what_they_say(cast: Cast) -> None:
    client = signed_in(cast["helpdesk-admin"])
    data = {"title": "Printer 貿易 <b>", "description": "It\nburns.", "severity": "critical"}
    assert client.post(page("service-request-new", cast.contoso), data).status_code == 302
    request = ServiceRequest.objects.get()
    here = {"request_id": request.pk}

    def post(name: str, text: str = "") -> int:
        return client.post(page(f"service-request-{name}", cast.contoso, **here), {"text": text}).status_code

    assert post("comment", "Bring water.") == 302
    assert post("comment", "") == 200  # a comment needs words
    assert [post(move) for move in ("start", "resolve", "close", "reopen")] == [302] * 4
    assert post("close") == 409
    text = client.get(page("service-request", cast.contoso, **here)).content.decode()
    assert "&lt;b&gt;" in text
    assert "Bring water." in text
    for query in ({"q": "printer"}, {"q": "1"}, {"q": "易"}, {"state": "in_progress"}, {"severity": "critical"}):
        assert "Printer" in client.get(page("service-requests", cast.contoso), query).content.decode(), query
    for query in ({"q": "scanner"}, {"state": "closed"}, {"severity": "normal"}, {"state": "x"}):
        assert "Printer" not in client.get(page("service-requests", cast.contoso), query).content.decode(), query
    assert "Printer" in client.get(page("service-requests-csv", cast.contoso)).getvalue().decode()


def test_input_that_does_not_fit_is_a_message(cast: Cast) -> None:
    client = signed_in(cast["helpdesk-admin"])
    good = {"title": "Title", "description": "Words", "severity": "normal"}
    for bad in (
        {"title": ""},
        {"title": "x" * 201},
        {"description": "x" * 10_001},
        {"severity": "huge"},
        {"title": "a\x00b"},
    ):
        answer = client.post(page("service-request-new", cast.contoso), {**good, **bad})
        assert answer.status_code == 200
        assert answer.context["form"].errors, bad
    assert not ServiceRequest.objects.exists()


def test_a_request_of_another_tenant_is_not_found(cast: Cast) -> None:
    request = services.open_request(
        tenant=cast.woodgrove, actor=cast["stranger-customer"], title="Other", description="Other."
    )
    client = signed_in(cast["global-admin"])
    assert client.get(page("service-request", cast.contoso, request_id=request.pk)).status_code == 404
    assert client.post(page("service-request-close", cast.contoso, request_id=request.pk)).status_code == 404
