"""*DAP to GDAP*: how far each customer's move is, and one customer's move step by step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from delegation import gdap_move, gdap_move_losses, gdap_move_needs, services
from delegation.gdap_move_filters import MoveFilter
from delegation.gdap_move_forms import GiveUpForm, MoveForm
from delegation.gdap_move_tables import TONES, MoveTable, add_details, state_badge
from delegation.models import GdapRelationship
from delegation.views import insist
from delegation.views.gdap_tabs import tabs
from portal import access, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import Pair

_STEPS = (gdap_move.PROPOSED, gdap_move.REQUESTED, gdap_move.APPROVED, gdap_move.CHECKED, gdap_move.DONE)


def listing_of(request: Any, capability: Can = Can.GDAP_VIEW) -> lists.Listing:
    """The customers that this person may do it for, as the address filters them."""
    insist(request, capability)
    rights, slug = request.acting.rights, request.acting.tenant.slug
    rows = gdap_move.moves(access.allowing(Pair.objects.all(), request.user, capability))
    can_choose = rights.allows(Can.GDAP_REQUEST) or rights.allows(Can.DAP_GIVE_UP)
    options = {"url": reverse("gdap-moves", args=[slug]), "can_choose": can_choose}
    return lists.Listing(request, MoveTable, rows, MoveFilter, add_details, options)


@require_safe
def moves(request: Any) -> HttpResponse:
    """Every customer with DAP, and those that gave it up for GDAP."""
    slug, rights = request.acting.tenant.slug, request.acting.rights
    listing = listing_of(request)
    context = listing.context(
        page_title=_("DAP to GDAP"),
        page_lead=_("Delegated admin (DAP) is all or nothing and never ends. Move each customer to named roles."),
        search_label=_("Name or domain"),
        tabs=tabs(request),
        tiles=_tiles(request, listing.queryset),
        filtered=[(name, request.GET[name]) for name in ("q", "state") if request.GET.get(name)],
        export_url=f"{reverse('gdap-moves-export', args=[slug])}?{request.GET.urlencode()}",
        may_request=rights.allows(Can.GDAP_REQUEST),
        may_give_up=rights.allows(Can.DAP_GIVE_UP),
    )
    context |= {"total": listing.total, "matching": lists.shown_count(listing.total)}  # counted by now
    return render(request, "delegation/gdap_moves.html", context)


def _tiles(request: Any, rows: Any) -> list[dict[str, Any]]:
    """How many customers are how far, as far as chips count: one statement."""
    states = [(rows.filter(move_state=state), lists.CHIP_UP_TO) for state, _label in gdap_move.STATES]
    return [
        {
            "label": label,
            "value": lists.shown_count(count, lists.CHIP_UP_TO),
            "url": f"?state={state}",
            "tone": TONES[state] if count else "",
            "current": request.GET.get("state") == state,
        }
        for (state, label), count in zip(gdap_move.STATES, lists.bounded_counts(states), strict=True)
    ]


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return listing_of(request).csv("dap-to-gdap")  # type: ignore[return-value]


# ── one customer ──


def _get(request: Any, pair_id: UUID, capability: Can = Can.GDAP_VIEW) -> Any:
    rows = gdap_move.moves(Pair.objects.filter(partner=request.acting.tenant)).select_related("partner", "customer")
    return access.get_or_404(rows, request.user, capability, pk=pair_id)


def _to(pair: Any) -> HttpResponse:
    return redirect("gdap-move", pair.partner.slug, pair.pk)


def _steps() -> list[dict[str, Any]]:
    labels = (_("Propose roles"), _("Ask the customer"), _("Approval"), _("Check"), _("Give up DAP"))
    return [{"label": label} for label in labels]


def _page(request: Any, pair: Any, *, status: int = 200, **more: Any) -> HttpResponse:
    rights = access.partner_rights(request.user, pair)
    present = gdap_move.present(pair)
    state = pair.move_state
    context: dict[str, Any] = {
        "pair": pair,
        "state": state,
        "state_badge": state_badge(state),
        "steps": _steps(),
        "step": 1 + _STEPS.index(state) if state in _STEPS else 1,
        "is_open": state in (gdap_move.OPEN, gdap_move.PROPOSED),
        **present,
        "may_request": rights.allows(Can.GDAP_REQUEST),
        "may_assign": rights.allows(Can.GDAP_ASSIGN),
        "may_give_up": rights.allows(Can.DAP_GIVE_UP),
    }
    if context["is_open"]:
        proposal = more.pop("proposal", None) or gdap_move_needs.propose(pair)
        form = more.pop("form", None) or MoveForm(pair=pair, proposal=proposal)
        context |= {"proposal": proposal, "form": form}
    elif state != gdap_move.DONE:
        losses = gdap_move_losses.compare(pair, present["pending"])
        is_lossy = any(loss.is_left_out or loss.lost_used for loss in losses)
        context |= {"losses": losses, "is_lossy": is_lossy, "is_assigned": gdap_move.is_assigned(pair)}
        context |= {"give_up_form": more.pop("give_up_form", None) or GiveUpForm()}
    context |= {"assignments": gdap_move.assignments_of(pair), **more}
    return render(request, "delegation/gdap_move.html", context, status=status)


@require_safe
def move(request: Any, pair_id: UUID) -> HttpResponse:
    """One customer's move: what is next."""
    return _page(request, _get(request, pair_id))


@require_POST
def ask(request: Any, pair_id: UUID) -> HttpResponse:
    """Ask the customer for the roles; with `preview` only show what would be asked for."""
    pair = _get(request, pair_id, Can.GDAP_REQUEST)
    if pair.move_state not in (gdap_move.OPEN, gdap_move.PROPOSED):
        messages.info(request, _("GDAP is asked for, or in force, already."))
        return _to(pair)
    form = MoveForm(request.POST, pair=pair, proposal=gdap_move_needs.propose(pair))
    if not form.is_valid():
        return _page(request, pair, form=form, status=400)
    proposal = form.proposal()
    if "preview" in request.POST:
        return _page(request, pair, form=form, proposal=proposal)
    try:
        row = services.request_move(
            pair=pair,
            actor=request.user,
            roles=proposal.roles,
            plans=proposal.plans,
            duration_days=form.cleaned_data["duration_days"],
            auto_extend=form.cleaned_data["auto_extend"],
            template_version=form.template_version,
        )
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
        return _page(request, pair, form=form, proposal=proposal, status=400)
    _tell_sent(request, row, is_sent=form.cleaned_data["is_sent"])
    return _to(pair)


def _tell_sent(request: Any, row: GdapRelationship, *, is_sent: bool) -> None:
    if is_sent:
        try:
            services.send_request(relationship=row, actor=request.user)
        except Refused as refused:
            messages.warning(request, str(refused.message))
            return
        messages.success(request, _("The customer was asked; the mail is on its way."))
    else:
        messages.success(request, _("The customer was asked: the request waits among its requests."))


@require_POST
def give_up(request: Any, pair_id: UUID) -> HttpResponse:
    """*Give up DAP*, where GDAP is in its place."""
    pair = _get(request, pair_id, Can.DAP_GIVE_UP)
    form = GiveUpForm(request.POST)
    if not form.is_valid():
        return _page(request, pair, give_up_form=form, status=400)
    try:
        services.give_up_for_gdap(pair=pair, actor=request.user, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, str(refused.message))
        return _page(request, pair, give_up_form=form, blocked=str(refused.message), status=409)
    messages.success(request, _("Delegated admin was given up; GDAP is in its place."))
    return _to(pair)
