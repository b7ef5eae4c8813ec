"""A renewal or amendment of a GDAP relationship: a draft that asks for the same again, to be changed (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

from delegation import catalogue
from delegation.models import GdapRelationship
from delegation.services import gdap_names, gdap_requests
from delegation.services import gdap_rows as rows
from portal.models import User
from portal.writes import writes


@writes
def prepare_amendment(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """The draft of what shall replace this one: its roles in force, its days, auto-extend, language and customer.

    Raises as `create_request`: PermissionDenied without `gdap.extend`, Refused for what is neither active nor expired.
    """
    row = rows.locked(relationship)
    held = {role.role_id: role.reason for role in rows.roles_in_force(row) if role.role_id in catalogue.requestable()}
    days = row.granted_days or row.duration_days
    return draft_replacement(row, actor, duration_days=days, auto_extend=row.auto_extend, roles=held)


def draft_replacement(old: GdapRelationship, actor: User, **options: Any) -> GdapRelationship:
    """Part of a write: the draft of what shall replace `old`, under its name with a number, in its language.

    Options and refusals are those of `create_request`.
    """
    return gdap_requests.create_request(
        partner=old.partner,
        actor=actor,
        replaces=old,
        display_name=gdap_names.free_name(old.partner, old.display_name),
        language=old.language,
        **options,
    )
