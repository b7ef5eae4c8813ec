"""The partner's pages: *Invitations*, the three steps of a request, one invitation (DOMAIN §3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import Pair
from relationships import queries, services, tables, texts
from relationships.filters import InvitationFilter
from relationships.forms import MessageForm, OptionsForm
from relationships.models import Invitation

State = Invitation.State
_form_page = require_http_methods(["GET", "HEAD", "POST"])


def _listing(request: Any) -> lists.Listing:
    access.check(request.user, Can.INVITATIONS_VIEW, request.acting.tenant)
    rows = access.allowing(Invitation.objects.all(), request.user, Can.INVITATIONS_VIEW)
    rows = rows.filter(partner=request.acting.tenant).select_related("partner")
    url = reverse("invitations", args=[request.acting.tenant.slug])
    return lists.Listing(request, tables.InvitationTable, rows, InvitationFilter, queries.add_delivery, {"url": url})


@require_safe
def invitations(request: Any) -> HttpResponse:
    """Every invitation of this partner, with its state and delivery."""
    listing = _listing(request)
    slug = request.acting.tenant.slug
    context = listing.context(
        page_title=_("Invitations"),
        page_lead=_("Requests for a relationship: what you asked for, and what became of it."),
        search_label=_("Customer or e-mail"),
        chips=("state", State.choices),
        export_url=f"{reverse('invitations-export', args=[slug])}?{request.GET.urlencode()}",
        can_send=request.acting.rights.allows(Can.INVITATIONS_SEND),
    )
    return render(request, "relationships/invitations.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("invitations")  # type: ignore[return-value]


# ── *Request a reseller relationship*: options → message → deliver ──


def _steps(invitation: Invitation | None) -> list[dict[str, str]]:
    """The wizard's steps; those of a draft that exists can be gone back to."""
    labels = [("invitation-options", _("Options")), ("invitation-message", _("Message")), ("", _("Deliver"))]
    is_draft = invitation is not None and invitation.state == State.DRAFT
    return [
        {
            "label": label,
            "url": reverse(route, args=[invitation.partner.slug, invitation.pk]) if is_draft and route else "",
        }
        for route, label in labels
    ]


def _refused(form: Form, refused: Refused) -> None:
    """Show a rule's refusal at the field it names."""
    field = getattr(form, "shown_at", {}).get(refused.field, refused.field)
    form.add_error(field if field in form.fields else None, str(refused.message))


def _options_page(request: Any, form: OptionsForm, invitation: Invitation | None) -> HttpResponse:
    context = {"form": form, "invitation": invitation, "steps": _steps(invitation)}
    return render(request, "relationships/options.html", context, status=400 if form.is_bound else 200)


@_form_page
def new(request: Any) -> HttpResponse:
    """Step 1 of a new request; `?pair=` starts one for delegated admin to a customer that is there already."""
    access.check(request.user, Can.INVITATIONS_SEND, request.acting.tenant)
    form = OptionsForm(request.POST if request.method == "POST" else None, initial=_start(request))
    if request.method == "POST" and form.is_valid():
        try:
            row = services.create_invitation(partner=request.acting.tenant, actor=request.user, **form.options)
        except Refused as refused:
            _refused(form, refused)
        else:
            return redirect("invitation-message", request.acting.tenant.slug, row.pk)
    return _options_page(request, form, None)


def _start(request: Any) -> dict[str, Any]:
    try:
        pair = Pair.objects.select_related("customer").get(
            pk=request.GET["pair"], partner=request.acting.tenant, started_at__isnull=False
        )
    except (KeyError, Pair.DoesNotExist, ValidationError, ValueError):
        return {"language": request.acting.tenant.language}
    return OptionsForm.start_for(pair)


def _get(request: Any, invitation_id: UUID, capability: Can = Can.INVITATIONS_VIEW) -> Invitation:
    rows = Invitation.objects.filter(partner=request.acting.tenant).select_related("partner", "created_by", "ended_by")
    return access.get_or_404(rows, request.user, capability, pk=invitation_id)


def _to(route: str, invitation: Invitation) -> HttpResponse:
    return redirect(route, invitation.partner.slug, invitation.pk)


@_form_page
def options(request: Any, invitation_id: UUID) -> HttpResponse:
    """Step 1 of a draft, gone back to."""
    invitation = _get(request, invitation_id, Can.INVITATIONS_SEND)
    if invitation.state != State.DRAFT:
        return _frozen(request, invitation)
    start = OptionsForm.start_of(invitation)
    form = OptionsForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_draft(invitation=invitation, actor=request.user, **form.options)
        except Refused as refused:
            _refused(form, refused)
        else:
            return _to("invitation-message", invitation)
    return _options_page(request, form, invitation)


