"""A service request about a scope, opened from its page (DOMAIN §8); an import of resource groups and resources."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from delegation import services
from delegation.azure_forms import ImportForm
from delegation.azure_pages import scope_url
from delegation.services.azure_imports import CREATED, EXISTS, REFUSED, Imported
from delegation.views.azure_place import ScopePlace, at_scope, refuse
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.forms.service_requests import OpenRequestForm
from portal.models import Scope
from portal.services import service_requests
from portal.writes import write

_form_page = require_http_methods(["GET", "HEAD", "POST"])


@_form_page
def service_request(request: Any, scope_id: UUID) -> HttpResponse:
    """*Open a service request* about a subscription, or something in it."""
    here = at_scope(request, scope_id, Can.AZURE_SERVICE_REQUESTS)
    form = OpenRequestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        opened = service_requests.open_request(
            tenant=here.tenant, actor=here.user, scope=here.scope, **form.cleaned_data
        )
        messages.success(request, _("Service request #%(number)s is open.") % {"number": opened.number})
        return redirect("service-request", here.tenant.slug, opened.pk)
    context = {"form": form, "back_url": scope_url(here.scope), "back_label": here.scope.name, "scope": here.scope}
    return render(request, "portal/service_request_new.html", context, status=400 if form.is_bound else 200)


class _OnlyLooked(Exception):
    """Takes everything back that a preview did."""


@_form_page
def import_scopes(request: Any, scope_id: UUID) -> HttpResponse:
    """*Import*: a file, what would become of each of its rows, then the act."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_RESOURCES)
    if here.scope.kind == Scope.Kind.RESOURCE:
        messages.info(request, _("Nothing can be made below a resource."))
        return here.here
    is_sure = request.POST.get("do") == "import"
    form = ImportForm(request.POST if request.method == "POST" else None, request.FILES or None, is_sure=is_sure)
    context: dict[str, Any] = {"scope": here.scope, "form": form, "back_url": scope_url(here.scope)}
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"]
        try:
            found = _imported(here, text) if is_sure else _preview(here, text)
        except Refused as refused:
            refuse(form, refused)
        else:
            if is_sure:
                created = sum(one.verdict == CREATED for one in found)
                messages.success(request, _("Imported: %(count)d.") % {"count": created})
                return here.here
            return render(request, "delegation/azure_import.html", context | _verdicts(found) | {"text": text})
    return render(request, "delegation/azure_import.html", context, status=400 if form.is_bound else 200)


def _imported(here: ScopePlace, text: str) -> list[Imported]:
    return services.import_scopes(scope=here.scope, actor=here.user, lines=io.StringIO(text, newline=""))


def _preview(here: ScopePlace, text: str) -> list[Imported]:
    """The verdicts, as if it were done: the same code, taken back."""
    found: list[Imported] = []
    try:
        with write():
            found = _imported(here, text)
            raise _OnlyLooked
    except _OnlyLooked:
        return found


_MOST_SHOWN = 200


def _verdicts(found: list[Imported]) -> dict[str, Any]:
    """What the preview shows: those that can't be made first."""
    created = sum(one.verdict == CREATED for one in found)
    order = sorted(found, key=lambda one: (one.verdict != REFUSED, one.verdict == CREATED, one.line))
    return {
        "rows": order[:_MOST_SHOWN],
        "more": max(0, len(found) - _MOST_SHOWN),
        "created": created,
        "refused": sum(one.verdict == REFUSED for one in found),
        "exists": sum(one.verdict == EXISTS for one in found),
    }
