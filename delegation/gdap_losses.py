"""What an ending of GDAP, or of a part of it, ends and what remains, in words for its page (DOMAIN §6, §9)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from delegation import endings, gdap_pairs, gdap_standing, queries, reach, residuals
from delegation.gdap_standing import Holding
from delegation.models import GdapAssignment, GdapRelationship
from portal import hooks
from portal.models import Pair
from relationships import catalogue as types

Item = dict[str, str]
State = GdapAssignment.State


def of_relationship(row: GdapRelationship, *, for_partner: bool) -> dict[str, Any]:
    """`ends`, `remains` and `fallbacks` (who has DAP again) of ending all of it."""
    holdings = [item for item in gdap_standing.holdings_of(row) if item.assignment.state == State.ACTIVE]
    in_force = [line for line in gdap_standing.role_lines(row, holdings) if not line.is_over]
    ends = [_role_item(line.role.label, [item for item in holdings if line.role in item.roles]) for line in in_force]
    sessions = _("Their people are refused with the next request, also where they are signed in now.")
    if for_partner:
        sessions = _("Our people are refused with the next request, also where they are signed in now.")
    ends.append({"label": _("Work that is open"), "detail": sessions})
    ends += _service_requests(row, for_partner=for_partner)
    return _answer(row, ends, [item.assignment for item in holdings], is_whole=True, for_partner=for_partner)


def of_roles(row: GdapRelationship, role_ids: Collection[str]) -> dict[str, Any]:
    """The same of giving some roles back."""
    holdings = gdap_standing.holdings_of(row)
    ends = [
        _role_item(role.label, [item for item in holdings if role in item.roles])
        for role in gdap_standing.roles(role_ids)
    ]
    emptied = [item.assignment for item in holdings if not set(item.assignment.role_ids) - set(role_ids)]
    ends += [
        {"label": item.group_name, "detail": _("This group has no role left here: its assignment ends.")}
        for item in emptied
    ]
    return _answer(row, ends, emptied, for_partner=True, without=role_ids)


def of_assignment(row: GdapRelationship, holding: Holding) -> dict[str, Any]:
    """The same of taking its roles from one group."""
    names, count = gdap_standing.names_of(row, [holding.assignment.group_id])
    ends = [{"label": role.label, "detail": holding.group} for role in holding.roles]
    if count > len(names):
        names.append(_("and %(count)d more") % {"count": count - len(names)})
    ends.append({"label": _people(count), "detail": ", ".join(names)})
    others = [item for item in gdap_standing.holdings_of(row) if item.assignment.pk != holding.assignment.pk]
    answer = _answer(row, ends, [holding.assignment], for_partner=True)
    answer["remains"] = [
        {"label": item.group, "detail": ", ".join(role.label for role in item.roles)} for item in others
    ] + answer["remains"]
    return answer


def _service_requests(row: GdapRelationship, *, for_partner: bool) -> list[Item]:
    """That these can't be opened on behalf any more, where no other right in the tenant is left."""
    pair = row.pair
    if pair is None or queries.active_dap(pair) is not None or gdap_pairs.in_force(pair).exclude(pk=row.pk).exists():
        return []
    detail = _("They can no longer open service requests for you.")
    if for_partner:
        detail = _("We can no longer open service requests for this customer.")
    return [{"label": _("Service requests on behalf"), "detail": detail}]


def _answer(
    row: GdapRelationship,
    ends: list[Item],
    assignments: list[GdapAssignment],
    *,
    for_partner: bool,
    is_whole: bool = False,
    without: Collection[str] = (),
) -> dict[str, Any]:
    back = reach.fallbacks(row.pair, [item.source for item in assignments])
    remains = []
    if not is_whole:
        held = {item.role_id for item in row.roles.all() if item.is_granted is not False and item.removed_at is None}
        names = [role.label for role in gdap_standing.roles(held - set(without))]
        remains.append({"label": _("Roles of this relationship"), "detail": ", ".join(names)})
    if row.pair is not None:
        remains += _of_pair(row, row.pair, is_whole=is_whole, for_partner=for_partner)
    return {"ends": ends, "remains": remains, "fallbacks": back, "has_dap": bool(back)}


def _of_pair(row: GdapRelationship, pair: Pair, *, is_whole: bool, for_partner: bool) -> list[Item]:
    rows = gdap_pairs.in_force(pair).exclude(pk=row.pk).prefetch_related("roles").order_by("activated_at", "id")
    slug = "" if for_partner else pair.customer.slug
    others = [residuals.gdap_residual(other, slug) for other in rows[: hooks.MOST_RESIDUALS]]
    items = endings.residual_items(others, with_links=not for_partner)
    if queries.active_dap(pair) is not None:
        detail = _("AdminAgents and HelpdeskAgents have its roles.")
        items.append({"label": _("Delegated admin (DAP)"), "detail": detail})
    ends_type = is_whole and not others
    relationships = pair.relationships.filter(ended_at__isnull=True)
    items += [
        endings.relationship_item(found)
        for found in relationships
        if not (ends_type and found.partner_type == types.GDAP)
    ]
    return items + endings.kept(pair, with_links=not for_partner, but={"dap", "gdap"})


def _role_item(label: str, holdings: list[Holding]) -> Item:
    if not holdings:
        return {"label": label, "detail": _("No group has it.")}
    return {"label": label, "detail": "; ".join(f"{item.group} · {_people(item.people)}" for item in holdings)}


def _people(count: int) -> str:
    return ngettext("%(count)d person", "%(count)d people", count) % {"count": count}
