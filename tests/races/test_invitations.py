"""Two real connections at once: an acceptance against another one, the end, and a change of what was shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from delegation import services as delegation
from delegation.models import DapGrant
from portal import access, audit, clock
from portal.errors import BadLink, PermissionDenied
from portal.models import AuditEntry, OutboxMessage, Pair, PairGrant, RoleAssignment, Tenant, User
from portal.services import people
from relationships import offers, services
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, Relationship
from relationships.services import Closed
from tests import factories
from tests.cast import Cast, build_cast
from tests.races.together import at_once, refusals
from tests.relationships.asking import draft, open_link, opened

pytestmark = pytest.mark.races

ROUNDS = 8


@pytest.fixture
def stage(transactional_db: None, settings: Any) -> Cast:
    """A committed cast, which several connections see."""
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 1_000
    return build_cast()


def given(invitation: Invitation, actor: User) -> dict[str, Any]:
    """What an acceptance takes, as shown now."""
    digest = offers.offer(invitation, actor.tenant).digest
    return {"invitation": invitation, "actor": actor, "version": invitation.link_version, "digest": digest}


def acceptance(invitation: Invitation, actor: User) -> Callable[[], Any]:
    """Accept, later, what is shown now."""
    shown = given(invitation, actor)
    return lambda: services.accept_invitation(**shown)


def reset(cast: Cast) -> None:
    """End what a round began, so that the next one starts without a relationship."""
    for relationship in Relationship.objects.filter(ended_at__isnull=True):
        services.end_relationship(relationship=relationship, actor=cast["admin-agent"])


def consistent(cast: Cast) -> None:
    """All of an acceptance or none of it, and whole chains."""
    in_force = Relationship.objects.filter(ended_at__isnull=True).count()
    assert Pair.objects.filter(started_at__isnull=False, ended_at__isnull=True).count() == in_force
    assert DapGrant.objects.filter(ended_at__isnull=True).count() == in_force
    assert DeviceConsent.objects.exclude(state="ended").count() == in_force
    for tenant in (cast.fabrikam, cast.contoso):
        assert audit.verify(tenant.pk) is None


def test_two_acceptances_of_one_organisation_give_one_result(stage: Cast) -> None:
    second = second_administrator(stage)
    for _round in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        calls = [acceptance(invitation, actor) for actor in (stage["global-admin"], second)]
        found = at_once(*calls)
        (loser,) = refusals(found)
        assert isinstance(loser, Closed)
        assert loser.obstacle.kind == "accepted_by_us"
        assert InvitationAnswer.objects.filter(invitation=invitation).count() == 1
        assert Relationship.objects.filter(ended_at__isnull=True).count() == 1
        consistent(stage)
        reset(stage)


def second_administrator(cast: Cast) -> User:
    """A second Global Administrator of Contoso."""
    return factories.person(cast.contoso, "second-admin", "Global Administrator", domain="contoso.example")


def test_two_organisations_on_the_last_use_of_an_open_link(stage: Cast) -> None:
    for _round in range(ROUNDS):
        invitation = open_link(stage, most=1, with_dap=True)
        found = at_once(*(acceptance(invitation, stage[who]) for who in ("global-admin", "stranger-customer")))
        (loser,) = refusals(found)
        assert loser.obstacle.kind == "accepted"
        invitation.refresh_from_db()
        assert (invitation.state, invitation.uses) == ("accepted", 1)
        consistent(stage)
        reset(stage)


def test_two_invitations_of_one_partner_accepted_at_once(stage: Cast) -> None:
    """The pair, the relationship and DAP come into being once; the later one is seen as a changed offer."""
    for _round in range(ROUNDS):
        calls = [acceptance(opened(stage, with_dap=True), stage["global-admin"]) for _two in range(2)]
        found = at_once(*calls)
        (loser,) = refusals(found)
        assert isinstance(loser, services.OfferChanged)
        assert Pair.objects.count() == 1
        consistent(stage)
        reset(stage)


def test_accept_and_decline_give_one_answer(stage: Cast) -> None:
    for _round in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        found = at_once(
            accept,
            lambda row=invitation: services.decline_invitation(
                invitation=row, actor=stage["global-admin"], version=row.link_version
            ),
        )
        assert len(refusals(found)) == 1
        answer = InvitationAnswer.objects.get(invitation=invitation)
        invitation.refresh_from_db()
        assert invitation.state == ("accepted" if answer.is_accepted else "declined")
        consistent(stage)
        reset(stage)


def test_accept_against_cancel(stage: Cast) -> None:
    for _round in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        found = at_once(
            accept, lambda row=invitation: services.cancel_invitation(invitation=row, actor=stage["admin-agent"])
        )
        assert len(refusals(found)) == 1
        invitation.refresh_from_db()
        accepted = not isinstance(found[0], Exception)
        assert invitation.state == ("accepted" if accepted else "cancelled")
        assert Relationship.objects.filter(invitation=invitation).exists() is accepted
        consistent(stage)
        reset(stage)


def test_accept_against_replace_link(stage: Cast) -> None:
    for _round in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        found = at_once(
            accept, lambda row=invitation: services.replace_link(invitation=row, actor=stage["admin-agent"])
        )
        assert len(refusals(found)) == 1
        invitation.refresh_from_db()
        if isinstance(found[0], Exception):
            assert isinstance(found[0], BadLink)
            assert (invitation.state, invitation.link_version) == ("open", 2)
        else:
            assert (invitation.state, invitation.link_version) == ("accepted", 1)
        consistent(stage)
        reset(stage)


def test_accept_against_the_sweep_at_the_end(stage: Cast) -> None:
    """One of them comes first: never an acceptance of what the sweep has expired, nor the other way round."""
    for round_ in range(ROUNDS):
        invitation = opened(stage, with_dap=True, days=1)
        accept = acceptance(invitation, stage["global-admin"])
        late = invitation.expires_at
        just_before = late - timedelta(microseconds=1)

        def accept_in_time(accept: Callable[[], Any] = accept, moment: Any = just_before) -> Any:
            with clock.fixed(moment):
                return accept()

        def sweep(moment: Any = late) -> int:
            with clock.fixed(moment):
                return services.expire_due()

        found = at_once(accept_in_time, sweep) if round_ % 2 else at_once(sweep, accept_in_time)[::-1]
        invitation.refresh_from_db()
        if isinstance(found[0], Exception):
            assert (found[0].obstacle.kind, invitation.state) == ("expired", "expired")
        else:
            assert invitation.state == "accepted"
        with clock.fixed(late):
            services.expire_due()
        invitation.refresh_from_db()
        assert invitation.state == ("expired" if isinstance(found[0], Exception) else "accepted")
        consistent(stage)
        reset(stage)


def test_sweeps_on_two_machines_expire_everything_once(stage: Cast) -> None:
    rows = [opened(stage, days=1) for _number in range(40)]
    late = rows[-1].expires_at

    def sweep() -> int:
        with clock.fixed(late):
            return services.expire_due(batch=3)

    counts = at_once(sweep, sweep)
    with clock.fixed(late):
        rest = services.expire_due()
    assert sum(counts) + rest == 40
    assert not Invitation.objects.filter(state="open").exists()
    assert audit.verify(stage.fabrikam.pk) is None
    assert AuditEntry.objects.filter(action="invitation.expired").count() == 40


def test_the_sweep_goes_past_what_an_acceptance_holds(stage: Cast) -> None:
    held, free = opened(stage, days=1), opened(stage, days=1)
    late = free.expires_at
    is_held, done = threading.Event(), threading.Event()

    def hold() -> bool:
        with transaction.atomic():
            Invitation.objects.select_for_update().get(pk=held.pk)
            is_held.set()
            return done.wait(timeout=20)

    def sweep() -> int:
        is_held.wait(timeout=20)
        with clock.fixed(late):
            count = services.expire_due()
        done.set()
        return count

    assert at_once(hold, sweep) == [True, 1]
    assert Invitation.objects.get(state="open") == held


def test_a_changed_offer_is_not_accepted(stage: Cast) -> None:
    """What was shown changes in the moment between reading and accepting: the acceptance is refused, whole."""
    for round_ in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        name = f"Fabrikam {round_}"
        found = at_once(accept, lambda name=name: Tenant.objects.filter(pk=stage.fabrikam.pk).update(display_name=name))
        if isinstance(found[0], Exception):
            assert isinstance(found[0], services.OfferChanged)
            assert not Relationship.objects.filter(invitation=invitation).exists()
        consistent(stage)
        reset(stage)


def test_accept_against_the_loss_of_the_role_that_allows_it(stage: Cast) -> None:
    """It commits before the role's end, or not at all."""
    acting = second_administrator(stage)
    for _round in range(ROUNDS):
        assignment = RoleAssignment.objects.get(user=acting, ended_at__isnull=True)
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, acting)
        found = at_once(accept, lambda row=assignment: people.remove_role(assignment=row, actor=stage["global-admin"]))
        if isinstance(found[0], Exception):
            assert isinstance(found[0], PermissionDenied)
            assert not Relationship.objects.filter(invitation=invitation).exists()
        consistent(stage)
        reset(stage)
        people.assign_role(person=acting, role_id=assignment.role_id, actor=stage["global-admin"])


