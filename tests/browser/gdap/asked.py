"""What the stories of GDAP start from: a locked request of a partner, made by the portal's own services."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from tests.browser.stack import Stack
from tests.launched import ROOT

_ASK = """
import json
from delegation import gdap_texts, services
from portal import catalogue
from portal.models import SecurityGroup, Tenant, User
from portal.services import groups
given = json.loads('''{given}''')
partner = Tenant.objects.get(slug=given["partner"])
agent = User.objects.get(sign_in_name=given["by"])
ids = lambda names: [catalogue.roles_by_name()[name].id for name in names]
row = services.create_request(
    partner=partner, actor=agent, display_name=given["name"], duration_days=given["days"],
    auto_extend=given["auto_extend"], roles=dict.fromkeys(ids(given["roles"]), "Support contract"),
    limited_to_domain=given["domain"],
)
for name, roles in given["groups"].items():
    group = SecurityGroup.objects.get(tenant=partner, name=name)
    services.plan_assignment(relationship=row, group=group, role_ids=ids(roles), actor=agent)
row = services.lock_request(relationship=row, actor=agent)
print("MADE", row.pk, gdap_texts.personal_link(row))
"""
_ACCEPT = """
from delegation import services
from delegation.models import GdapCounterOffer
from portal.models import User
offer = GdapCounterOffer.objects.get(relationship="{key}", state="open")
services.accept_counter_offer(offer=offer, actor=User.objects.get(sign_in_name="{by}"))
"""


@dataclass(frozen=True)
class Asked:
    """A request that waits for its answer."""

    key: str
    link: str


def _run(stack: Stack, code: str) -> str:
    """Run code in a process of the stack's own portal."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def ask_for_roles(
    stack: Stack,
    *roles: str,
    name: str,
    partner: str = "fabrikam",
    domain: str = "",
    days: int = 365,
    auto_extend: bool = False,
    groups: dict[str, list[str]] | None = None,
) -> Asked:
    """A partner's Admin agent asks for roles; `groups` are planned to get some of them."""
    given = {
        "partner": partner,
        "by": f"admin-agent@{partner}.example",
        "name": name,
        "days": days,
        "auto_extend": auto_extend,
        "domain": domain,
        "roles": roles,
        "groups": groups or {},
    }
    line = next(line for line in _run(stack, _ASK.replace("{given}", json.dumps(given))).splitlines() if "MADE" in line)
    _made, key, link = line.split()
    return Asked(key, link)


def accept_counter_offer(stack: Stack, asked: Asked, *, by: str = "admin-agent@fabrikam.example") -> None:
    """The partner takes what the customer offered."""
    _run(stack, _ACCEPT.replace("{key}", asked.key).replace("{by}", by))
