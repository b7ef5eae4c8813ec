"""Short cuts of the GDAP tests: a relationship in a wanted status, through the services."""

from __future__ import annotations

import itertools
from typing import Any

from delegation import services
from delegation.models import GdapAssignment, GdapCounterOffer, GdapRelationship
from portal.models import SecurityGroup, Tenant, User
from portal.services import people
from portal.writes import write
from tests import factories
from tests.cast import Cast

READER, HELPDESK, USERS, GLOBAL = (
    "Directory Readers",
    "Helpdesk Administrator",
    "User Administrator",
    "Global Administrator",
)
_names = itertools.count(1)


def roles(*names: str) -> dict[str, str]:
    """Role ids with a reason each."""
    return {factories.role(name): "Support contract" for name in names}


def ids(*names: str) -> list[str]:
    """Role ids."""
    return [factories.role(name) for name in names]


def draft(cast: Cast, *, by: str = "admin-agent", **options: Any) -> GdapRelationship:
    """Fabrikam's draft, open to whoever opens its link."""
    chosen = {"display_name": f"Support {next(_names)}", "duration_days": 30, "roles": roles(READER, HELPDESK)}
    return services.create_request(partner=cast.fabrikam, actor=cast[by], **{**chosen, **options})


def pending(cast: Cast, **options: Any) -> GdapRelationship:
    """The same, locked."""
    return services.lock_request(relationship=draft(cast, **options), actor=cast["admin-agent"])


def approve(cast: Cast, row: GdapRelationship, *, by: str = "global-admin", **changed: Any) -> GdapRelationship:
    """*Approve all* by the link."""
    given = {"version": row.link_version} | changed
    return services.approve_request(relationship=row, actor=cast[by], **given)


def active(cast: Cast, **options: Any) -> GdapRelationship:
    """The same, approved by Contoso."""
    return approve(cast, pending(cast, **options))


def offered(cast: Cast, row: GdapRelationship, *names: str, **changed: Any) -> GdapCounterOffer:
    """Contoso's counter-offer."""
    given: dict[str, Any] = {"role_ids": ids(*names or (READER,)), "duration_days": 10, "version": row.link_version}
    return services.counter_offer(relationship=row, actor=cast["global-admin"], **given | changed)


def group(home: Tenant, kind: str = "helpdesk_agents") -> SecurityGroup:
    """A built-in group."""
    return SecurityGroup.objects.get(tenant=home, kind=kind)


def custom(home: Tenant, name: str, *members: User) -> SecurityGroup:
    """A security group with members."""
    with write():
        made = people.create_group(home, SecurityGroup.Kind.CUSTOM, name)
        for person in members:
            people.put_in_group(person, made, actor=None)
    return made


def assign(cast: Cast, row: GdapRelationship, made: SecurityGroup, *names: str) -> GdapAssignment:
    """Give a group roles."""
    return services.assign_group(
        relationship=row, group=made, role_ids=ids(*names or (READER,)), actor=cast["admin-agent"]
    )