def test_accept_against_a_block(stage: Cast) -> None:
    services.accept_invitation(**given(opened(stage), stage["global-admin"]))
    pair = Pair.objects.get()
    for _round in range(ROUNDS):
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        found = at_once(accept, lambda: services.block_partner(pair=pair, actor=stage["global-admin"]))
        if isinstance(found[0], Exception):
            assert found[0].obstacle.kind == "blocked"
        services.unblock_partner(pair=pair, actor=stage["global-admin"])
        for grant in DapGrant.objects.filter(ended_at__isnull=True):
            delegation.remove_dap(grant=grant, actor=stage["global-admin"])


def test_accept_against_the_end_of_the_relationship(stage: Cast) -> None:
    """An acceptance that adds DAP and the partner's ending: never DAP without a relationship."""
    for _round in range(ROUNDS):
        services.accept_invitation(**given(opened(stage), stage["global-admin"]))
        relationship = Relationship.objects.get(ended_at__isnull=True)
        invitation = opened(stage, with_dap=True)
        accept = acceptance(invitation, stage["global-admin"])
        at_once(
            accept,
            lambda row=relationship: services.end_relationship(relationship=row, actor=stage["admin-agent"]),
        )
        pair = Pair.objects.get()
        has_dap = DapGrant.objects.filter(ended_at__isnull=True).exists()
        assert not has_dap or pair.is_in_force
        assert access.is_insider(stage["admin-agent"], stage.contoso.pk) is pair.is_in_force
        assert audit.verify(stage.contoso.pk) is None
        reset(stage)
        assert not access.is_insider(stage["admin-agent"], stage.contoso.pk)
        assert PairGrant.objects.count() <= 1


def test_two_openings_count_once_and_move_the_end_once(stage: Cast, settings: Any) -> None:
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 1
    invitation = draft(stage)
    found = at_once(
        *(lambda: services.send_invitation(invitation=invitation, actor=stage["admin-agent"]) for _two in range(2))
    )
    assert not refusals(found)
    assert found[0].expires_at == found[1].expires_at
    assert OutboxMessage.objects.filter(kind="invitation").count() == 1
