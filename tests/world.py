"""One of everything that an address can name, so that each route can be asked; and everybody who could ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.template.base import Template
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from delegation import bulk, gdap_texts
from delegation import services as delegation
from delegation.models import DapGrant, GdapRelationship
from portal import catalogue, clock, jobs, links, mail
from portal.models import (
    ChannelRole,
    MailboxMessage,
    PartnerProfile,
    RightLink,
    RoleAssignment,
    SecurityGroup,
    User,
)
from portal.services import groups, service_requests
from portal.services import jobs as job_services
from portal.services.certificates import issue_certificate
from portal.writes import write
from relationships import services, texts
from relationships.models import DeviceConsent, Invitation, Relationship
from tests import factories, moving
from tests.cast import Cast, build_dap_cast
from tests.delegation import granting

#: Who could ask: the cast, by job; agents of two partners that lost something; and two who are in nobody's tenant.
OURS = ("partner-admin", "admin-agent", "sales-agent", "helpdesk-agent", "partner-user")
THEIRS = ("global-admin", "billing-admin", "user-admin", "helpdesk-admin", "delegation-admin", "user")
AFTER_DAP, AFTER_THE_END = "helpdesk-agent-after-dap", "admin-agent-after-the-end"
STRANGERS = ("stranger-partner", "stranger-partner-admin", "stranger-customer", "operator", AFTER_THE_END)
SIGNED_OUT = "signed-out"
#: Of a partner whose relationship ended, but not its Azure role. No persona: in the tenant only Azure's pages open.
ONLY_AZURE = "admin-agent-with-azure-left"
PERSONAS = (*OURS, *THEIRS, AFTER_DAP, *STRANGERS, SIGNED_OUT)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is asked for inside never happened.

    The test client doesn't note the templates and their contexts meanwhile: that takes a fifth of a page's time.
    """
    unnoted = mock.patch.object(Template, "_render", lambda template, context: template.nodelist.render(context))
    with transaction.atomic(), unnoted:
        yield
        transaction.set_rollback(True)


@dataclass
class World:
    """The cast with DAP, and the objects behind the addresses."""

    cast: Cast
    values: dict[str, Any] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def path(self, route: str, pattern: str) -> str:
        """An existing address of a route."""
        own = {name.partition(":")[2]: value for name, value in self.values.items() if name.startswith(f"{route}:")}
        return "/" + "".join(_filled(pattern, self.values | own))

    def ask(self, persona: str, method: str, path: str, data: Any = None, **more: Any) -> Any:
        """The answer to this persona, read to its end; whatever it changed is undone."""
        client = Client(raise_request_exception=False)
        if persona != SIGNED_OUT:
            client.cookies[settings.SESSION_COOKIE_NAME] = self._session(persona)
        with undone():
            response = getattr(client, method)(path, data or {}, **more)
            response.read = b"".join(response) if response.streaming else response.content
        return response

    def _session(self, persona: str) -> str:
        if persona not in self.sessions:
            client = Client()
            client.force_login(self.cast[persona])
            self.sessions[persona] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return self.sessions[persona]


def _filled(pattern: str, values: dict[str, Any]) -> Iterator[str]:
    for number, part in enumerate(pattern.replace("<", ">").split(">")):
        yield str(values[part.rpartition(":")[2]]) if number % 2 else part


def routes() -> dict[str, str]:
    """Name and pattern of every route of the URLconf. Raises ValueError for one without a name."""
    found = {}
    for name, pattern in _walk(get_resolver().url_patterns, "", ""):
        if not name:
            raise ValueError(f"{pattern} has no name")
        found[name] = pattern
    return found


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[tuple[str, str]]:
    for item in patterns:
        text = f"{prefix}{item.pattern}"
        if isinstance(item, URLResolver):
            yield from _walk(item.url_patterns, text, f"{namespace}{item.namespace}:" if item.namespace else namespace)
        elif isinstance(item, URLPattern):
            yield f"{namespace}{item.name}" if item.name else "", text


def build_world() -> World:
    """Fabrikam works for Contoso with DAP; one of everything else."""
    cast = build_dap_cast()
    cast.people["operator"] = User.objects.create(
        sign_in_name="operator@portal.example",
        display_name="Operator",
        contact_address="operator@portal.example",
        created_at=clock.now(),
        activated_at=clock.now(),
    )
    _former(cast)
    world = World(cast)
    world.values = {
        "tenant_slug": cast.contoso.slug,
        "partner_slug": cast.fabrikam.slug,
        "pair_id": cast.pair.pk,
        "chart": "status",
        "person_id": cast["user"].pk,
        **_relationship(cast),
        **_people(cast),
        **_invitations(cast),
        **_gdap(cast),
        **_through_us(cast),
        **moving.build(cast),
        **_azure(cast),
        **_links(cast),
        **_job(cast),
        **_certificate(cast),
        **_mail(),
    }
    return world


