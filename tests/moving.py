"""A template with drift, and customers on their way from DAP to GDAP: what stands behind those addresses."""

from __future__ import annotations

from typing import Any

from delegation import gdap_move_needs
from delegation import services as delegation
from portal.models import Pair, SecurityGroup
from tests import factories
from tests.cast import Cast


def build(cast: Cast) -> dict[str, Any]:
    """The objects behind *Role templates*, *Drift* and *DAP to GDAP*."""
    agent = cast["admin-agent"]
    reader, helpdesk = factories.role("Directory Readers"), factories.role("Helpdesk Administrator")
    content = delegation.Content({reader: "", helpdesk: "Support contract"}, 60)
    template = delegation.create_template(partner=cast.fabrikam, actor=agent, name="Service desk", content=content)
    customer, administrator = factories.tenant("Northwind Traders")
    factories.dap(factories.pair(cast.fabrikam, customer), administrator)
    moved, _administrator = covered(cast, "Adventure Works")
    on_move = ("gdap-move", "gdap-move-ask")
    begun = Pair.objects.get(partner=cast.fabrikam, customer=customer)
    return {f"{route}:pair_id": begun.pk for route in on_move} | {
        "template_id": template.pk,
        "gdap-move-give-up:pair_id": moved.pk,
    }


def covered(cast: Cast, name: str) -> tuple[Pair, Any]:
    """A customer with DAP in whose tenant everybody with DAP has GDAP's roles."""
    customer, administrator = factories.tenant(name)
    pair = factories.pair(cast.fabrikam, customer)
    factories.dap(pair, administrator)
    proposal = gdap_move_needs.propose(pair)
    request = delegation.request_move(pair=pair, actor=cast["admin-agent"], roles=proposal.roles, plans=proposal.plans)
    delegation.approve_request(relationship=request, actor=administrator)
    return pair, administrator


def forms(world: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Who fills which of these pages' forms in, and how, so that it works."""
    reader = factories.role("Directory Readers")
    content = {
        "name": "Field work",
        "duration_days": "90",
        "auto_extend": "on",
        "roles": [reader, factories.role("User Administrator")],
        "reason": "Support contract",
        "note": "Two roles",
    }
    group = SecurityGroup.objects.get(tenant=world.cast.fabrikam, kind="helpdesk_agents")
    terms = {"template": "built-in:1", "duration_days": "365", "auto_extend": "", "is_sent": "on"}
    return {
        "gdap-template-new": ("admin-agent", content),
        "gdap-template-edit": ("admin-agent", content | {"number": "1"}),
        "gdap-template-groups": ("admin-agent", {"add": str(group.uid), "add_roles": [reader], "number": "1"}),
        "gdap-move-ask": ("admin-agent", terms),
        "gdap-move-give-up": ("admin-agent", {"reason": "GDAP is in its place.", "is_confirmed": "on"}),
        "gdap-moves-ask": ("admin-agent", terms),
        "gdap-moves-give-up": ("admin-agent", {"reason": "GDAP is in its place."}),
    }
