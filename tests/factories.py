"""Plain factories; state goes through the services where rules apply."""

from __future__ import annotations

import itertools
from typing import Any

from delegation.models import DapGrant
from delegation.sources import index_dap
from portal import catalogue, clock
from portal.certificates import Content
from portal.models import ChannelRole, Pair, SecurityGroup, Tenant, User
from portal.services import organisations, people
from portal.writes import write

_numbers = itertools.count(1)


def role(name: str) -> str:
    """Template id of a role by its name."""
    return catalogue.roles_by_name()[name].id


def tenant(name: str = "", *, domain: str = "", language: str = "en", country: str = "DE") -> tuple[Tenant, User]:
    """An organisation with its Global Administrator."""
    number = next(_numbers)
    name = name or f"Organisation {number}"
    label = (domain.partition(".")[0] if domain else f"org{_letters(number)}").lower()
    with write():
        found, administrator = organisations.create_organisation(
            display_name=name,
            label=label,
            country=country,
            language=language,
            administrator={
                "local_part": "global-admin",
                "sign_in_name": f"global-admin@{domain}" if domain else "",
                "display_name": "Global admin",
                "contact_address": f"global-admin@{domain or label + '.example'}",
                "password": "correct horse battery staple",
            },
            is_demo=True,
        )
        if domain:
            organisations.add_verified_domain(tenant=found, name=domain)
    return found, administrator


def _letters(number: int) -> str:
    """Labels that no two of are confusable."""
    alphabet = "aeghkpqtuxy"
    text = ""
    while number:
        number, digit = divmod(number, len(alphabet))
        text += alphabet[digit]
    return text


def partner(name: str = "", *, domain: str = "", channel_role: str = ChannelRole.DIRECT_BILL) -> tuple[Tenant, User]:
    """An approved partner with its Global Administrator."""
    found, administrator = tenant(name, domain=domain)
    organisations.become_partner(tenant=found, actor=administrator, channel_role=channel_role)
    return Tenant.objects.select_related("profile").get(pk=found.pk), administrator


def person(home: Tenant, local_part: str, *role_names: str, domain: str = "", **fields: Any) -> User:
    """An activated user of the tenant with these directory roles."""
    administrator = User.objects.filter(tenant=home).order_by("created_at").first()
    with write():
        found = people.add_person(
            home,
            sign_in_name=f"{local_part}@{domain or home.default_domain}",
            display_name=local_part.replace("-", " ").capitalize(),
            contact_address=f"{local_part}@{domain or home.default_domain}",
            language=home.language,
            password="correct horse battery staple",
            is_activated=True,
            **fields,
        )
        for name in role_names:
            people.give_role(found, role(name), actor=administrator)
    return found


def agent(home: Tenant, local_part: str, kind: str, *, domain: str = "") -> User:
    """An activated user of the partner in one of its built-in groups."""
    found = person(home, local_part, domain=domain)
    with write():
        people.put_in_group(found, SecurityGroup.objects.get(tenant=home, kind=kind), actor=None)
    return found


def pair(partner_tenant: Tenant, customer: Tenant) -> Pair:
    """A pair in force, without any relationship row: for tests of access only."""
    with write():
        found = organisations.lock_pair(partner_tenant, customer)
        organisations.start_pair(found)
    return found


def dap(found: Pair, actor: User) -> DapGrant:
    """DAP of the pair's partner, as an acceptance grants it."""
    with write():
        grant = DapGrant.objects.create(
            pair=found, partner=found.partner, customer=found.customer, started_at=clock.now(), granted_by=actor
        )
        index_dap(found, grant.source)
    return grant


def certified(*, left: list[str], title: str = "Everything with this partner was ended") -> Content:
    """What a certificate says: two rights that ended, and what was left."""
    return {
        "title": title,
        "is_complete": not left,
        "sections": [
            {
                "title": "Delegated admin",
                "lines": [
                    {"label": "DAP", "detail": "Contoso GmbH", "outcome": "Ended", "is_left": False},
                    {"label": "GDAP: Support", "detail": "2 roles", "outcome": "Ended", "is_left": False},
                ],
            },
            {
                "title": "Azure",
                "lines": [{"label": text, "detail": "", "outcome": "Left", "is_left": True} for text in left],
            },
        ],
    }
