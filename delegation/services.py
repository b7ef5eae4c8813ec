"""Every write about DAP (DOMAIN §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from delegation import sources
from delegation.models import DapGrant
from portal import access, audit, clock, hooks
from portal.catalogue import Capability
from portal.models import Pair, User
from portal.writes import writes
from relationships.catalogue import partner_types
from relationships.models import Invitation


def active_dap(pair: Pair) -> DapGrant | None:
    """The pair's DAP grant in force, if there is one."""
    return DapGrant.objects.filter(pair=pair, ended_at__isnull=True).first()


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
    """End DAP with the last type that may carry it (DOMAIN §4)."""
    grant = active_dap(pair)
    if grant is None or any(partner_types()[key].may_carry_dap for key in remaining):
        return
    _end(grant.pk, actor, DapGrant.EndedBySide.RELATIONSHIP, "")
    audit.record("dap.removed", actor=actor, tenant=pair.customer_id, also=[pair.partner_id], target=grant)


@writes
def remove_dap(*, grant: DapGrant, actor: User, reason: str = "") -> DapGrant:
    """End a partner's delegated admin privileges in the customer's tenant, now; the relationship stays.

    Ending an ended grant changes nothing, so a repeated request is harmless.
    Raises PermissionDenied unless actor is a Global Administrator of the customer's own (DOMAIN §4).
    """
    return _end_by(grant, actor, Capability.PARTNERS_REMOVE_DAP, DapGrant.EndedBySide.CUSTOMER, reason)


@writes
def give_up_dap(*, grant: DapGrant, actor: User, reason: str = "") -> DapGrant:
    """End it from the partner's side. Raises PermissionDenied without `dap.give_up` for this customer."""
    return _end_by(grant, actor, Capability.DAP_GIVE_UP, DapGrant.EndedBySide.PARTNER, reason)


def _end_by(grant: DapGrant, actor: User, capability: Capability, side: DapGrant.EndedBySide, reason: str) -> DapGrant:
    locked = DapGrant.objects.select_for_update(of=("self",)).select_related("pair").get(pk=grant.pk)
    decision = access.require(actor, capability, locked)
    if locked.ended_at is not None:
        return locked
    ended = _end(locked.pk, actor, side, reason)
    audit.record(
        "dap.removed" if side == DapGrant.EndedBySide.CUSTOMER else "dap.given_up",
        actor=actor,
        tenant=locked.customer_id,
        also=[locked.partner_id],
        target=locked,
        decision=decision,
        reason=reason,
    )

    return ended


def _end(grant_id: Any, actor: User, side: DapGrant.EndedBySide, reason: str) -> DapGrant:
    grant = DapGrant.objects.select_for_update().get(pk=grant_id)
    grant.ended_at = max(clock.now(), grant.started_at)
    grant.ended_by = actor
    grant.ended_by_side = side
    grant.end_reason = reason
    grant.save(update_fields=["ended_at", "ended_by", "ended_by_side", "end_reason"])
    access.revoke_source(grant.source)
    return grant


def standing(pair: Pair) -> dict[str, str]:
    """What the partner has already, as part of what an acceptance page shows."""
    grant = active_dap(pair)
    return {"dap": str(grant.pk)} if grant else {}


def residuals(pair: Pair) -> Iterable[hooks.Residual]:
    """DAP itself, where something else is being removed."""
    grant = active_dap(pair)
    if grant is not None:
        yield hooks.Residual(kind="dap", label="DAP", detail="AdminAgents, HelpdeskAgents")
