"""The reseller's answer to a request that an indirect provider makes through it (DOMAIN §6)."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext_lazy as _

from delegation import gdap_resellers
from delegation.gdap_resellers import Answer
from delegation.models import GdapRelationship
from delegation.services import gdap_notices, gdap_requests
from delegation.services import gdap_rows as rows
from delegation.services.gdap_rows import Reason, Status
from portal import access, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import User
from portal.writes import writes


@writes
def approve_for_customer(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """*Approve for your customer*: from now on the customer may see and answer it. Repeating changes nothing.

    Raises PermissionDenied without `gdap.request` of the reseller for this customer, Http404 for everybody else's
    people, Refused where it was rejected, doesn't wait any more, or the customer isn't the reseller's now.
    """
    row, decision = _locked(relationship, actor)
    if row.reseller_answer == Answer.APPROVED:
        return row
    _require_waiting(row)
    _answer(row, actor, Answer.APPROVED)
    row.save(update_fields=["reseller_answer", "reseller_answered_at", "reseller_answered_by"])
    rows.record("gdap.reseller_approved", row, actor, decision)
    gdap_notices.tell_partner("gdap_reseller_answered", row, reseller=str(row.reseller), is_approved=True)
    return row


@writes
def reject_for_customer(*, relationship: GdapRelationship, actor: User, reason: str = "") -> GdapRelationship:
    """End the request, for good; the customer never hears of it. Repeating changes nothing.

    Raises as `approve_for_customer`.
    """
    row, decision = _locked(relationship, actor)
    if row.reseller_answer == Answer.REJECTED:
        return row
    _require_waiting(row)
    _answer(row, actor, Answer.REJECTED)
    gdap_requests.close_pending(row, actor, Reason.DECLINED, reason)
    rows.record("gdap.reseller_rejected", row, actor, decision, reason=reason)
    told = {"reseller": str(row.reseller), "is_approved": False, "reason": reason}
    gdap_notices.tell_partner("gdap_reseller_answered", row, **told)
    return row


def _locked(relationship: GdapRelationship, actor: User) -> tuple[GdapRelationship, Decision]:
    row = rows.locked(relationship)
    if row.reseller_id is None or row.status == Status.CREATED:
        raise Http404
    return row, access.require(actor, Capability.GDAP_REQUEST, gdap_resellers.pair_of(row))


def _require_waiting(row: GdapRelationship) -> None:
    rows.require_status(row, Status.APPROVAL_PENDING)
    if row.reseller_answer != Answer.PENDING:
        raise Refused(_("You have answered this request already."))
    gdap_requests.require_reseller(row)


def _answer(row: GdapRelationship, actor: User, answer: Answer) -> None:
    row.reseller_answer, row.reseller_answered_at, row.reseller_answered_by = answer, clock.now(), actor
