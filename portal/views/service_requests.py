"""Service requests of a tenant (DOMAIN §5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import clock, states
from portal.catalogue import Capability
from portal.errors import Refused
from portal.filters import ServiceRequestFilter
from portal.forms.service_requests import CommentForm, OpenRequestForm, StateForm
from portal.lists import Listing
from portal.models import ServiceRequest, Tenant
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


def _listing(request: HttpRequest, here: Place) -> Listing:
    rows = ServiceRequest.objects.filter(tenant=here.tenant).select_related("opened_by", "opened_for_partner")
    return Listing(request, ServiceRequestTable, rows, ServiceRequestFilter)


@require_safe
def service_requests(request: HttpRequest) -> HttpResponse:
    """The list."""
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_VIEW)
    listing = _listing(request, here)
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
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_VIEW)
    return _listing(request, here).csv(f"service-requests-{here.tenant.slug}")


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


def _found(here: Place, request_id: UUID) -> ServiceRequest:
    rows = ServiceRequest.objects.select_related("opened_by", "opened_for_partner", "tenant")
    found = rows.filter(tenant=here.tenant, pk=request_id).first()
    if found is None:
        raise Http404
    return found


@require_safe
def service_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request with its comments and what can be done to it."""
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_VIEW)
    found = _found(here, request_id)
    return render(request, "portal/service_request.html", _context(found, here, CommentForm()))


def _context(found: ServiceRequest, here: Place, form: Any) -> dict[str, Any]:
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
        "comment": here.button(
            Capability.SERVICE_REQUESTS_MANAGE, _("Comment"), here.url("service-request-comment", request_id=found.pk)
        ),
        "moves": _moves(found, here),
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


def _moves(found: ServiceRequest, here: Place) -> list[dict[str, Any]]:
    """The changes of state that are legal now, as buttons."""
    until = services.reopen_until(found)
    labels = {
        "start": (_("Start work"), State.IN_PROGRESS, found.state == State.NEW),
        "resolve": (_("Resolve"), State.RESOLVED, True),
        "close": (_("Close"), State.CLOSED, True),
        "reopen": (_("Reopen"), State.IN_PROGRESS, until is not None and until > clock.now()),
    }
    return [
        here.button(Capability.SERVICE_REQUESTS_MANAGE, label, here.url(f"service-request-{move}", request_id=found.pk))
        for move, (label, to, offered) in labels.items()
        if offered and to in states.SERVICE_REQUEST[found.state]
    ]


@require_POST
def service_request_comment(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Add a comment."""
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_MANAGE)
    found = _found(here, request_id)
    form = CommentForm(request.POST)
    if form.is_valid():
        try:
            services.comment_on_request(request=found, actor=here.user, text=form.cleaned_data["text"])
        except Refused as refused:
            form.add_error(refused.field, refused.message)
        else:
            messages.success(request, _("The comment was added."))
            return redirect(here.url("service-request", request_id=found.pk))
    return render(request, "portal/service_request.html", _context(found, here, form))


@require_POST
def service_request_move(request: HttpRequest, request_id: UUID, move: str) -> HttpResponse:
    """Start, resolve, close or reopen, with words if there are any."""
    here = place(request)
    here.check(Capability.SERVICE_REQUESTS_MANAGE)
    found = _found(here, request_id)
    service, done = _MOVES[move]
    form = StateForm(request.POST)
    if not form.is_valid():
        return render(request, "portal/service_request.html", _context(found, here, form))
    service(request=found, actor=here.user, text=form.cleaned_data["text"])
    messages.success(request, done)
    return redirect(here.url("service-request", request_id=found.pk))
