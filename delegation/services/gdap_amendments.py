"""A renewal or amendment of a GDAP relationship: a draft that asks for the same again, to be changed (DOMAIN §6)."""

from __future__ import annotations

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
    return gdap_requests.create_request(
        partner=row.partner,
        actor=actor,
        replaces=row,
        display_name=gdap_names.free_name(row.partner, row.display_name),
        duration_days=row.granted_days or row.duration_days,
        auto_extend=row.auto_extend,
        roles=held,
        language=row.language,
    )
