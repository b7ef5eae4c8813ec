"""*Why can't I?*: what is missing, the least privileged role that has it, and who can give it (DOMAIN §14)."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from portal import access, catalogue, clock, limits
from portal.access import Decision
from portal.models import DeniedAttempt, RoleAssignment, User
from portal.requests import present

_LOGGED_PER_HOUR = 60
_MOST_NAMES = 5


@dataclass(frozen=True)
class WhyNot:
    """What a refused page says (`templates/why.html`)."""

    sentence: str
    right: str
    role: str
    granted_by: tuple[str, ...]
    never_on_behalf: bool


def why_not(user: User, decision: Decision) -> WhyNot:
    """Explain a refusal to an insider; names of administrators only to the tenant's own people."""
    rule = catalogue.rules()[decision.capability]
    is_own = user.tenant_id == decision.tenant_id
    return WhyNot(
        sentence=rule.meaning,
        right=decision.capability,
        role=access.role_names(decision.capability)[0],
        never_on_behalf=not is_own and not rule.is_partner_side and not rule.on_behalf,
        granted_by=_who_can_grant(decision) if is_own else (),
    )


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
