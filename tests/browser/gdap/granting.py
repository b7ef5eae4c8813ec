"""GDAP relationships that a story begins with: made by the services, beside the running portal."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.browser.stack import Stack
from tests.launched import ROOT

_BEGIN = """
import json, sys
from delegation import services
from portal import catalogue
from portal.models import Tenant, User
given = json.loads(sys.stdin.read())
person = lambda name: User.objects.select_related("tenant").get(sign_in_name=name)
agent, admin = person("admin-agent@fabrikam.example"), person(given.pop("admin"))
roles = {catalogue.roles_by_name()[name].id: "Support contract" for name in given.pop("roles", ())}
"""
_GRANTED = """
row = services.create_request(partner=agent.tenant, actor=agent, customer=admin.tenant, roles=roles, **given)
row = services.lock_request(relationship=row, actor=agent)
print(services.approve_request(relationship=row, actor=admin).pk)
"""
ADVENTURE_WORKS = "global-admin@adventure-works.example"


def _run(stack: Stack, script: str, **given: Any) -> str:
    """The path of the relationship that the script says it was about."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", _BEGIN + script],
        cwd=ROOT,
        env=stack.environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return f"/p/fabrikam/admin-relationships/{done.stdout.strip().splitlines()[-1]}"


def granted(stack: Stack, name: str, *roles: str, admin: str = ADVENTURE_WORKS, days: int = 60) -> str:
    """The path of an active relationship of Fabrikam that this administrator approved."""
    return _run(stack, _GRANTED, display_name=name, roles=roles, admin=admin, duration_days=days)
