"""*Why can't I?*: what is missing, the least privileged role that has it, and who can give it (DOMAIN §14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, catalogue, clock, limits
from portal.access import Decision, Rights
from portal.catalogue import Capability
from portal.meanings import MEANINGS
from portal.models import DeniedAttempt, RoleAssignment, User
from portal.requests import present

_LOGGED_PER_HOUR = 60
_MOST_NAMES = 5
_SERVICE_REQUESTS = (Capability.SERVICE_REQUESTS_VIEW, Capability.SERVICE_REQUESTS_MANAGE)


@dataclass(frozen=True)
class Advice:
    """What to do instead; `url` is where, if it is a page."""

    text: Any
    url: str = ""
    link: Any = ""


@dataclass(frozen=True)
class WhyNot:
    """What a refused page says (`templates/cotton/why.html`)."""

    meaning: Any
    least_role: str
    who_can_grant: tuple[str, ...]
    never_on_behalf: bool
    is_partner_side: bool
    advice: tuple[Advice, ...] = ()


def why_not(user: User, decision: Decision) -> WhyNot:
    """Explain a refusal to an insider; names of administrators only to the tenant's own people."""
    rule = catalogue.rules()[decision.capability]
    is_own = user.tenant_id == decision.tenant_id
    return WhyNot(
        meaning=MEANINGS[decision.capability],
        least_role=access.role_names(decision.capability)[0],
        who_can_grant=_who_can_grant(decision) if is_own else (),
        never_on_behalf=not is_own and not rule.on_behalf,
        is_partner_side=rule.is_partner_side,
        advice=() if is_own else _advice(user, decision),
    )


def _advice(user: User, decision: Decision) -> tuple[Advice, ...]:
    """DOMAIN §4: what a partner without delegated access does about a service request."""
    if decision.capability not in _SERVICE_REQUESTS:
        return ()
    return (
        Advice(_("Let the customer open the service request: its own people can, with or without you.")),
        Advice(
            _("Ask the customer for a new grant."),
            url=_invitations_url(user),
            link=_("Request a reseller relationship"),
        ),
        Advice(
            settings.MANDATE_SUPPORT_TEXT or _("Contact the platform's support."),
            url=settings.MANDATE_SUPPORT_URL,
            link=_("Platform support"),
        ),
    )


def _invitations_url(user: User) -> str:
    """Where this person can ask for a new grant; empty for those who can't."""
    if user.tenant is None or not access.decide(user, Capability.INVITATIONS_SEND, user.tenant).allowed:
        return ""
    return reverse("invitation-new", kwargs={"partner_slug": user.tenant.slug})


def missing(rights: Rights, capability: Capability) -> Any:
    """Why a button can't be used: one sentence; empty if it can."""
    decision = rights.decide(capability)
    if decision.allowed:
        return ""
    rule = catalogue.rules()[capability]
    if rights.is_on_behalf and not rule.on_behalf:
        return _("Only the organisation's own people can do this.")
    values = {"meaning": MEANINGS[capability], "role": access.role_names(capability)[0]}
    return _("Missing right: %(meaning)s (least privileged role: %(role)s).") % values


def _who_can_grant(decision: Decision) -> tuple[str, ...]:
    holders = RoleAssignment.objects.filter(
        tenant_id=decision.tenant_id,
        role_id=catalogue.GLOBAL_ADMINISTRATOR,
        ended_at__isnull=True,
        user__blocked_at__isnull=True,
    ).order_by("user__sign_in_name")
    return tuple(holders.values_list("user__sign_in_name", flat=True)[:_MOST_NAMES])


def note_denied(request: HttpRequest, decision: Decision) -> None:
    """Log a refusal, unchained and rate-limited (DOMAIN §15). Raises TooMany over the limit."""
    limits.count("denied", str(request.user.pk), most=_LOGGED_PER_HOUR, seconds=3600)
    DeniedAttempt.objects.create(
        tenant_id=decision.tenant_id,
        user_id=request.user.pk,
        capability=decision.capability,
        path=request.resolver_match.view_name[:200] if request.resolver_match else "",
        address=present().address,
        at=clock.now(),
    )
