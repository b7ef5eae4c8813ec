"""Service requests of a tenant (DOMAIN §5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, clock, states
from portal.access import Rights
from portal.catalogue import Capability
from portal.errors import Refused
from portal.filters import ServiceRequestFilter
from portal.forms.service_requests import CommentForm, OpenRequestForm, StateForm
from portal.lists import Listing
from portal.models import Scope, ServiceRequest, Tenant
from portal.services import service_requests as services
from portal.tables import ServiceRequestTable
from portal.views.acting import Place, place

State = ServiceRequest.State
_MOST_COMMENTS = 500

#: POST route → (service, what the page says afterwards)
_MOVES = {
    "start": (services.start_request, gettext_lazy("The request is in progress.")),
    "resolve": (services.resolve_request, gettext_lazy("The request is resolved.")),
    "close": (services.close_request, gettext_lazy("The request is closed.")),
    "reopen": (services.reopen_request, gettext_lazy("The request is open again.")),
}


def _seen(request: HttpRequest) -> tuple[Place, QuerySet[ServiceRequest]]:
    """The place and the requests that the person sees: all by a role in the tenant; by an Azure role those about it.

    Raises PermissionDenied for whoever sees none.
    """
    here = place(request)
    rows = ServiceRequest.objects.filter(tenant=here.tenant)
    rows = rows.select_related("opened_by", "opened_for_partner", "tenant", "scope")
    if here.rights.allows(Capability.SERVICE_REQUESTS_VIEW):
        return here, rows
    held = request.acting.scope_rights  # type: ignore[attr-defined]
    if not Rights(here.tenant.pk, held.paths, held.is_insider).allows(Capability.AZURE_SERVICE_REQUESTS):
        here.check(Capability.SERVICE_REQUESTS_VIEW)
    return here, access.allowing(rows, here.user, Capability.AZURE_SERVICE_REQUESTS)


def _at(request: HttpRequest, here: Place, found: ServiceRequest) -> tuple[Place, Capability]:
    """By which rights this person goes on with a request: the tenant's, or those at the scope that it is about."""
    manage = Capability.SERVICE_REQUESTS_MANAGE
    if found.scope is None or here.rights.allows(manage):
        return here, manage
    held = request.acting.scope_rights.at(found.scope)  # type: ignore[attr-defined]
    by_azure = replace(here, rights=held), Capability.AZURE_SERVICE_REQUESTS
    return by_azure if held.allows(Capability.AZURE_SERVICE_REQUESTS) else (here, manage)


def _name_scopes(rows: list[Any]) -> None:
    """Set `about` on each row of a page: what it is about, from its subscription on."""
    keys = {pk for row in rows if row.scope for pk in row.scope.lineage[1:]}
    names = dict(Scope.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}
    for row in rows:
        row.about = " / ".join(names[pk] for pk in row.scope.lineage[1:]) if row.scope else ""


def _listing(request: HttpRequest, rows: QuerySet[ServiceRequest]) -> Listing:
    return Listing(request, ServiceRequestTable, rows, ServiceRequestFilter, _name_scopes)


@require_safe
def service_requests(request: HttpRequest) -> HttpResponse:
    """The list."""
    here, rows = _seen(request)
    listing = _listing(request, rows)
    new = here.button(Capability.SERVICE_REQUESTS_MANAGE, _("Open a service request"), here.url("service-request-new"))
    kept = [(name, value) for name, value in request.GET.items() if name in ("sort", "state")]
    context = listing.context(
        page_title=_("Service requests"),
        search_label=_("Number or title"),
        kept=kept,
        chips=("state", State.choices),
        export_url=f"{here.url('service-requests-csv')}?{request.GET.urlencode()}",
        new=new,
    )
    return render(request, "portal/service_requests.html", context)


