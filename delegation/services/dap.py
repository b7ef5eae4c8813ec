"""Every write about DAP and about which groups work for a customer (DOMAIN §2, §4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from delegation import sources
from delegation.models import DapGrant
from delegation.queries import active_dap
from portal import access, audit, clock, notices
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Pair, SecurityGroup, User
from portal.writes import writes
from relationships.catalogue import partner_types
from relationships.models import Invitation

_KINDS = {
    DapGrant.EndedBySide.CUSTOMER: "dap_removed",
    DapGrant.EndedBySide.PARTNER: "dap_given_up",
}


def grant_with_acceptance(invitation: Invitation, pair: Pair, actor: User) -> bool:
    """Grant DAP if the accepted invitation asks for it and the pair has none; True if it was granted.

    Part of an acceptance, whose right to grant roles the caller has checked (DOMAIN §3).
    """
    if not invitation.with_dap or active_dap(pair) is not None:
        return False
    grant = DapGrant.objects.create(
        pair=pair,
        partner_id=pair.partner_id,
        customer_id=pair.customer_id,
        invitation=invitation,
        started_at=clock.now(),
        granted_by=actor,
    )
    sources.index_dap(pair, grant.source)
    audit.record("dap.granted", actor=actor, tenant=pair.customer_id, also=[pair.partner_id], target=grant)
    return True


def end_with_relationship(pair: Pair, actor: User, remaining: list[str]) -> None:
    """End DAP with the last type that may carry it (DOMAIN §4); part of the write that ended the relationship."""
    grant = active_dap(pair)
    if grant is None or any(partner_types()[key].may_carry_dap for key in remaining):
        return
    _end(grant.pk, actor, DapGrant.EndedBySide.RELATIONSHIP, "")
    audit.record("dap.removed", actor=actor, tenant=pair.customer_id, also=[pair.partner_id], target=grant)


@writes
def remove_dap(*, grant: DapGrant, actor: User, reason: str = "") -> DapGrant:
    """End a partner's delegated admin privileges in the customer's tenant, now; the relationship stays.

    Ending an ended grant changes nothing, so a repeated request is harmless. The reason is shown to the partner.
    Raises PermissionDenied unless actor is a Global Administrator of the customer's own (DOMAIN §4).
    """
    return _end_by(grant, actor, Capability.PARTNERS_REMOVE_DAP, DapGrant.EndedBySide.CUSTOMER, reason)


@writes
def give_up_dap(*, grant: DapGrant, actor: User, reason: str = "") -> DapGrant:
    """End it from the partner's side. Raises PermissionDenied without `dap.give_up` for this customer."""
    return _end_by(grant, actor, Capability.DAP_GIVE_UP, DapGrant.EndedBySide.PARTNER, reason)


def remove_dap_too(pair: Pair, actor: User) -> None:
    """Part of a write on a locked pair that offers it: the pair's DAP ends as by `remove_dap`, if there is one.

    Raises PermissionDenied without `partners.remove_dap`.
    """
    grant = active_dap(pair)
    if grant is not None:
        _end_by(grant, actor, Capability.PARTNERS_REMOVE_DAP, DapGrant.EndedBySide.CUSTOMER, "")


def _end_by(grant: DapGrant, actor: User, capability: Capability, side: DapGrant.EndedBySide, reason: str) -> DapGrant:
    locked = DapGrant.objects.select_for_update(of=("self",)).select_related("pair").get(pk=grant.pk)
    decision = access.require(actor, capability, locked)
    if locked.ended_at is not None:
        return locked
    ended = _end(locked.pk, actor, side, reason)
    audit.record(
        _KINDS[side].replace("_", ".", 1),
        actor=actor,
        tenant=locked.customer_id,
        also=[locked.partner_id],
        target=locked,
        decision=decision,
        reason=reason,
    )
    _tell(_KINDS[side], locked.pair, reason)
    return ended


def _end(grant_id: UUID, actor: User, side: DapGrant.EndedBySide, reason: str) -> DapGrant:
    grant = DapGrant.objects.select_for_update().get(pk=grant_id)
    grant.ended_at = max(clock.now(), grant.started_at)
    grant.ended_by = actor
    grant.ended_by_side = side
    grant.end_reason = reason
    grant.save(update_fields=["ended_at", "ended_by", "ended_by_side", "end_reason"])
    access.revoke_source(grant.source)
    return grant


def _tell(kind: str, pair: Pair, reason: str) -> None:
    """DOMAIN §16: an ending goes to the partner's Admin agents and the customer's Global Administrators."""
    partner, customer = pair.partner, pair.customer
    about: dict[str, Any] = {"partner": partner.display_name, "customer": customer.display_name, "reason": reason}
    notices.tell(
        kind,
        notices.agents(partner.pk),
        tenant=partner,
        about=pair,
        path=reverse("customer", args=[partner.slug, pair.pk]),
        is_partner=True,
        **about,
    )
    notices.tell(
        kind,
        notices.global_administrators(customer.pk),
        tenant=customer,
        about=pair,
        path=reverse("partner-relationship", args=[customer.slug, pair.pk]),
        is_partner=False,
        **about,
    )


@writes
def limit_groups(*, pair: Pair, groups: Collection[SecurityGroup] | None, actor: User) -> None:
    """Choose which of the partner's groups work for this customer; None: all of them (DOMAIN §2).

    It only narrows: a group that has no role here by DAP or GDAP (or later Azure) gets none by being chosen.
    Choosing the same again changes nothing. Raises PermissionDenied without `customers.limit_groups` for this
    customer, Refused for no group at all or one that isn't the partner's.
    """
    pair = Pair.objects.select_for_update(of=("self",)).select_related("customer").get(pk=pair.pk)
    decision = access.require(actor, Capability.CUSTOMERS_LIMIT_GROUPS, pair)
    chosen = _checked_groups(pair, groups)
    before = sources.groups_working_for(pair)
    if {group.pk for group in before} == {group.pk for group in chosen}:
        return
    access.revoke_pair(pair)
    source = sources.DEFAULT if groups is None else sources.LIMIT
    access.grant_pair(pair, [group.pk for group in chosen], source=source)
    # Locked: one that is being removed must not get its paths back.
    sources.renew_dap(DapGrant.objects.select_for_update().filter(pair=pair, ended_at__isnull=True).first())
    audit.record(
        "relationship.groups_limited",
        actor=actor,
        tenant=pair.partner_id,
        also=[pair.customer_id],
        target=pair,
        decision=decision,
        before={"groups": sorted(group.name for group in before)},
        after={"groups": sorted(group.name for group in chosen)},
    )


def _checked_groups(pair: Pair, groups: Collection[SecurityGroup] | None) -> list[SecurityGroup]:
    if groups is None:
        return [SecurityGroup.objects.get(tenant_id=pair.partner_id, kind=SecurityGroup.Kind.EVERYONE)]
    if not groups:
        raise Refused(_("Choose at least one group, or all of them."), field="groups")
    if any(group.tenant_id != pair.partner_id or group.kind in SecurityGroup.HIDDEN for group in groups):
        raise Refused(_("Only groups of your own organisation can work for a customer."), field="groups")
    return list(groups)
