"""Every kind of path taken away while its holders ask for a page without a pause, on the real web server, two workers.

Give, be let in, take away, be refused: no request that was sent after the removal's answer may be allowed (DOMAIN §14).
DAP is in `test_dap.py`. `REVOKE_LOOPS` sets how often.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import reverse

from delegation import services, verification
from delegation.models import AzureAssignment, GdapAssignment
from portal import catalogue, clock
from portal.models import RoleAssignment, SecurityGroup, User
from portal.services import groups, people
from relationships.models import Relationship
from tests import factories
from tests.cast import Cast
from tests.delegation import granting
from tests.races.hammer import LOOPS, Hammer, until
from tests.races.web import Browser, serving

pytestmark = pytest.mark.races


@dataclass
class Kind:
    """How one kind of path is given (by the services) and taken (by a page's form)."""

    holders: tuple[str, ...]
    page: str
    give: Callable[[], object]
    take: Callable[[Browser], object]
    actor: str


def posted(browser: Browser, path: str, **fields: str) -> None:
    assert browser.post(path, **fields) == 302, path


def explicit_role(cast: Cast) -> Kind:
    """The customer's administrator takes a directory role from one of its own people."""
    person = cast["user"]

    def take(browser: Browser) -> None:
        held = RoleAssignment.objects.get(user=person, ended_at__isnull=True)
        posted(browser, reverse("user-role-remove", args=[cast.contoso.slug, person.pk, held.pk]))

    role = factories.role("Directory Readers")
    return Kind(
        ("user",),
        reverse("users-csv", args=[cast.contoso.slug]),
        lambda: people.assign_role(person=person, role_id=role, actor=cast["global-admin"]),
        take,
        "global-admin",
    )


def membership(cast: Cast) -> Kind:
    """The partner takes somebody out of HelpdeskAgents."""
    _dap(cast)
    group = SecurityGroup.objects.get(tenant=cast.fabrikam, kind="helpdesk_agents")
    person = cast["helpdesk-agent"]
    url = reverse("group-remove", args=[cast.fabrikam.slug, group.uid])
    return Kind(
        ("helpdesk-agent",),
        reverse("users-csv", args=[cast.contoso.slug]),
        lambda: groups.add_member(group=group, person=person, actor=cast["partner-admin"]),
        lambda browser: posted(browser, url, person=str(person.pk)),
        "partner-admin",
    )


def limited_groups(cast: Cast) -> Kind:
    """The partner lets another group than theirs work for the customer."""
    pair = _dap(cast)
    other = SecurityGroup.objects.get(tenant=cast.fabrikam, kind="sales_agents")
    url = reverse("customer-limit-groups", args=[cast.fabrikam.slug, pair.pk])
    return Kind(
        ("helpdesk-agent", "admin-agent"),
        reverse("users-csv", args=[cast.contoso.slug]),
        lambda: services.limit_groups(pair=pair, groups=None, actor=cast["partner-admin"]),
        lambda browser: posted(browser, url, which="chosen", groups=str(other.uid)),
        "partner-admin",
    )


def gdap_assignment(cast: Cast) -> Kind:
    """The partner takes the roles from a group."""
    factories.pair(cast.fabrikam, cast.contoso)
    row = granting.active(cast, customer=cast.contoso)
    team = granting.custom(cast.fabrikam, "Team", cast["partner-user"], cast["sales-agent"])
    roles = granting.ids(granting.READER)

    def take(browser: Browser) -> None:
        held = GdapAssignment.objects.get(relationship=row, state="active")
        posted(browser, reverse("gdap-assignment-remove", args=[cast.fabrikam.slug, row.pk, held.pk]))

    return Kind(
        ("partner-user", "sales-agent"),
        reverse("users-csv", args=[cast.contoso.slug]),
        lambda: services.assign_group(relationship=row, group=team, role_ids=roles, actor=cast["partner-admin"]),
        take,
        "partner-admin",
    )


def gdap_removal(cast: Cast) -> Kind:
    """The customer removes the roles of a whole relationship; a new one is asked for and approved each time."""
    pair = factories.pair(cast.fabrikam, cast.contoso)
    sides = {"pair": pair, "partner": cast.fabrikam, "customer": cast.contoso}
    Relationship.objects.create(partner_type="reseller", started_at=clock.now(), **sides)  # it stays (DOMAIN §6)
    team = granting.custom(cast.fabrikam, "Team", cast["partner-user"])
    roles, held = granting.ids(granting.READER), []

    def give() -> None:
        held[:] = [granting.active(cast, customer=cast.contoso)]
        services.assign_group(relationship=held[0], group=team, role_ids=roles, actor=cast["partner-admin"])

    return Kind(
        ("partner-user",),
        reverse("users-csv", args=[cast.contoso.slug]),
        give,
        lambda browser: posted(
            browser, reverse("customer-gdap-remove", args=[cast.contoso.slug, pair.pk, held[0].pk]), reason=""
        ),
        "global-admin",
    )


def azure_assignment(cast: Cast) -> Kind:
    """The customer deletes the Azure role of a partner's AdminAgents at a subscription."""
    factories.pair(cast.fabrikam, cast.contoso)
    founder = cast["global-admin"]
    services.elevate(tenant=cast.contoso, actor=founder)
    subscription = services.create_subscription(tenant=cast.contoso, actor=founder, name="Web", offer="Pay as you go")
    agents = SecurityGroup.objects.get(tenant=cast.fabrikam, kind="admin_agents")
    reader = catalogue.azure_roles_by_name()["Reader"].id

    def take(browser: Browser) -> None:
        held = AzureAssignment.objects.get(principal=agents, ended_at__isnull=True)
        posted(browser, reverse("azure-assignment-remove", args=[cast.contoso.slug, held.pk]))

    return Kind(
        ("admin-agent",),
        reverse("azure-scope", args=[cast.contoso.slug, subscription.pk]),
        lambda: services.add_assignment(scope=subscription.scope, actor=founder, principal=agents, role_id=reader),
        take,
        "global-admin",
    )


def _dap(cast: Cast) -> Any:
    pair = factories.pair(cast.fabrikam, cast.contoso)
    factories.dap(pair, cast["global-admin"])
    return pair


KINDS = (explicit_role, membership, limited_groups, gdap_assignment, gdap_removal, azure_assignment)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_no_request_sent_after_the_removals_answer_is_allowed(
    transactional_db: None, cast: Cast, make: Callable[[Cast], Kind], capfd: pytest.CaptureFixture[str]
) -> None:
    kind = make(cast)
    with serving() as port:
        browser = Browser(port, cast[kind.actor])
        hammers = [Hammer(port, User.objects.get(pk=cast[name].pk), kind.page) for name in kind.holders]
        for hammer in hammers:
            hammer.start()
        try:
            refused = sum(_loop(kind, browser, hammers) for _number in range(LOOPS))
        finally:
            for hammer in hammers:
                hammer.is_over.set()
            for hammer in hammers:
                hammer.join(60)
            browser.close()
    asked = sum(len(hammer.seen) for hammer in hammers)
    with capfd.disabled():
        print(f"\n{make.__name__}: {LOOPS} removals, {asked} requests, {refused} sent after an answer, 0 allowed")  # noqa: T201 - wanted
    assert refused >= len(hammers) * LOOPS
    assert verification.differences() == []


def _loop(kind: Kind, browser: Browser, hammers: list[Hammer]) -> int:
    """One round; how many requests were sent after the removal's answer, all of them refused."""
    kind.give()
    granted = time.monotonic()
    until(lambda: all(hammer.since(granted, 200) for hammer in hammers))
    kind.take(browser)
    answered = time.monotonic()
    until(lambda: all(hammer.since(answered) for hammer in hammers))
    answers = [status for hammer in hammers for status in hammer.since(answered)]
    assert set(answers) == {403}, kind.page
    return len(answers)
