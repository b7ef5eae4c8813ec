"""A request together with the groups that shall get its roles, as a template plans it (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from delegation.models import GdapRelationship
from delegation.services.gdap_assignments import plan_assignment
from delegation.services.gdap_requests import create_request
from portal.models import SecurityGroup, Tenant, User
from portal.writes import writes


@writes
def create_with_plans(
    *, partner: Tenant, actor: User, plans: Iterable[tuple[SecurityGroup, Collection[str]]], **options: Any
) -> GdapRelationship:
    """A draft and its planned groups, each with those of its roles that are asked for; all of it or nothing.

    Raises as `create_request` and `plan_assignment`.
    """
    row = create_request(partner=partner, actor=actor, **options)
    for group, role_ids in plans:
        kept = [role_id for role_id in role_ids if role_id in options["roles"]]
        if kept:
            plan_assignment(relationship=row, group=group, role_ids=kept, actor=actor)
    return row
