"""The start page and the person's display settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_POST, require_safe

from portal import access, adapters, hooks, navigation
from portal.catalogue import Capability as Can
from portal.models import ServiceRequest, Tenant, User

THEMES = ("system", "light", "dark")
#: Counts on the start page stop here.
_MOST_COUNTED = 100


@dataclass(frozen=True)
class Entry:
    """A page that this person may open."""

    title: str
    note: str
    url: str
    icon: str


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Where a person lands after sign-in: the pages that the person's rights open, and what waits."""
    user: Any = request.user
    if user.is_operator:
        return render(request, "portal/start.html", {"is_operator": True, "entries": [], "waiting": []})
    rights = access.rights(user, user.tenant)
    waiting = [item for source in hooks.waiting for item in source(user, user.tenant, rights) if item.count]
    context = {
        "tenant": user.tenant,
        "entries": _entries(request),
        "waiting": [*waiting, *_open_service_requests(user.tenant, rights)],
        "roles": sorted({path.role_label for path in rights.paths}),
        "may_become_partner": user.tenant.partner_profile is None and rights.allows(Can.PARTNER_PROFILE_MANAGE),
    }
    return render(request, "portal/start.html", context)


def _entries(request: HttpRequest) -> list[Entry]:
    """The pages of the navigation, which asks for the same rights, each with a few words."""
    items = [item for section in navigation.context(request)["nav_sections"] for item in section["items"]]
    return [Entry(item["label"], item["note"], item["url"], item["icon"]) for item in items]


def _open_service_requests(tenant: Tenant, rights: access.Rights) -> list[hooks.Waiting]:
    if not rights.allows(Can.SERVICE_REQUESTS_VIEW):
        return []
    states = (ServiceRequest.State.NEW, ServiceRequest.State.IN_PROGRESS)
    count = ServiceRequest.objects.filter(tenant=tenant, state__in=states)[:_MOST_COUNTED].count()
    url = reverse("service-requests", kwargs={"tenant_slug": tenant.slug})
    return [hooks.Waiting(_("open service requests"), count, url)] if count else []


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep light, dark or the system's choice, with the person or, signed out, in a cookie."""
    theme = request.POST.get("theme", "")
    answer = redirect(adapters.next_url(request) or "/")
    if theme in THEMES:
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(theme=theme)
        answer.set_cookie(
            "theme",
            theme,
            max_age=31_536_000,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
        )
    return answer


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the language, with the person too; a signed-in person's own setting decides."""
    code = request.POST.get("language", "")
    if request.user.is_authenticated and code in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=code)
    return i18n.set_language(request)