@_form_page
def message(request: Any, invitation_id: UUID) -> HttpResponse:
    """Step 2: the text, with the real link in it."""
    invitation = _get(request, invitation_id, Can.INVITATIONS_SEND)
    if invitation.state != State.DRAFT:
        return _frozen(request, invitation)
    start = {"subject": invitation.subject, "body": texts.shown(invitation)}
    form = MessageForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_draft(invitation=invitation, actor=request.user, **form.cleaned_data)
        except Refused as refused:
            _refused(form, refused)
        else:
            return _to("invitation-deliver", invitation)
    context = {
        "form": form,
        "invitation": invitation,
        "steps": _steps(invitation),
        "link": texts.personal_link(invitation),
    }
    return render(request, "relationships/message.html", context, status=400 if form.is_bound else 200)


def _frozen(request: Any, invitation: Invitation) -> HttpResponse:
    messages.info(request, _("Text and options are frozen: this invitation is no draft any more."))
    return _to("invitation", invitation)


@require_safe
def deliver(request: Any, invitation_id: UUID) -> HttpResponse:
    """Step 3: *Open in mail app*, *Copy to clipboard*, *Send for me*; then *Done*."""
    invitation = _get(request, invitation_id)
    if invitation.state_now not in (State.DRAFT, State.OPEN):
        return _to("invitation", invitation)
    queries.add_delivery([invitation])
    context = {
        "invitation": invitation,
        "steps": _steps(invitation),
        "text": texts.shown(invitation),
        "mailto": texts.mailto(invitation),
        "may_send": request.acting.rights.allows(Can.INVITATIONS_SEND),
    }
    return render(request, "relationships/deliver.html", context)


# ── changes: one POST route each ──


@require_POST
def open_(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Done*."""
    invitation = services.open_invitation(invitation=_get(request, invitation_id), actor=request.user)
    messages.success(request, _("The invitation is open. Its text and options are frozen now."))
    return _to("invitation", invitation)


@require_POST
def send(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Send for me*."""
    invitation = services.send_invitation(invitation=_get(request, invitation_id), actor=request.user)
    messages.success(request, _("The message to %(address)s is on its way.") % {"address": invitation.customer_address})
    return _to("invitation-deliver", invitation)


@require_POST
def resend(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Resend*."""
    invitation = services.resend_invitation(invitation=_get(request, invitation_id), actor=request.user)
    messages.success(request, _("The message to %(address)s is on its way.") % {"address": invitation.customer_address})
    return _to("invitation", invitation)


@require_POST
def replace_link(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Replace link*."""
    invitation = services.replace_link(invitation=_get(request, invitation_id), actor=request.user)
    messages.success(request, _("The link is replaced. The old one no longer works: send the new one."))
    return _to("invitation", invitation)


@_form_page
def cancel(request: Any, invitation_id: UUID) -> HttpResponse:
    """*Cancel*: says what it means, then does it."""
    invitation = _get(request, invitation_id, Can.INVITATIONS_CANCEL)
    if request.method == "POST":
        services.cancel_invitation(invitation=invitation, actor=request.user)
        messages.success(request, _("The invitation is cancelled. Its link no longer works."))
        return _to("invitation", invitation)
    return render(request, "relationships/cancel.html", {"invitation": invitation})


@require_safe
def invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """One invitation: what was asked, its text and link, answers, delivery, what happened."""
    acting: Any = request.acting  # type: ignore[attr-defined]
    row = _get(request, invitation_id)
    queries.add_delivery([row])
    has_link = row.state_now in (State.DRAFT, State.OPEN)
    may_change = has_link and acting.rights.allows(Can.INVITATIONS_CANCEL)
    context = {
        "invitation": row,
        "state": row.state_now,
        "state_badge": tables.state(row),
        "delivery": tables.delivery(row.delivery),
        "text": texts.shown(row) if has_link else row.body,
        "link": texts.personal_link(row) if has_link else "",
        "events": queries.timeline(row),
        "answers": row.answers.select_related("tenant", "user").order_by("-at", "id")[:100],
        "may_continue": row.state == State.DRAFT and acting.rights.allows(Can.INVITATIONS_SEND),
        "may_change": may_change,
        "may_resend": may_change and row.state_now == State.OPEN and not row.is_open_link,
    }
    return render(request, "relationships/invitation.html", context)
