"""The services of invitations, answers and relationships, each rule with its negative twin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import Http404

from delegation.models import DapGrant
from portal import access, audit, clock
from portal.catalogue import Capability as Can
from portal.errors import BadLink, PermissionDenied, Refused, TooMany
from portal.models import AuditEntry, OutboxMessage, Pair, PairGrant, PartnerProfile, Tenant
from relationships import offers, services, texts
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, InvitationForward, Relationship
from relationships.services import Closed, OfferChanged
from tests import factories
from tests.cast import Cast
from tests.relationships.asking import ADDRESS, accept, decline, draft, open_link, opened

State = Invitation.State


# ── making ──


@pytest.mark.parametrize("who", ["admin-agent", "sales-agent"])
def test_admin_and_sales_agents_make_drafts(cast: Cast, who: str) -> None:
    invitation = draft(cast, by=who)
    assert (invitation.state, invitation.with_dap, invitation.days, invitation.uses) == ("draft", False, 30, 0)
    assert invitation.body.count(Invitation.PLACEHOLDER) == 1
    assert AuditEntry.objects.filter(tenant=cast.fabrikam, action="invitation.created").count() == 1


@pytest.mark.parametrize("who", ["helpdesk-agent", "partner-admin", "partner-user"])
def test_others_of_the_partner_make_no_drafts(cast: Cast, who: str) -> None:
    with pytest.raises(PermissionDenied):
        draft(cast, by=who)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("who", ["stranger-partner", "global-admin"])
def test_strangers_of_the_partner_get_404(cast: Cast, who: str) -> None:
    with pytest.raises(Http404):
        draft(cast, by=who)


def test_an_unapproved_partner_makes_no_invitations(cast: Cast) -> None:
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(approved_at=None)
    with pytest.raises(Refused, match="not approved"):
        draft(cast)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 91}, "days"),
        ({"customer_name": ""}, "customer_name"),
        ({"customer_address": ""}, "customer_address"),
        ({"customer_address": "no address"}, "customer_address"),
        ({"customer_address": "a@b.example\r\nBcc: c@d.example"}, "customer_address"),
        ({"limited_to_domain": "litware.example"}, "limited_to_domain"),
        ({"partner_type": "lob"}, "partner_type"),
        ({"partner_type": "nothing"}, "partner_type"),
        ({"is_open_link": True, "max_uses": 0}, "max_uses"),
    ],
)
def test_options_that_do_not_fit_are_refused_at_their_field(cast: Cast, options: dict, field: str) -> None:
    with pytest.raises(Refused) as refused:
        draft(cast, **options)
    assert refused.value.field == field
    assert not Invitation.objects.exists()


def test_the_default_text_follows_the_options_until_somebody_edits_it(cast: Cast) -> None:
    invitation = draft(cast, days=30)
    services.edit_draft(invitation=invitation, actor=cast["admin-agent"], days=9, with_dap=True)
    invitation.refresh_from_db()
    assert "9 days" in invitation.body
    assert "delegated admin" in invitation.body
    services.edit_draft(
        invitation=invitation, actor=cast["admin-agent"], body=f"Mine: {texts.personal_link(invitation)}"
    )
    services.edit_draft(invitation=invitation, actor=cast["admin-agent"], days=10)
    invitation.refresh_from_db()
    assert (invitation.days, invitation.body) == (10, f"Mine: {Invitation.PLACEHOLDER}")


# ── opening and sending ──


def test_done_freezes_and_starts_the_time(cast: Cast) -> None:
    now = clock.now()
    with clock.fixed(now):
        invitation = opened(cast, days=3)
    assert (invitation.state, invitation.opened_at, invitation.expires_at) == ("open", now, now + timedelta(hours=72))
    with pytest.raises(Refused, match="frozen"):
        services.edit_draft(invitation=invitation, actor=cast["admin-agent"], days=4)
    later = services.open_invitation(invitation=invitation, actor=cast["admin-agent"])
    assert later.expires_at == invitation.expires_at


def test_send_for_me_opens_and_queues_one_mail_without_the_secret(cast: Cast) -> None:
    invitation = draft(cast, language="de")
    for _again in range(2):
        services.send_invitation(invitation=invitation, actor=cast["admin-agent"])
    invitation.refresh_from_db()
    message = OutboxMessage.objects.get()
    assert (invitation.state, message.kind, message.to_address, message.language) == (
        "open",
        "invitation",
        ADDRESS,
        "de",
    )
    assert invitation.sent_at is not None
    assert Invitation.PLACEHOLDER in message.body
    secret = texts.personal_link(invitation).rpartition(".")[2]
    row = OutboxMessage.objects.values().get() | Invitation.objects.values().get()
    assert secret not in str(row) + "".join(AuditEntry.objects.values_list("data", flat=True))


def test_an_open_link_has_no_address_to_send_to(cast: Cast) -> None:
    with pytest.raises(Refused, match="no address"):
        services.send_invitation(invitation=draft(cast, is_open_link=True, max_uses=3), actor=cast["admin-agent"])
    assert Invitation.objects.get().state == State.DRAFT


def test_resend_keeps_link_and_end(cast: Cast) -> None:
    invitation = services.send_invitation(invitation=draft(cast), actor=cast["admin-agent"])
    before = (invitation.expires_at, invitation.link_version)
    with clock.fixed(clock.now() + timedelta(days=3)):
        again = services.resend_invitation(invitation=invitation, actor=cast["sales-agent"])
    assert (again.expires_at, again.link_version) == before
    assert OutboxMessage.objects.count() == 2


def test_resend_needs_an_open_invitation_and_the_right(cast: Cast) -> None:
    with pytest.raises(Refused, match="not open"):
        services.resend_invitation(invitation=draft(cast), actor=cast["admin-agent"])
    with pytest.raises(PermissionDenied):
        services.resend_invitation(invitation=opened(cast), actor=cast["helpdesk-agent"])


def test_so_many_invitations_per_user_and_day(cast: Cast, settings: object) -> None:
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 2
    now = clock.now().replace(hour=12)
    with clock.fixed(now):
        opened(cast)
        last = opened(cast)
        third = draft(cast)
        with pytest.raises(TooMany):
            services.open_invitation(invitation=third, actor=cast["admin-agent"])
        services.open_invitation(invitation=last, actor=cast["admin-agent"])  # open already: counts nothing
        third.refresh_from_db()
        assert third.state == State.DRAFT
        opened(cast, by="sales-agent")
    with clock.fixed(now + timedelta(days=1)):
        assert services.open_invitation(invitation=third, actor=cast["admin-agent"]).state == State.OPEN


def test_a_customer_that_blocked_the_partner_gets_no_invitation(cast: Cast) -> None:
    first = accept(opened(cast), cast["global-admin"]).pair
    services.block_partner(pair=first, actor=cast["global-admin"])
    with pytest.raises(Refused, match="doesn't accept requests"):
        opened(cast)
    services.unblock_partner(pair=first, actor=cast["global-admin"])
    assert opened(cast).state == State.OPEN


def test_replace_link_kills_the_old_one(cast: Cast) -> None:
    invitation = opened(cast)
    services.replace_link(invitation=invitation, actor=cast["admin-agent"])
    with pytest.raises(BadLink):
        accept(invitation, cast["global-admin"], version=1)
    assert accept(invitation, cast["global-admin"], version=2).pair.is_in_force


def test_cancel_is_by_those_who_may_and_final(cast: Cast) -> None:
    invitation = opened(cast)
    with pytest.raises(PermissionDenied):
        services.cancel_invitation(invitation=invitation, actor=cast["helpdesk-agent"])
    for _again in range(2):
        row = services.cancel_invitation(invitation=invitation, actor=cast["partner-admin"])
    assert (row.state, row.ended_by) == ("cancelled", cast["partner-admin"])
    assert AuditEntry.objects.filter(action="invitation.cancelled").count() == 1
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["global-admin"])
    assert closed.value.obstacle.kind == "cancelled"


# ── accepting ──


def test_acceptance_without_dap_does_all_of_it_at_once(cast: Cast) -> None:
    invitation = opened(cast)
    acceptance = accept(invitation, cast["global-admin"])
    invitation.refresh_from_db()
    pair = Pair.objects.get()
    assert acceptance == services.Acceptance(pair, is_already_in_place=False)
    assert pair.is_in_force
    assert (pair.partner, pair.customer) == (cast.fabrikam, cast.contoso)
    assert Relationship.objects.get().partner_type == "reseller"
    assert not DapGrant.objects.exists()
    assert DeviceConsent.objects.get().state == "given"
    assert PairGrant.objects.get().group.security_group.kind == "everyone"
    assert (invitation.state, invitation.uses, invitation.ended_by) == ("accepted", 1, cast["global-admin"])
    assert access.decide(cast["sales-agent"], Can.CUSTOMERS_VIEW, pair).allowed
    assert not access.decide(cast["admin-agent"], Can.USERS_VIEW, cast.contoso).allowed
    for tenant in (cast.fabrikam, cast.contoso):
        assert AuditEntry.objects.filter(tenant=tenant, action="invitation.accepted").count() == 1
        assert audit.verify(tenant.pk) is None


def test_acceptance_with_dap_gives_the_agents_their_roles(cast: Cast) -> None:
    accept(opened(cast, with_dap=True), cast["global-admin"])
    admin, helpdesk, sales = (
        access.rights(cast[name], cast.contoso) for name in ("admin-agent", "helpdesk-agent", "sales-agent")
    )
    assert [path.role_name for path in admin.roles] == ["Global Administrator"]
    assert [path.role_name for path in helpdesk.roles] == ["Helpdesk Administrator"]
    assert not sales.roles


def test_notices_go_to_sender_admin_agents_and_global_administrators(cast: Cast) -> None:
    accept(opened(cast, by="sales-agent"), cast["billing-admin"])
    told = set(OutboxMessage.objects.filter(kind="invitation_accepted").values_list("to_user", flat=True))
    assert told == {cast["sales-agent"].pk, cast["admin-agent"].pk, cast["global-admin"].pk}


def test_billing_administrator_accepts_without_dap_and_consent_stays_pending(cast: Cast) -> None:
    accept(opened(cast), cast["billing-admin"])
    consent = DeviceConsent.objects.get()
    assert (consent.state, consent.given_by) == ("pending", None)
    with pytest.raises(PermissionDenied):
        services.give_device_consent(consent=consent, actor=cast["billing-admin"])
    for _again in range(2):
        given = services.give_device_consent(consent=consent, actor=cast["global-admin"])
    assert (given.state, given.given_by) == ("given", cast["global-admin"])
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="device_consent.given").count() == 1


def test_billing_administrator_cannot_accept_or_decline_dap(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    for answer in (accept, decline):
        with pytest.raises(PermissionDenied):
            answer(invitation, cast["billing-admin"])
    assert not Pair.objects.exists()
    assert not InvitationAnswer.objects.exists()


@pytest.mark.parametrize("who", ["user", "user-admin", "helpdesk-admin", "delegation-admin"])
def test_other_roles_accept_nothing(cast: Cast, who: str) -> None:
    with pytest.raises(PermissionDenied):
        accept(opened(cast), cast[who])


def test_a_partner_cannot_accept_for_itself(cast: Cast) -> None:
    with pytest.raises(Closed) as closed:
        accept(opened(cast), cast["partner-admin"])
    assert closed.value.obstacle.kind == "own"


def test_agents_cannot_accept_on_behalf(dap_cast: Cast) -> None:
    with pytest.raises(Closed) as closed:  # their home is the partner itself; nobody accepts for another tenant
        accept(open_link(dap_cast), dap_cast["admin-agent"])
    assert closed.value.obstacle.kind == "own"


def test_an_account_made_by_the_partner_cannot_accept_for_it(cast: Cast) -> None:
    made = factories.person(
        cast.contoso, "second-admin", "Global Administrator", domain="contoso.example", made_by_partner=cast.fabrikam
    )
    with pytest.raises(Refused, match="made by the partner"):
        accept(opened(cast), made)
    by_other = services.create_invitation(
        partner=cast.litware, actor=cast["stranger-partner"], customer_name="C", customer_address=ADDRESS
    )
    services.open_invitation(invitation=by_other, actor=cast["stranger-partner"])
    assert accept(by_other, made).pair.partner == cast.litware


def test_a_role_given_by_the_partner_cannot_accept_for_it(cast: Cast) -> None:
    promoted = factories.person(cast.contoso, "promoted", "Global Administrator", domain="contoso.example")
    promoted.role_assignments.update(assigned_by_partner=cast.fabrikam)
    with pytest.raises(Refused, match="made by the partner"):
        accept(opened(cast), promoted)
    assert promoted not in offers.approvers(opened(cast), cast.contoso)


@pytest.mark.parametrize("change", ["approved_at", "disabled_at"])
def test_a_partner_that_is_not_in_force_cannot_be_accepted(cast: Cast, change: str) -> None:
    invitation = opened(cast)
    value = None if change == "approved_at" else clock.now()
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(**{change: value})
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["global-admin"])
    assert closed.value.obstacle.kind == "partner"


def test_a_blocked_partner_cannot_be_accepted_until_unblocked(cast: Cast) -> None:
    pair = accept(opened(cast), cast["global-admin"]).pair
    asked = opened(cast, with_dap=True)
    services.block_partner(pair=pair, actor=cast["global-admin"])
    with pytest.raises(Closed) as closed:
        accept(asked, cast["global-admin"])
    assert closed.value.obstacle.kind == "blocked"
    services.unblock_partner(pair=pair, actor=cast["global-admin"])
    assert not accept(asked, cast["global-admin"]).is_already_in_place


def test_only_the_customers_global_administrator_blocks(cast: Cast) -> None:
    pair = accept(opened(cast), cast["global-admin"]).pair
    for who in ("billing-admin", "admin-agent"):
        with pytest.raises(PermissionDenied):
            services.block_partner(pair=pair, actor=cast[who])
    assert Pair.objects.get().blocked_at is None


def test_a_domain_limited_invitation_is_for_that_domain_only(cast: Cast) -> None:
    invitation = opened(cast, limited_to_domain="Contoso.Example")
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["stranger-customer"])
    assert closed.value.obstacle.kind == "domain"
    assert accept(invitation, cast["global-admin"]).pair.customer == cast.contoso


def test_an_unlimited_named_invitation_may_be_accepted_by_another_organisation(cast: Cast) -> None:
    assert accept(opened(cast), cast["stranger-customer"]).pair.customer == cast.woodgrove


def test_accepting_twice_gives_one_result(cast: Cast) -> None:
    invitation = opened(cast)
    accept(invitation, cast["global-admin"])
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["billing-admin"])
    assert closed.value.obstacle.kind == "accepted_by_us"
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["stranger-customer"])
    assert closed.value.obstacle.kind == "accepted"
    assert (Relationship.objects.count(), InvitationAnswer.objects.count()) == (1, 1)


def test_what_is_already_in_place_uses_nothing_up_and_never_removes_dap(cast: Cast) -> None:
    accept(opened(cast, with_dap=True), cast["global-admin"])
    without = opened(cast)
    for _again in range(2):
        assert accept(without, cast["global-admin"]).is_already_in_place
    without.refresh_from_db()
    assert (without.state, without.uses) == ("open", 0)
    assert DapGrant.objects.get().ended_at is None
    assert InvitationAnswer.objects.get(invitation=without).is_already_in_place
    assert Relationship.objects.count() == 1


def test_already_in_place_may_be_followed_by_a_real_acceptance(cast: Cast) -> None:
    pair = accept(opened(cast), cast["global-admin"]).pair
    waiting = opened(cast)
    assert accept(waiting, cast["global-admin"]).is_already_in_place
    services.end_relationship(relationship=pair.relationships.get(), actor=cast["admin-agent"])
    assert not accept(waiting, cast["global-admin"]).is_already_in_place
    waiting.refresh_from_db()
    assert (waiting.state, waiting.uses) == ("accepted", 1)


def test_dap_may_be_asked_for_later(cast: Cast) -> None:
    accept(opened(cast), cast["global-admin"])
    assert not accept(opened(cast, with_dap=True), cast["global-admin"]).is_already_in_place
    assert DapGrant.objects.filter(ended_at__isnull=True).count() == 1
    assert Relationship.objects.count() == 1


def test_a_global_administrators_acceptance_completes_a_pending_consent(cast: Cast) -> None:
    accept(opened(cast), cast["billing-admin"])
    assert not accept(opened(cast), cast["global-admin"]).is_already_in_place
    assert DeviceConsent.objects.get().state == "given"


def test_an_open_link_takes_one_answer_per_tenant_until_used_up(cast: Cast) -> None:
    invitation = open_link(cast, most=2)
    accept(invitation, cast["global-admin"])
    invitation.refresh_from_db()
    assert (invitation.state, invitation.uses) == ("open", 1)
    with pytest.raises(Closed):
        accept(invitation, cast["global-admin"])
    accept(invitation, cast["stranger-customer"])
    invitation.refresh_from_db()
    assert (invitation.state, invitation.uses) == ("accepted", 2)
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["stranger-partner-admin"])
    assert closed.value.obstacle.kind == "accepted"


def test_a_changed_offer_is_not_accepted_unseen(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    seen = offers.offer(invitation, cast.contoso).digest
    Tenant.objects.filter(pk=cast.fabrikam.pk).update(display_name="Another name")
    with pytest.raises(OfferChanged):
        accept(invitation, cast["global-admin"], digest=seen)
    assert not Pair.objects.exists()
    assert accept(invitation, cast["global-admin"]).pair.is_in_force


def test_other_partners_with_the_same_rights_are_part_of_the_offer(cast: Cast) -> None:
    ours = opened(cast, with_dap=True)
    before = offers.offer(ours, cast.contoso)
    theirs = services.create_invitation(
        partner=cast.litware, actor=cast["stranger-partner"], customer_name="C", customer_address=ADDRESS, with_dap=True
    )
    accept(services.open_invitation(invitation=theirs, actor=cast["stranger-partner"]), cast["global-admin"])
    after = offers.offer(ours, cast.contoso)
    assert (before.others, after.others) == ((), ("Litware Advisors",))
    assert before.digest != after.digest
    assert offers.offer(opened(cast), cast.woodgrove).others == ()


# ── declining, forwarding ──


def test_declining_is_final_and_told(cast: Cast) -> None:
    invitation = opened(cast, by="sales-agent")
    decline(invitation, cast["billing-admin"])
    invitation.refresh_from_db()
    assert (invitation.state, invitation.uses) == ("declined", 0)
    with pytest.raises(Closed) as closed:
        accept(invitation, cast["global-admin"])
    assert closed.value.obstacle.kind == "declined_by_us"
    told = OutboxMessage.objects.filter(kind="invitation_declined").values_list("to_user", flat=True)
    assert set(told) == {cast["sales-agent"].pk, cast["admin-agent"].pk, cast["global-admin"].pk}


def test_declining_an_open_link_ends_it_for_that_tenant_only(cast: Cast) -> None:
    invitation = open_link(cast)
    decline(invitation, cast["global-admin"])
    with pytest.raises(Closed):
        accept(invitation, cast["global-admin"])
    assert accept(invitation, cast["stranger-customer"]).pair.customer == cast.woodgrove


def test_forwarding_mails_an_approver_once_and_gives_nothing(cast: Cast) -> None:
    invitation = opened(cast, with_dap=True)
    for _again in range(2):
        services.forward_invitation(invitation=invitation, actor=cast["user"], version=1, to=cast["global-admin"])
    message = OutboxMessage.objects.get(kind="invitation_forwarded")
    assert message.to_user == cast["global-admin"]
    assert InvitationForward.objects.count() == 1
    with pytest.raises(PermissionDenied):
        accept(invitation, cast["user"])


@pytest.mark.parametrize("whom", ["billing-admin", "user", "stranger-customer", "admin-agent"])
def test_forwarding_goes_to_those_who_can_accept_it_only(cast: Cast, whom: str) -> None:
    with pytest.raises(Refused, match="can't accept"):
        services.forward_invitation(
            invitation=opened(cast, with_dap=True), actor=cast["user"], version=1, to=cast[whom]
        )
    assert not OutboxMessage.objects.filter(kind="invitation_forwarded").exists()


# ── after the acceptance ──


def test_ending_the_relationship_ends_everything_of_the_pair(cast: Cast) -> None:
    pair = accept(opened(cast, with_dap=True), cast["global-admin"]).pair
    relationship = pair.relationships.get()
    for _again in range(2):
        services.end_relationship(relationship=relationship, actor=cast["admin-agent"], reason="moved away")
    pair.refresh_from_db()
    assert not pair.is_in_force
    assert DapGrant.objects.get().ended_at is not None
    assert DeviceConsent.objects.get().state == "ended"
    assert not access.is_insider(cast["admin-agent"], cast.contoso.pk)
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="relationship.ended").count() == 1
    told = OutboxMessage.objects.filter(kind="relationship_ended").values_list("to_user", flat=True)
    assert set(told) == {cast["admin-agent"].pk, cast["global-admin"].pk}


@pytest.mark.parametrize("who", ["sales-agent", "helpdesk-agent", "partner-user"])
def test_only_admin_agents_and_the_partners_administrators_end_relationships(cast: Cast, who: str) -> None:
    pair = accept(opened(cast), cast["global-admin"]).pair
    with pytest.raises(PermissionDenied):
        services.end_relationship(relationship=pair.relationships.get(), actor=cast[who])
    with pytest.raises(Http404):
        services.end_relationship(relationship=pair.relationships.get(), actor=cast["global-admin"])
    pair.refresh_from_db()
    assert pair.is_in_force


def test_a_relationship_begins_again_by_a_new_invitation_only(cast: Cast) -> None:
    pair = accept(opened(cast, with_dap=True), cast["global-admin"]).pair
    services.end_relationship(relationship=pair.relationships.get(), actor=cast["partner-admin"])
    assert not access.is_insider(cast["admin-agent"], cast.contoso.pk)
    accept(opened(cast), cast["global-admin"])
    pair.refresh_from_db()
    assert pair.is_in_force
    assert not access.decide(cast["admin-agent"], Can.USERS_VIEW, cast.contoso).allowed
    assert Relationship.objects.filter(pair=pair).count() == 2


def test_search_finds_the_partners_own_invitations_by_words(cast: Cast) -> None:
    from portal import search

    row = draft(cast, customer_name="Northwind 貿易", customer_address="it@northwind.example")
    rows = Invitation.objects.all()
    for text in ("north", "貿", "northwind.example"):
        assert list(search.matching(rows, [cast.fabrikam.pk], text)) == [row]
        assert list(search.matching(rows, [cast.litware.pk], text)) == []
