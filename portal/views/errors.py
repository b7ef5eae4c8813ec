"""Error pages: 403 says why and who could change it, 404 tells a stranger nothing."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal import clock, limits, why
from portal.access import Decision
from portal.errors import PermissionDenied, TooMany
from portal.models import DeniedAttempt
from portal.requests import present

log = logging.getLogger(__name__)
_LOGGED_PER_HOUR = 60


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 with *Why can't I?* for an insider; the attempt goes to the log of refusals.

    A stranger who gets this far by an Azure role (it stays after the relationship's end) finds nothing else: 404.
    """
    if isinstance(exception, PermissionDenied) and request.user.is_authenticated:
        if not exception.decision.is_insider:
            return not_found(request, exception)
        try:
            note_denied(request, exception.decision)
        except TooMany:
            log.info("more refusals than are logged")
        refusal = why.refusal(request.user, exception.decision)
        return render(request, "403.html", {"why": refusal}, status=403)
    return render(request, "403.html", {"why": None}, status=403)


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


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing here, or nothing for you."""
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 in the portal's clothes."""
    return render(request, "400.html", status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that came without its token: 403, with what to do."""
    return render(request, "403.html", {"why": None, "is_csrf": True}, status=403)
