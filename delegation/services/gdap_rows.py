"""What every write about GDAP begins and ends with: its row locked, in the order of docs/gdap.md; its audit row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from delegation.models import GdapRelationship, GdapRole
from portal import audit
from portal import catalogue as roles
from portal.access import Decision
from portal.errors import Refused
from portal.models import Pair, User

Status = GdapRelationship.Status
Reason = GdapRelationship.EndReason


def locked(relationship: GdapRelationship) -> GdapRelationship:
    """The row as it is now, after the pair it belongs to (where it has one by now), both locked.

    Raises Refused for a draft that was deleted.
    """
    while True:
        try:
            with transaction.atomic():
                return _in_order(relationship)
        except _PairCame:
            continue


class _PairCame(Exception):
    """The request was approved while we waited for it: the pair's lock comes first, so this one is let go."""


def _in_order(relationship: GdapRelationship) -> GdapRelationship:
    pair_id = GdapRelationship.objects.filter(pk=relationship.pk).values_list("pair_id", flat=True).first()
    if pair_id is not None:
        Pair.objects.select_for_update(of=("self",)).get(pk=pair_id)
    row = GdapRelationship.objects.select_for_update(of=("self",)).filter(pk=relationship.pk).first()
    if row is None:
        raise Refused(_("This draft is not there any more."))
    if row.pair_id != pair_id:
        raise _PairCame
    return row


def require_status(row: GdapRelationship, *allowed: str) -> None:
    """Raises Refused in any other status, time counted."""
    if row.status_now not in allowed:
        raise Refused(_("This can't be done any more or not yet: %(status)s."), status=row.status_text)


def roles_in_force(row: GdapRelationship) -> list[GdapRole]:
    """Granted and not removed."""
    return list(row.roles.filter(is_granted=True, removed_at__isnull=True).order_by("id"))


def role_ids_to_give(row: GdapRelationship) -> set[str]:
    """What an assignment may hold: roles in force or, before the answer, those asked for."""
    if row.status == Status.ACTIVE:
        return {role.role_id for role in roles_in_force(row)}
    return set(row.roles.values_list("role_id", flat=True))


def refuse_lasting_full_control(role_ids: Collection[str]) -> None:
    """Raises Refused where one of these roles can't be combined with auto-extend (DOMAIN §6)."""
    names = names_of(set(role_ids) & catalogue.never_lasting())
    if names:
        message = _("Auto-extend can't be combined with %(roles)s. Leave one of the two out.")
        raise Refused(message, field="auto_extend", roles=names)


def names_of(role_ids: Iterable[str]) -> list[str]:
    """Roles as audit rows name them."""
    return sorted(roles.roles()[key].name for key in role_ids)


def record(
    action: str,
    row: GdapRelationship,
    actor: User | None,
    decision: Decision | None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **data: Any,
) -> None:
    """One act, in the partner's chain and, once the request is no draft, in that of a known customer.

    The customer hears of a request through a reseller once that has approved it; the reseller of what happens to it
    until it is in force.
    """
    also = []
    if row.status != Status.CREATED:
        answers = GdapRelationship.ResellerAnswer
        if row.customer_id is not None and row.reseller_answer in (answers.NONE, answers.APPROVED):
            also.append(row.customer_id)
        if row.reseller_id is not None and row.activated_at is None:
            also.append(row.reseller_id)
    audit.record(
        action,
        actor=actor,
        tenant=row.partner_id,
        also=also,
        target=row,
        decision=decision,
        before=before,
        after=after,
        **data,
    )
