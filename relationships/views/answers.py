"""The invited customer's pages: the personal link, what is asked, *Accept*, *Decline*, *Forward* (DOMAIN §3)."""

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
from django.views.decorators.http import require_POST, require_safe

from portal import access, links
from portal.catalogue import Capability as Can
from portal.models import Pair, Tenant, User
from relationships import offers, queries, services, texts
from relationships.forms import AcceptForm, ForwardForm
from relationships.models import Invitation
from relationships.services import OfferChanged
from relationships.views import asked


def _forward(invitation: Invitation, *, actor: User, version: int, to: User) -> object:
    return services.forward_invitation(invitation=invitation, actor=actor, version=version, to=to)


KIND = asked.Kind(
    purpose=texts.PURPOSE,
    route="answer-invitation",
    rows=lambda: Invitation.objects.select_related("partner", "partner__profile", "created_by"),
    addressed_to=queries.addressed_to,
    obstacle=offers.obstacle,
    needed=offers.needed,
    approvers=offers.approvers,
    forward=_forward,
)


@login_not_required
@never_cache
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """The personal link."""
    return asked.follow_link(request, token, KIND)


def _closed(request: HttpRequest, obstacle: offers.Obstacle, invitation: Invitation) -> HttpResponse:
    """Why it can't be answered; with the way to the partner where it was accepted here."""
    is_accepted = obstacle.answer is not None and obstacle.answer.is_accepted
    return asked.closed(request, obstacle, _pair_url(obstacle.answer.tenant, invitation) if is_accepted else "")  # type: ignore[union-attr]


def _pair_url(customer: Tenant, invitation: Invitation) -> str:
    pair = Pair.objects.get(partner=invitation.partner_id, customer=customer)
    return reverse("partner-relationship", args=[customer.slug, pair.pk])


@never_cache
@require_safe
def answer(request: Any, invitation_id: UUID) -> HttpResponse:
    """Who asks for what; to be answered by those who may, to be forwarded by everybody else."""
    opened = asked.opened(request, invitation_id, KIND)
    return opened if isinstance(opened, HttpResponse) else _page(request, opened[0])


def _page(
    request: Any,
    invitation: Invitation,
    form: AcceptForm | None = None,
    *,
    status: int = 200,
    has_changed: bool = False,
) -> HttpResponse:
    """The page as things are now: closed, *you need permission*, or the question."""
    home = request.user.tenant
    obstacle = offers.obstacle(invitation, home) if home else asked.no_organisation()
    if obstacle is not None:
        return _closed(request, obstacle, invitation)
    if not offers.may_answer(invitation, request.user, home):
        return _need_permission(request, invitation)
    offer = offers.offer(invitation, home)
    context = {
        "invitation": invitation,
        "offer": offer,
        "tenant": home,
        "form": form if form is not None and not has_changed else AcceptForm(initial={"digest": offer.digest}),
        "has_changed": has_changed,
        "gives_consent": access.decide(request.user, Can.PARTNERS_ACCEPT_WITH_ROLES, home).allowed,
        "ask_url": reverse("accept-invitation", args=[invitation.pk]),
    }
    return render(request, "relationships/answer.html", context, status=status)


def _need_permission(request: Any, invitation: Invitation, form: ForwardForm | None = None) -> HttpResponse:
    return asked.need_permission(
        request,
        invitation,
        KIND,
        form,
        template="relationships/need_permission.html",
        invitation=invitation,
        offer=offers.offer(invitation, request.user.tenant),
        forward_url=reverse("forward-invitation", args=[invitation.pk]),
    )


@never_cache
@require_POST
def accept(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Accept*: all of it, now; then on to Partner relationships with this partner selected."""
    opened = asked.opened(request, invitation_id, KIND)
    if isinstance(opened, HttpResponse):
        return opened
    invitation, version = opened
    form = AcceptForm(request.POST)
    if not form.is_valid():
        return _page(request, invitation, form, status=400, has_changed="digest" in form.errors)
    digest = form.cleaned_data["digest"]
    act = partial(services.accept_invitation, invitation=invitation, actor=request.user, version=version, digest=digest)
    try:
        acceptance = _attempt(request, invitation, act)
    except OfferChanged:
        return _page(request, invitation, status=409, has_changed=True)
    if isinstance(acceptance, HttpResponse):
        return acceptance
    links.drop(request, texts.PURPOSE, invitation.pk)
    _say_accepted(request, invitation, acceptance)
    return redirect("partner-relationship", request.user.tenant.slug, acceptance.pair.pk)


def _attempt(request: Any, invitation: Invitation, act: Any) -> Any:
    return asked.attempt(
        request,
        act,
        shut=lambda obstacle: _closed(request, obstacle, invitation),
        forbidden=lambda: _need_permission(request, invitation),
    )


def _say_accepted(request: Any, invitation: Invitation, acceptance: services.Acceptance) -> None:
    name = {"partner": invitation.partner.display_name}
    if acceptance.is_already_in_place:
        messages.info(
            request, _("Already in place: %(partner)s has all of this. Nothing was used up or changed.") % name
        )
    else:
        messages.success(request, _("You have accepted the request of %(partner)s.") % name)


@never_cache
@require_POST
def decline(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Decline*: final, and only by those who may accept."""
    opened = asked.opened(request, invitation_id, KIND)
    if isinstance(opened, HttpResponse):
        return opened
    invitation, version = opened
    act = partial(services.decline_invitation, invitation=invitation, actor=request.user, version=version)
    done = _attempt(request, invitation, act)
    if isinstance(done, HttpResponse):
        return done
    links.drop(request, texts.PURPOSE, invitation.pk)
    messages.success(request, _("You have declined the request of %(partner)s.") % {"partner": invitation.partner})
    return redirect("start")


@never_cache
@require_POST
def forward(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Forward to an approver*."""
    return asked.forward_on(request, invitation_id, KIND, _need_permission, _closed)
