"""The customer's answers to a GDAP request: *Approve partner roles*, *Decline*, *Counter-offer* (DOMAIN §6)."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import catalogue, gdap_customer, gdap_offers, gdap_people, gdap_texts, services
from delegation.forms import ReasonForm
from delegation.gdap_answer_forms import ApproveForm, CounterOfferForm, offered
from delegation.models import GdapCounterOffer, GdapRelationship
from portal import access, clock, links
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import User
from relationships.forms import ForwardForm
from relationships.offers import Obstacle
from relationships.services import OfferChanged
from relationships.views import asked

#: What stands in the way of answering a request for good; its page goes on saying what was asked.
_ANSWERED = (GdapRelationship.Status.ACTIVE, GdapRelationship.Status.EXPIRED, GdapRelationship.Status.TERMINATED)
_form_page = require_http_methods(["GET", "HEAD", "POST"])


def _forward(relationship: GdapRelationship, *, actor: User, version: int, to: User) -> object:
    return services.forward_gdap(relationship=relationship, actor=actor, version=version, to=to)


KIND = asked.Kind(
    purpose=gdap_texts.PURPOSE,
    route="answer-gdap",
    rows=lambda: GdapRelationship.objects.select_related("partner", "partner__profile", "customer", "pair", "reseller"),
    addressed_to=gdap_customer.addressed_to,
    obstacle=gdap_offers.obstacle,
    needed=lambda _row: Can.GDAP_APPROVE,
    approvers=gdap_offers.approvers,
    forward=_forward,
)


@login_not_required
@never_cache
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """The personal link."""
    return asked.follow_link(request, token, KIND)


def _ready(request: Any, gdap_id: UUID) -> tuple[GdapRelationship, int] | HttpResponse:
    """The request and its link version for somebody who may answer it now, else the page that says why not."""
    opened = asked.opened(request, gdap_id, KIND)
    if isinstance(opened, HttpResponse):
        return opened
    row, home = opened[0], request.user.tenant
    obstacle = gdap_offers.obstacle(row, home) if home else asked.no_organisation()
    if obstacle is not None:
        return _closed(request, obstacle, row)
    return opened if gdap_offers.may_answer(row, request.user, home) else _need_permission(request, row)


def _closed(request: Any, obstacle: Obstacle, row: GdapRelationship) -> HttpResponse:
    """Why it can't be answered; to those with it in their inbox also what was asked, and the way to what it became."""
    home = request.user.tenant
    url = ""
    if home is not None and row.customer_id == home.pk and row.pair_id and row.activated_at:
        url = reverse("partner-relationship", args=[home.slug, row.pair_id])
    if obstacle.kind not in _ANSWERED or not asked.is_in_inbox(request.user, row, KIND):
        return asked.closed(request, obstacle, url)
    roles = sorted(row.roles.all(), key=lambda item: (not item.role.is_privileged, item.role.label))
    return asked.closed(request, obstacle, url, template="delegation/gdap_closed.html", gdap=row, asked_roles=roles)


def _need_permission(request: Any, row: GdapRelationship, form: ForwardForm | None = None) -> HttpResponse:
    return asked.need_permission(
        request,
        row,
        KIND,
        form,
        template="delegation/gdap_need_permission.html",
        forward_url=reverse("forward-gdap", args=[row.pk]),
        **_shown(request, row),
    )


def _shown(request: Any, row: GdapRelationship) -> dict[str, Any]:
    """What all of these pages show of the request."""
    until = clock.now() + row.duration_days * catalogue.DAY
    offer = gdap_offers.offer(row, request.user.tenant)
    return {
        "gdap": row,
        "offer": offer,
        "until": until,
        "extends_to": until + catalogue.EXTENSION,
        "partner_people": gdap_people.of_partner(row.partner) if offer.planned_people is None else None,
    }


