"""The start page and the person's display settings."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from portal.models import User

THEMES = ("system", "light", "dark")


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Where a person lands after sign-in."""
    return render(request, "portal/start.html")


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep light, dark or the system's choice, with the person or, signed out, in a cookie."""
    theme = request.POST.get("theme", "")
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    answer = redirect(target)
    if theme in THEMES:
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(theme=theme)
        answer.set_cookie(
            "theme", theme, max_age=31_536_000, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
        )
    return answer
