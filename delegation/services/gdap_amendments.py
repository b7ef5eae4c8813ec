"""A renewal or amendment of a GDAP relationship: a draft that asks for the same again, to be changed (DOMAIN §6)."""

from __future__ import annotations

import re

from delegation import catalogue
from delegation.models import GdapRelationship
from delegation.services import gdap_requests
from delegation.services import gdap_rows as rows
from portal import search
from portal.models import User
from portal.writes import writes

_NUMBER = re.compile(r" \(\d+\)$")


@writes
def prepare_amendment(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """The draft of what shall replace this one: its roles in force, its days, auto-extend, language and customer.

    Raises as `create_request`: PermissionDenied without `gdap.extend`, Refused for what is neither active nor expired.
    """
    row = rows.locked(relationship)
    held = {role.role_id: role.reason for role in rows.roles_in_force(row) if role.role_id in catalogue.requestable()}
    return gdap_requests.create_request(
        partner=row.partner,
        actor=actor,
        replaces=row,
        display_name=_free_name(row),
        duration_days=row.granted_days or row.duration_days,
        auto_extend=row.auto_extend,
        roles=held,
        language=row.language,
    )


def _free_name(row: GdapRelationship) -> str:
    """The name with the next number behind it: names stay taken for ever."""
    base = _NUMBER.sub("", row.display_name)
    stem = search.key(base[: catalogue.MOST_NAME - 8])
    taken = set(
        GdapRelationship.objects.filter(partner=row.partner_id, name_key__startswith=stem).values_list(
            "name_key", flat=True
        )
    )
    number = 2
    while True:
        end = f" ({number})"
        name = base[: catalogue.MOST_NAME - len(end)].rstrip() + end
        if search.key(name) not in taken:
            return name
        number += 1