@require_safe
def service_requests_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV."""
    here, rows = _seen(request)
    return _listing(request, rows).csv(f"service-requests-{here.tenant.slug}")


@require_http_methods(["GET", "HEAD", "POST"])
def service_request_new(request: HttpRequest) -> HttpResponse:
    """Open a request."""
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_MANAGE)
    form = OpenRequestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        opened = services.open_request(tenant=here.tenant, actor=here.user, **form.cleaned_data)
        messages.success(request, _("Service request #%(number)s is open.") % {"number": opened.number})
        return redirect(here.url("service-request", request_id=opened.pk))
    return render(request, "portal/service_request_new.html", {"form": form, "back_url": here.url("service-requests")})


def _found(request: HttpRequest, request_id: UUID) -> tuple[Place, ServiceRequest, Capability]:
    """A request that the person sees, and by which right more can be done about it."""
    here, rows = _seen(request)
    found = rows.filter(pk=request_id).first()
    if found is None:
        raise Http404
    _name_scopes([found])
    here, manage = _at(request, here, found)
    return here, found, manage


@require_safe
def service_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request with its comments and what can be done to it."""
    here, found, manage = _found(request, request_id)
    return render(request, "portal/service_request.html", _context(found, here, manage, CommentForm()))


def _context(found: ServiceRequest, here: Place, manage: Capability, form: Any) -> dict[str, Any]:
    comments = found.comments.select_related("author", "author_partner")[:_MOST_COMMENTS]
    until = services.reopen_until(found)
    return {
        "found": found,
        "form": form,
        "opened_for": _partner(found.opened_for_partner, here),
        "comments": [
            {
                "at": comment.at,
                "by": _author(comment.author, here),
                "partner": _partner(comment.author_partner, here),
                "text": comment.text,
                "state": State(comment.new_state).label if comment.new_state else "",
            }
            for comment in comments
        ],
        "comment": here.button(manage, _("Comment"), here.url("service-request-comment", request_id=found.pk)),
        "moves": _moves(found, here, manage),
        "reopen_until": until if until and until > clock.now() else None,
        "back_url": here.url("service-requests"),
    }


def _author(author: Any, here: Place) -> str:
    """Who wrote it; on behalf, people of other partners have no name (DOMAIN §5)."""
    known = not here.is_on_behalf or author.tenant_id in (here.tenant.pk, here.user.tenant_id)
    return author.sign_in_name if known else _("another partner")


def _partner(partner: Tenant | None, here: Place) -> str:
    if partner is None:
        return ""
    return partner.display_name if not here.is_on_behalf or partner.pk == here.user.tenant_id else _("another partner")


def _moves(found: ServiceRequest, here: Place, manage: Capability) -> list[dict[str, Any]]:
    """The changes of state that are legal now, as buttons."""
    until = services.reopen_until(found)
    labels = {
        "start": (_("Start work"), State.IN_PROGRESS, found.state == State.NEW),
        "resolve": (_("Resolve"), State.RESOLVED, True),
        "close": (_("Close"), State.CLOSED, True),
        "reopen": (_("Reopen"), State.IN_PROGRESS, until is not None and until > clock.now()),
    }
    return [
        here.button(manage, label, here.url(f"service-request-{move}", request_id=found.pk))
        for move, (label, to, offered) in labels.items()
        if offered and to in states.SERVICE_REQUEST[found.state]
    ]


@require_POST
def service_request_comment(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Add a comment."""
    here, found, manage = _found(request, request_id)
    here.check(manage)
    form = CommentForm(request.POST)
    if form.is_valid():
        try:
            services.comment_on_request(request=found, actor=here.user, text=form.cleaned_data["text"])
        except Refused as refused:
            form.add_error(refused.field, refused.message)
        else:
            messages.success(request, _("The comment was added."))
            return redirect(here.url("service-request", request_id=found.pk))
    return render(request, "portal/service_request.html", _context(found, here, manage, form))


@require_POST
def service_request_move(request: HttpRequest, request_id: UUID, move: str) -> HttpResponse:
    """Start, resolve, close or reopen, with words if there are any."""
    here, found, manage = _found(request, request_id)
    here.check(manage)
    service, done = _MOVES[move]
    form = StateForm(request.POST)
    if not form.is_valid():
        return render(request, "portal/service_request.html", _context(found, here, manage, form))
    service(request=found, actor=here.user, text=form.cleaned_data["text"])
    messages.success(request, done)
    return redirect(here.url("service-request", request_id=found.pk))
