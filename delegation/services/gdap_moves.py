"""The move of a customer from DAP to GDAP: ask, and give DAP up once GDAP is in its place (DOMAIN §7). No gap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from delegation import catalogue, gdap_move, gdap_move_losses
from delegation.models import DapGrant, GdapRelationship, GdapTemplateVersion
from delegation.queries import active_dap
from delegation.services import gdap_assignments, gdap_names, gdap_requests
from delegation.services.dap import give_up_dap
from portal import access, clock
from portal.catalogue import Capability, rules
from portal.errors import Refused
from portal.models import Pair, SecurityGroup, User
from portal.writes import writes

Status = GdapRelationship.Status


class Blocked(Refused):
    """DAP stays: `code` says why (`pending`, `in_place`, `no_dap`, `not_in_force`, `not_assigned`, `left_out`,
    `loses`).
    """

    def __init__(self, text: object, code: str, **values: Any) -> None:
        super().__init__(text, **values)
        self.code = code


@writes
def request_move(
    *,
    pair: Pair,
    actor: User,
    roles: Mapping[str, str],
    plans: Sequence[tuple[SecurityGroup, Collection[str]]],
    duration_days: int = catalogue.MOST_DAYS,
    auto_extend: bool = False,
    template_version: GdapTemplateVersion | None = None,
) -> GdapRelationship:
    """Ask a customer with DAP for these roles, with groups planned: the request names the customer and is locked.

    Raises PermissionDenied without `gdap.request` (and `gdap.assign`), Blocked where there is no DAP and where GDAP
    is in force or asked for already, Refused as `create_request`.
    """
    row = _locked(pair)
    if active_dap(row) is None:
        raise Blocked(_("There is no delegated admin to move from."), "no_dap")
    gdap = GdapRelationship.objects.filter(pair=row)
    if gdap.in_force(clock.now()).exists():
        raise Blocked(_("GDAP is in force with this customer. Amend that relationship instead."), "in_place")
    if gdap.pending(clock.now()).exists():
        raise Blocked(_("A request waits for this customer's answer already."), "pending")
    request = gdap_requests.create_request(
        partner=row.partner,
        actor=actor,
        display_name=gdap_names.free_name(row.partner, f"{row.customer_name} · GDAP"),
        duration_days=duration_days,
        auto_extend=auto_extend,
        roles=roles,
        customer=row.customer,
        language=row.customer.language,
        template_version=template_version,
    )
    for group, role_ids in plans:
        gdap_assignments.plan_assignment(relationship=request, group=group, role_ids=role_ids, actor=actor)
    return gdap_requests.lock_request(relationship=request, actor=actor)


@writes
def give_up_for_gdap(*, pair: Pair, actor: User, reason: str = "", is_confirmed: bool = False) -> DapGrant | None:
    """Give DAP up where GDAP has taken its place; None where it is gone already, so a repeat is harmless.

    Pair and relationships stay locked meanwhile: nobody can end them between the check and the act. Raises
    PermissionDenied without `dap.give_up`; Blocked where no GDAP is in force or nobody has a role by it, and, unless
    it is confirmed, where somebody with DAP would be left with nothing or without what they used lately.
    """
    row = _locked(pair)
    grant = active_dap(row)
    access.require(actor, Capability.DAP_GIVE_UP, row)
    if grant is None:
        return None
    in_force = GdapRelationship.objects.select_for_update(of=("self",)).filter(pair=row, status=Status.ACTIVE)
    if not [one for one in in_force.order_by("id") if one.status_now == Status.ACTIVE]:
        raise Blocked(_("No GDAP is in force with this customer: giving DAP up would leave a gap."), "not_in_force")
    if not gdap_move.is_assigned(row):
        raise Blocked(_("Nobody has roles by GDAP here yet: giving DAP up would leave a gap."), "not_assigned")
    if not is_confirmed:
        _require_no_loss(row)
    return give_up_dap(grant=grant, actor=actor, reason=reason)


def _require_no_loss(pair: Pair) -> None:
    losses = gdap_move_losses.compare(pair)
    left_out = sum(loss.people for loss in losses if loss.is_left_out)
    if left_out:
        message = ngettext(
            "%(count)d person with DAP would be left with nothing.",
            "%(count)d people with DAP would be left with nothing.",
            left_out,
        )
        raise Blocked(message, "left_out", count=left_out)
    tasks = sorted({str(task) for loss in losses for task in loss.lost_used})
    if tasks:
        text = _("Lost, although it was used in the last 90 days: %(tasks)s.")
        raise Blocked(text, "loses", tasks=[_source(Capability(task)) for task in tasks])


def _source(task: Capability) -> str:
    """The task's words as they are marked for translation: a job's result is read in any language."""
    return rules()[task].meaning


def _locked(pair: Pair) -> Pair:
    rows = Pair.objects.select_for_update(of=("self",)).select_related("partner", "customer")
    return rows.get(pk=pair.pk)
