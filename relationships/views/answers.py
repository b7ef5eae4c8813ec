"""The invited customer's pages: the personal link, what is asked, *Accept*, *Decline*, *Forward* (DOMAIN §3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal import access, limits, links, requests
from portal.catalogue import Capability as Can
from portal.errors import BadLink, PermissionDenied
from portal.models import Pair, Tenant
from relationships import offers, queries, services, texts
from relationships.forms import AcceptForm, ForwardForm
from relationships.models import Invitation
from relationships.services import Closed, OfferChanged

_HOUR = 3600
#: An answer that can't change any more is gone; anything else may work later or elsewhere.
_GONE = ("expired", "cancelled", "declined", "accepted")


@login_not_required
@never_cache
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Swap the link's secret for the session and go on at a clean address; changes nothing else (mail scanners).

    Raises TooMany after too many wrong tries from one address.
    """
    address = requests.present().address
    limits.count("link", address, most=settings.MANDATE_LINK_TRIES_PER_HOUR, seconds=_HOUR)
    try:
        pk, version = links.read(texts.PURPOSE, token)
    except BadLink:
        return _bad_link(request)
    found = Invitation.objects.filter(pk=pk).first()
    if found is None:
        return _bad_link(request)
    limits.give_back("link", address, seconds=_HOUR)
    if found.link_version != version:
        return _replaced(request)
    obstacle = offers.obstacle(found)
    if obstacle is not None and not request.user.is_authenticated:
        return _closed(request, obstacle)
    links.keep(request, texts.PURPOSE, pk, version)
    return redirect("answer-invitation", pk)


def _closed(request: HttpRequest, obstacle: offers.Obstacle, invitation: Invitation | None = None) -> HttpResponse:
    """Why it can't be answered, as a page of its own."""
    pair_url = ""
    if invitation is not None and obstacle.answer is not None and obstacle.answer.is_accepted:
        pair_url = _pair_url(obstacle.answer.tenant, invitation)
    context = {"obstacle": obstacle, "pair_url": pair_url}
    return render(request, "relationships/closed.html", context, status=410 if obstacle.kind in _GONE else 409)


def _pair_url(customer: Tenant, invitation: Invitation) -> str:
    pair = Pair.objects.get(partner=invitation.partner_id, customer=customer)
    return reverse("partner-relationship", args=[customer.slug, pair.pk])


def _bad_link(request: HttpRequest) -> HttpResponse:
    obstacle = offers.Obstacle(
        "bad",
        _("This link doesn't work"),
        _("Open the whole link from the message, in this browser. Or ask for a new one."),
    )
    return render(request, "relationships/closed.html", {"obstacle": obstacle}, status=404)


def _replaced(request: HttpRequest) -> HttpResponse:
    obstacle = offers.Obstacle(
        "replaced", _("This link has been replaced"), _("Use the latest one that you were sent, or ask for a new one.")
    )
    return render(request, "relationships/closed.html", {"obstacle": obstacle}, status=410)


def _opened(request: Any, invitation_id: UUID) -> tuple[Invitation, int] | HttpResponse:
    """The invitation and the link version that stands for it here, or the page that says why there is none.

    It is there for the browser that opened its present link, and for those who may see partners of the organisation
    that it is addressed to (the inbox).
    """
    version = links.kept_version(request, texts.PURPOSE, invitation_id)
    rows = Invitation.objects.select_related("partner", "partner__profile", "created_by")
    found = rows.filter(pk=invitation_id).first()
    if found is not None and version == found.link_version:
        return found, found.link_version
    if found is not None and _is_in_inbox(request, found):
        return found, found.link_version
    return _bad_link(request) if found is None or version is None else _replaced(request)


def _is_in_inbox(request: Any, invitation: Invitation) -> bool:
    home = request.user.tenant
    if home is None or not queries.addressed_to(home).filter(pk=invitation.pk).exists():
        return False
    return access.decide(request.user, Can.PARTNERS_VIEW, home).allowed


def _no_organisation() -> offers.Obstacle:
    text = _("Requests are answered by people of an organisation. You are signed in as the operator.")
    return offers.Obstacle("operator", _("You have no organisation"), text)


@never_cache
@require_safe
def answer(request: Any, invitation_id: UUID) -> HttpResponse:
    """Who asks for what; to be answered by those who may, to be forwarded by everybody else."""
    opened = _opened(request, invitation_id)
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
    obstacle = offers.obstacle(invitation, home) if home else _no_organisation()
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
    """*You need permission*: what is asked, by whom, which roles can accept, and who holds them here."""
    home = request.user.tenant
    approvers = offers.approvers(invitation, home)
    known = invitation.forwards.filter(by=request.user).values_list("to_id", flat=True)
    context = {
        "invitation": invitation,
        "offer": offers.offer(invitation, home),
        "tenant": home,
        "roles": access.role_names(offers.needed(invitation)),
        "approvers": approvers,
        "forwarded": [person for person in approvers if person.pk in set(known)],
        "form": form or ForwardForm(approvers=approvers),
        "is_made_by_partner": request.user.made_by_partner_id == invitation.partner_id,
    }
    return render(request, "relationships/need_permission.html", context, status=403)


@never_cache
@require_POST
def accept(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Accept*: all of it, now; then on to Partner relationships with this partner selected."""
    opened = _opened(request, invitation_id)
    if isinstance(opened, HttpResponse):
        return opened
    invitation, version = opened
    form = AcceptForm(request.POST)
    if not form.is_valid():
        return _page(request, invitation, form, status=400, has_changed="digest" in form.errors)
    try:
        acceptance = services.accept_invitation(
            invitation=invitation, actor=request.user, version=version, digest=form.cleaned_data["digest"]
        )
    except OfferChanged:
        return _page(request, invitation, status=409, has_changed=True)
    except Closed as closed:
        return _closed(request, closed.obstacle, invitation)
    except BadLink:
        return _replaced(request)
    except PermissionDenied:
        return _need_permission(request, invitation)
    links.drop(request, texts.PURPOSE, invitation.pk)
    _say_accepted(request, invitation, acceptance)
    return redirect("partner-relationship", request.user.tenant.slug, acceptance.pair.pk)


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
    opened = _opened(request, invitation_id)
    if isinstance(opened, HttpResponse):
        return opened
    invitation, version = opened
    try:
        services.decline_invitation(invitation=invitation, actor=request.user, version=version)
    except Closed as closed:
        return _closed(request, closed.obstacle, invitation)
    except BadLink:
        return _replaced(request)
    except PermissionDenied:
        return _need_permission(request, invitation)
    links.drop(request, texts.PURPOSE, invitation.pk)
    messages.success(request, _("You have declined the request of %(partner)s.") % {"partner": invitation.partner})
    return redirect("start")


@never_cache
@require_POST
def forward(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Forward to an approver*."""
    opened = _opened(request, invitation_id)
    if isinstance(opened, HttpResponse):
        return opened
    invitation, version = opened
    home = request.user.tenant
    form = ForwardForm(request.POST, approvers=offers.approvers(invitation, home) if home else [])
    if not form.is_valid():
        return _need_permission(request, invitation, form) if home else _closed(request, _no_organisation())
    approver = form.cleaned_data["to"]
    try:
        services.forward_invitation(invitation=invitation, actor=request.user, version=version, to=approver)
    except Closed as closed:
        return _closed(request, closed.obstacle, invitation)
    except BadLink:
        return _replaced(request)
    messages.success(request, _("The request was mailed to %(person)s.") % {"person": approver.display_name})
    return redirect("answer-invitation", invitation.pk)