def _former(cast: Cast) -> None:
    """Agents of two other partners, who could do in Contoso what Fabrikam's can: until today."""
    helpdesk, grant, _relationship = _other_partner(cast, "Wingtip Toys", "helpdesk_agents")
    delegation.remove_dap(grant=grant, actor=cast["global-admin"])
    agent, _grant, relationship = _other_partner(cast, "Proseware", "admin_agents")
    services.end_relationship(relationship=relationship, actor=agent)
    cast.people |= {AFTER_DAP: helpdesk, AFTER_THE_END: agent}


def _other_partner(cast: Cast, name: str, group: str) -> tuple[User, DapGrant, Relationship]:
    """An agent of one more partner of Contoso, its DAP and its relationship."""
    domain = f"{name.partition(' ')[0].lower()}.example"
    partner, _administrator = factories.partner(name, domain=domain)
    pair = factories.pair(partner, cast.contoso)
    sides = {"pair": pair, "partner": partner, "customer": cast.contoso}
    relationship = Relationship.objects.create(partner_type="reseller", started_at=clock.now(), **sides)
    return (
        factories.agent(partner, "agent", group, domain=domain),
        factories.dap(pair, cast["global-admin"]),
        relationship,
    )


def _relationship(cast: Cast) -> dict[str, Any]:
    sides = {"pair": cast.pair, "partner": cast.fabrikam, "customer": cast.contoso}
    relationship = Relationship.objects.create(partner_type="reseller", started_at=clock.now(), **sides)
    DeviceConsent.objects.create(state=DeviceConsent.State.PENDING, asked_at=clock.now(), **sides)
    return {"relationship_id": relationship.pk}


def _people(cast: Cast) -> dict[str, Any]:
    assignment = RoleAssignment.objects.get(user=cast["user-admin"])
    group = groups.create_group(tenant=cast.fabrikam, actor=cast["partner-admin"], name="Night shift")
    request = service_requests.open_request(
        tenant=cast.contoso, actor=cast["user-admin"], title="Printer", description="It does not print."
    )
    ours = {f"{route}:tenant_slug": cast.fabrikam.slug for route in routes() if route.startswith("group")}
    return ours | {
        "assignment_id": assignment.pk,
        "user-role-remove:person_id": cast["user-admin"].pk,
        **{f"our-access-{page}:person_id": cast["helpdesk-agent"].pk for page in ("person", "person-export", "leaver")},
        "group_uid": group.uid,
        "request_id": request.pk,
    }


def _invitations(cast: Cast) -> dict[str, Any]:
    def draft(address: str) -> Invitation:
        return services.create_invitation(
            partner=cast.fabrikam,
            actor=cast["admin-agent"],
            customer_name="Contoso GmbH",
            customer_address=address,
        )

    first, second = draft("it@contoso.example"), draft("global-admin@contoso.example")
    opened = services.open_invitation(invitation=second, actor=cast["admin-agent"])
    drafts = ("invitation-options", "invitation-message", "invitation-deliver", "invitation-open", "invitation-send")
    return {f"{route}:invitation_id": first.pk for route in drafts} | {
        "invitation_id": opened.pk,
        "invitation-link:token": links.token(texts.PURPOSE, opened.pk, opened.link_version),
    }


#: What stands behind `gdap_id` where a route isn't about an active relationship.
_GDAP_DRAFT = ("gdap-options", "gdap-message", "gdap-deliver", "gdap-lock", "gdap-send", "gdap-delete")
_GDAP_PENDING = (
    *("gdap-resend", "gdap-replace-link", "gdap-withdraw"),
    *("answer-gdap", "approve-gdap", "decline-gdap", "counter-offer-gdap", "forward-gdap"),
)
_GDAP_OFFERED = ("gdap-accept-counter-offer", "withdraw-counter-offer-gdap")


def _gdap(cast: Cast) -> dict[str, Any]:
    """A draft, a request that waits, one with a counter-offer, an active one with a group that nobody is in."""
    agent, administrator = cast["admin-agent"], cast["global-admin"]
    reader, helpdesk = factories.role("Directory Readers"), factories.role("Helpdesk Administrator")

    def draft(name: str) -> GdapRelationship:
        return delegation.create_request(
            partner=cast.fabrikam,
            actor=agent,
            display_name=name,
            duration_days=60,
            roles={reader: "", helpdesk: "Support contract"},
            customer=cast.contoso,
        )

    def pending(name: str) -> GdapRelationship:
        return delegation.lock_request(relationship=draft(name), actor=agent)

    first, waiting, offered, active = draft("Draft"), pending("Waiting"), pending("Offered less"), pending("In force")
    offer = delegation.counter_offer(relationship=offered, actor=administrator, role_ids=[reader], duration_days=30)
    active = delegation.approve_request(relationship=active, actor=administrator)
    group = groups.create_group(tenant=cast.fabrikam, actor=cast["partner-admin"], name="On call")
    assignment = delegation.assign_group(relationship=active, group=group, role_ids=[reader], actor=agent)
    by_route = {_GDAP_DRAFT: first, _GDAP_PENDING: waiting, _GDAP_OFFERED: offered}
    return {f"{route}:gdap_id": row.pk for named, row in by_route.items() for route in named} | {
        "gdap_id": active.pk,
        "gdap-link:token": links.token(gdap_texts.PURPOSE, waiting.pk, waiting.link_version),
        "gdap_assignment_id": assignment.pk,
        "offer_id": offer.pk,
    }


