"""Many at once: GDAP relationships made by the services behind the stories' back; the end of a job."""

from __future__ import annotations

import subprocess
import sys

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.stack import Stack
from tests.launched import ROOT

_MAKE = """
import django
django.setup()
from delegation import services
from portal import catalogue
from portal.models import Tenant, User
from portal.writes import write

partner, customer = (Tenant.objects.get(slug=slug) for slug in ("fabrikam", "contoso"))
agent = User.objects.select_related("tenant").get(sign_in_name="admin-agent@fabrikam.example")
approver = User.objects.select_related("tenant").get(sign_in_name="global-admin@contoso.example")
for number, (days, name) in enumerate({wanted!r}):
    roles = {{catalogue.roles_by_name()[name].id: "Support contract" for name in ("Directory Readers", name)}}
    row = services.create_request(
        partner=partner, actor=agent, display_name=f"{prefix} {{number + 1}}", duration_days=days, roles=roles,
        customer=customer,
    )
    row = services.lock_request(relationship=row, actor=agent)
    services.approve_request(relationship=row, actor=approver)
"""


def make_active(stack: Stack, prefix: str, wanted: list[tuple[int, str]]) -> None:
    """Active relationships called `<prefix> <number>`: each lasts so many days and holds this role."""
    script = _MAKE.format(wanted=wanted, prefix=prefix)
    environment = stack.environment | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def finished(agent: Person) -> None:
    """The progress of a job comes to its end by itself: nobody reloads."""
    expect(agent.main.locator(".badge").filter(has_text="Finished").first).to_be_visible(timeout=60_000)
