"""Short cuts of these tests: an invitation in a wanted state, through the services."""

from __future__ import annotations

from typing import Any

from django.test import Client

from portal import links
from portal.models import User
from relationships import offers, services, texts
from relationships.models import Invitation
from relationships.services import Acceptance
from tests.cast import Cast

ADDRESS = "global-admin@contoso.example"


def draft(cast: Cast, *, by: str = "admin-agent", **options: Any) -> Invitation:
    """Fabrikam's draft for Contoso."""
    named = {"customer_name": "Contoso GmbH", "customer_address": ADDRESS}
    chosen = options if options.get("is_open_link") else named | options
    return services.create_invitation(partner=cast.fabrikam, actor=cast[by], **chosen)


def opened(cast: Cast, *, by: str = "admin-agent", **options: Any) -> Invitation:
    """The same, opened by *Done*."""
    return services.open_invitation(invitation=draft(cast, by=by, **options), actor=cast[by])


def open_link(cast: Cast, most: int = 2, **options: Any) -> Invitation:
    """A link that several customers may use."""
    return opened(cast, is_open_link=True, max_uses=most, **options)


def accept(invitation: Invitation, actor: User, **changed: Any) -> Acceptance:
    """Accept what is offered now, by the present link."""
    invitation.refresh_from_db()
    digest = offers.offer(invitation, actor.tenant).digest
    given = {"version": invitation.link_version, "digest": digest} | changed
    return services.accept_invitation(invitation=invitation, actor=actor, **given)


def decline(invitation: Invitation, actor: User) -> Any:
    """Decline by the present link."""
    invitation.refresh_from_db()
    return services.decline_invitation(invitation=invitation, actor=actor, version=invitation.link_version)


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in and reads English."""
    User.objects.filter(pk=user.pk).update(language="en")
    client = Client()
    client.force_login(user)
    return client


def link_path(invitation: Invitation) -> str:
    """Path of the personal link."""
    return f"/i/{links.token(texts.PURPOSE, invitation.pk, invitation.link_version)}"


def with_link(user: User, invitation: Invitation) -> Client:
    """A signed-in browser that opened the personal link."""
    client = signed_in(user)
    assert client.get(link_path(invitation)).status_code == 302
    return client