def _through_us(cast: Cast) -> dict[str, Any]:
    """A request of an indirect provider through Fabrikam, which is made an indirect reseller."""
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(channel_role=ChannelRole.INDIRECT_RESELLER)
    provider, _administrator = factories.partner(
        "Tailspin Distribution", domain="tailspin.example", channel_role=ChannelRole.INDIRECT_PROVIDER
    )
    agent = factories.agent(provider, "agent", "admin_agents", domain="tailspin.example")
    draft = delegation.create_request(
        partner=provider,
        actor=agent,
        display_name="Through us",
        roles={factories.role("Directory Readers"): ""},
        customer=cast.contoso,
        reseller=cast.fabrikam,
    )
    asked = delegation.lock_request(relationship=draft, actor=agent)
    named = ("gdap-for-customer", "gdap-for-customer-approve", "gdap-for-customer-reject")
    return {f"{route}:gdap_id": asked.pk for route in named}


def _azure(cast: Cast) -> dict[str, Any]:
    """A subscription that Fabrikam provisioned, of which Contoso's own administrator is Owner too; what is in it."""
    agent, administrator = cast["admin-agent"], cast["global-admin"]
    made = delegation.provision_subscription(pair=cast.pair, actor=agent, name="Production", offer="Azure plan")
    reader = catalogue.azure_roles_by_name()["Reader"].id
    roles = {"scope": made.scope, "actor": agent}
    delegation.add_assignment(principal=administrator.own_group, role_id=catalogue.AZURE_OWNER, **roles)
    read = delegation.add_assignment(principal=cast["helpdesk-admin"].own_group, role_id=reader, **roles)
    group, other = (
        delegation.create_scope(parent=made.scope, actor=agent, name=name, tags={"cost": "42"})
        for name in ("web", "data")
    )
    machine = delegation.create_scope(
        parent=group, actor=agent, name="vm-1", resource_type="Microsoft.Compute/virtualMachines"
    )
    left, _grant, relationship = _other_partner(cast, "Adatum", "admin_agents")
    agents = SecurityGroup.objects.get(tenant=left.tenant, kind="admin_agents")
    delegation.add_assignment(principal=agents, role_id=reader, **roles)
    services.end_relationship(relationship=relationship, actor=left)
    cast.people[ONLY_AZURE] = left
    elevation = delegation.elevate(tenant=cast.contoso, actor=administrator)
    delegation.end_elevation(elevation=elevation, actor=administrator)
    of_resource = dict.fromkeys(("azure-tags:scope_id", "azure-move:scope_id", "azure-delete:scope_id"), machine.pk)
    return of_resource | {
        "scope_id": made.pk,
        "azure_assignment_id": read.pk,
        "elevation_id": elevation.pk,
        "azure-group": group.pk,
        "azure-other-group": other.pk,
    }


def _job(cast: Cast) -> dict[str, Any]:
    """One that nobody has begun, about an active GDAP relationship."""
    about = jobs.subjects_of([granting.active(cast)])
    actor = cast["admin-agent"]
    job = job_services.start_job(tenant=cast.fabrikam, actor=actor, kind=bulk.EXTEND_ON, subjects=about)
    return {"job_id": job.pk}


def _certificate(cast: Cast) -> dict[str, Any]:
    """About our partner; another partner's has the number before."""
    for partner in (cast.litware, cast.fabrikam):
        content = factories.certified(left=["Owner of Production"])
        found = issue_certificate(tenant=cast.contoso, partner=partner, actor=cast["global-admin"], content=content)
    return {"certificate_id": found.pk}


def _links(cast: Cast) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for purpose, route in (
        (RightLink.Purpose.RESET_PASSWORD, "reset"),
        (RightLink.Purpose.WELCOME, "welcome"),
        (RightLink.Purpose.CONFIRM_ADDRESS, "confirm"),
        (RightLink.Purpose.NEW_ORGANISATION, "organisation"),
    ):
        row = RightLink.objects.create(
            purpose=purpose,
            user=cast["user"],
            tenant=cast.contoso,
            address="user@contoso.example",
            created_at=clock.now(),
            expires_at=clock.now().replace(year=2100),
        )
        found[f"{route}-link:token"] = links.token(purpose, row.pk, row.version)
        found["link_id"] = row.pk
    return found


def _mail() -> dict[str, Any]:
    with write():
        message = mail.queue(
            "confirm_address",
            to="somebody@contoso.example",
            tenant=None,
            language="en",
            link=("c", "confirm", uuid4(), 1),
        )
    kept = MailboxMessage.objects.create(
        to_address="somebody@contoso.example",
        subject="Hello",
        text="Hello",
        html="<p>Hello</p>",
        message_id="<1@portal.example>",
        received_at=clock.now(),
    )
    return {"message_id": message.pk, "pk": kept.pk}
