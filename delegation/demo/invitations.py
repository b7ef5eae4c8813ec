"""Invitations of the demo and what came of them, through the same services as on the pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from delegation.demo.building import Demo
from delegation.models import DapGrant
from portal.models import Pair, Tenant, User
from relationships import offers
from relationships.models import Invitation, Relationship
from relationships.services import answers, invitations


@dataclass
class Asked:
    """An invitation on its way through the demo's past; the steps fill it in."""

    partner: str
    sender: str
    options: dict[str, Any]
    row: Invitation | None = field(default=None)

    @property
    def invitation(self) -> Invitation:
        """The row as it is now."""
        assert self.row is not None, "asked before it was made"  # noqa: S101 - a plan in the wrong order
        return Invitation.objects.get(pk=self.row.pk)


def ask(demo: Demo, days_ago: float, partner: str, sender: str, **options: Any) -> Asked:
    """Plan an invitation by `sender@partner.example`: drafted and sent, or (an open link) drafted and done."""
    asked = Asked(partner, sender, options)
    demo.plan(days_ago, partial(_send, demo, asked))
    return asked


def draft(demo: Demo, days_ago: float, partner: str, sender: str, **options: Any) -> None:
    """Plan an invitation that stays a draft."""
    demo.plan(days_ago, partial(_draft, demo, Asked(partner, sender, options)))


def _draft(demo: Demo, asked: Asked) -> Invitation:
    actor = demo.person(f"{asked.sender}@{asked.partner}")
    asked.row = invitations.create_invitation(partner=demo.tenants[asked.partner], actor=actor, **asked.options)
    return asked.row


def _send(demo: Demo, asked: Asked) -> None:
    row = _draft(demo, asked)
    actor = demo.person(f"{asked.sender}@{asked.partner}")
    if row.is_open_link:
        invitations.open_invitation(invitation=row, actor=actor)
    else:
        invitations.send_invitation(invitation=row, actor=actor)


def accept(demo: Demo, days_ago: float, asked: Asked, name: str) -> None:
    """Plan its acceptance by this person of the customer."""
    demo.plan(days_ago, lambda: accept_now(asked.invitation, demo.person(name)))


def accept_now(invitation: Invitation, person: User) -> Pair:
    """Accept what is offered to the person's organisation at this moment."""
    customer = Tenant.objects.get(pk=person.tenant_id)
    digest = offers.offer(invitation, customer).digest
    version = invitation.link_version
    done = answers.accept_invitation(invitation=invitation, actor=person, version=version, digest=digest)
    return done.pair


def decline(demo: Demo, days_ago: float, asked: Asked, name: str) -> None:
    """Plan its decline."""
    demo.plan(
        days_ago,
        lambda: answers.decline_invitation(
            invitation=asked.invitation, actor=demo.person(name), version=asked.invitation.link_version
        ),
    )


def cancel(demo: Demo, days_ago: float, asked: Asked) -> None:
    """Plan that its sender takes it back."""
    demo.plan(
        days_ago,
        lambda: invitations.cancel_invitation(
            invitation=asked.invitation, actor=demo.person(f"{asked.sender}@{asked.partner}")
        ),
    )


def pair_of(demo: Demo, partner: str, customer: str) -> Pair:
    """The two's pair as it is now."""
    return Pair.objects.select_related("partner", "customer").get(
        partner=demo.tenants[partner], customer=demo.tenants[customer]
    )


def dap_of(demo: Demo, partner: str, customer: str) -> DapGrant:
    """The DAP grant in force between the two."""
    return DapGrant.objects.get(pair=pair_of(demo, partner, customer), ended_at__isnull=True)


def relationship_of(demo: Demo, partner: str, customer: str) -> Relationship:
    """The relationship in force between the two."""
    return Relationship.objects.get(pair=pair_of(demo, partner, customer), ended_at__isnull=True)