@never_cache
@require_safe
def answer(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Approve partner roles*; to be forwarded by those who may not."""
    ready = _ready(request, gdap_id)
    return ready if isinstance(ready, HttpResponse) else _page(request, ready[0])


def _page(
    request: Any,
    row: GdapRelationship,
    form: ApproveForm | None = None,
    *,
    status: int = 200,
    has_changed: bool = False,
) -> HttpResponse:
    home = request.user.tenant
    shown = _shown(request, row)
    counter = row.counter_offers.filter(state=GdapCounterOffer.State.OPEN).select_related("made_by").first()
    context = shown | {
        "tenant": home,
        "form": form
        if form is not None and not has_changed
        else ApproveForm(initial={"digest": shown["offer"].digest}),
        "has_changed": has_changed,
        "may_remove_dap": access.decide(request.user, Can.PARTNERS_REMOVE_DAP, home).allowed,
        "counter": counter,
        "counter_roles": offered(counter) if counter else [],
        "ask_url": reverse("approve-gdap", args=[row.pk]),
    }
    return render(request, "delegation/gdap_approve.html", context, status=status)


def _attempt(request: Any, row: GdapRelationship, act: Any) -> Any:
    return asked.attempt(
        request,
        act,
        shut=lambda obstacle: _closed(request, obstacle, row),
        forbidden=lambda: _need_permission(request, row),
    )


@never_cache
@require_POST
def approve(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Approve all*: in force from now on; then on to Partner relationships with this partner selected."""
    ready = _ready(request, gdap_id)
    if isinstance(ready, HttpResponse):
        return ready
    row, version = ready
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form, status=400, has_changed="digest" in form.errors)
    given = {"digest": form.cleaned_data["digest"], "removes_dap": form.cleaned_data["removes_dap"]}
    try:
        act = partial(services.approve_request, relationship=row, actor=request.user, version=version, **given)
        done = _attempt(request, row, act)
    except OfferChanged:
        return _page(request, row, status=409, has_changed=True)
    if isinstance(done, HttpResponse):
        return done
    links.drop(request, gdap_texts.PURPOSE, row.pk)
    messages.success(request, _("You have approved the roles of %(partner)s.") % {"partner": row.partner})
    return redirect("partner-relationship", request.user.tenant.slug, done.pair_id)


@never_cache
@_form_page
def decline(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Decline*: with a reason, for good."""
    ready = _ready(request, gdap_id)
    if isinstance(ready, HttpResponse):
        return ready
    row, version = ready
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        act = partial(services.decline_request, relationship=row, actor=request.user, version=version, reason=reason)
        done = _attempt(request, row, act)
        if isinstance(done, HttpResponse):
            return done
        links.drop(request, gdap_texts.PURPOSE, row.pk)
        messages.success(request, _("You have declined the request of %(partner)s.") % {"partner": row.partner})
        return redirect("start")
    context = _shown(request, row) | {"form": form, "ask_url": request.path}
    return render(request, "delegation/gdap_decline.html", context, status=400 if form.errors else 200)


@never_cache
@_form_page
def counter_offer(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Counter-offer*: fewer roles, fewer days, no auto-extend; the partner answers it."""
    ready = _ready(request, gdap_id)
    if isinstance(ready, HttpResponse):
        return ready
    row, version = ready
    form = CounterOfferForm(request.POST if request.method == "POST" else None, relationship=row)
    if request.method == "POST" and form.is_valid():
        done = _offer(request, row, version, form)
        if done is not None:
            return done
    context = _shown(request, row) | {"form": form, "ask_url": request.path}
    return render(request, "delegation/gdap_counter_offer.html", context, status=400 if form.errors else 200)


def _offer(request: Any, row: GdapRelationship, version: int, form: CounterOfferForm) -> HttpResponse | None:
    """Make it; None where the form now says what doesn't fit."""
    act = partial(services.counter_offer, relationship=row, actor=request.user, version=version, **form.offer)
    try:
        done = _attempt(request, row, act)
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
        return None
    if isinstance(done, HttpResponse):
        return done
    messages.success(
        request, _("Your counter-offer was sent. %(partner)s accepts it or withdraws.") % {"partner": row.partner}
    )
    return redirect("answer-gdap", row.pk)


@never_cache
@require_POST
def withdraw_counter_offer(request: Any, gdap_id: UUID) -> HttpResponse:
    """Take the counter-offer back; the request waits for another answer."""
    ready = _ready(request, gdap_id)
    if isinstance(ready, HttpResponse):
        return ready
    row = ready[0]
    offer = row.counter_offers.order_by("-made_at").first()
    if offer is None:
        messages.info(request, _("There is no counter-offer to take back."))
        return redirect("answer-gdap", row.pk)
    done = _attempt(request, row, partial(services.withdraw_counter_offer, offer=offer, actor=request.user))
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, _("Your counter-offer was taken back. The request waits for another answer."))
    return redirect("answer-gdap", row.pk)


@never_cache
@require_POST
def forward(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Forward to an approver*."""
    return asked.forward_on(request, gdap_id, KIND, _need_permission, _closed)
