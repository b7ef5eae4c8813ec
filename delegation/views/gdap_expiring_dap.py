"""*Give up DAP for the chosen customers* of *Expiring*: what ends, what remains, then the job (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from delegation import bulk, endings, gdap_expiring, gdap_move
from delegation.forms import ReasonForm
from delegation.gdap_bulk_forms import ChosenForm, kept
from delegation.models import GdapRelationship
from delegation.views import insist
from portal import access, jobs
from portal.catalogue import Capability as Can
from portal.models import Pair
from portal.services import jobs as job_services

_MOST_NAMED = 10
#: How far the move to GDAP is: what is left to the partner without DAP.
_BARE = (gdap_move.OPEN, gdap_move.PROPOSED, gdap_move.REQUESTED)


def url(request: Any, chosen: ChosenForm) -> str:
    """The page for what was chosen for another act; empty for those who may not give DAP up."""
    if not request.acting.rights.allows(Can.DAP_GIVE_UP):
        return ""
    cleaned = chosen.cleaned_data
    query = [("act", gdap_expiring.GIVE_UP_DAP), ("which", cleaned["which"]), *(("row", key) for key in cleaned["row"])]
    return (
        f"{reverse('gdap-expiring-change', args=[request.acting.tenant.slug])}?{urlencode(query + kept(chosen.data))}"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: Any, rows: QuerySet[GdapRelationship], chosen: ChosenForm) -> HttpResponse:
    """What giving DAP up with the customers of these relationships means; then the job."""
    insist(request, Can.DAP_GIVE_UP)
    partner = request.acting.tenant
    pairs = access.allowing(gdap_expiring.customers_of(rows), request.user, Can.DAP_GIVE_UP)
    giving = gdap_expiring.with_dap(pairs)
    tally = gdap_move.tally(gdap_move.moves(giving))
    if not tally:
        messages.info(request, _("There is no delegated admin to give up."))
        return redirect("gdap-expiring", partner.slug)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        job = job_services.start_job(
            tenant=partner,
            actor=request.user,
            kind=bulk.GIVE_UP_DAP,
            subjects=jobs.subjects_of(giving.order_by("customer_key", "pk"), lambda pair: pair.customer_name),
            arguments=form.cleaned_data,
        )
        messages.success(request, _("The job is started. It goes on while you do something else."))
        return redirect("job", partner.slug, job.pk)
    context = _preview(request, pairs, giving, tally) | {"form": form, "chosen": chosen, "filtered": kept(chosen.data)}
    context["ask_url"] = request.path
    return render(request, "delegation/gdap_expiring_dap.html", context, status=400 if form.errors else 200)


def _preview(request: Any, pairs: QuerySet[Pair], giving: QuerySet[Pair], tally: dict[str, int]) -> dict[str, Any]:
    partner = request.acting.tenant
    works = sum(tally.values())
    with_gdap = tally.get(gdap_move.CHECKED, 0) + tally.get(gdap_move.APPROVED, 0)
    kinds = (
        (_BARE, "bad", _("nobody"), _("No GDAP is in force there.")),
        ((gdap_move.APPROVED,), "wait", _("not everybody"), _("Somebody who works there by DAP has no role by GDAP.")),
        ((gdap_move.CHECKED,), "good", _("everybody"), _("Who works there by DAP has a role by GDAP.")),
    )
    left = [
        {"label": label, "tone": tone, "text": text, "count": count, "names": _names(giving, states)}
        | {"more": max(0, count - _MOST_NAMED)}
        for states, tone, label, text in kinds
        if (count := sum(tally.get(state, 0) for state in states))
    ]
    return {
        "total": pairs.count(),
        "works": works,
        "left": left,
        "act": gdap_expiring.GIVE_UP_DAP,
        "back_url": reverse("gdap-expiring", args=[partner.slug]),
        **endings.of_dap_with_many(partner, customers=works, with_gdap=with_gdap),
    }


def _names(giving: QuerySet[Pair], states: tuple[str, ...]) -> list[str]:
    found = gdap_move.moves(giving).filter(move_state__in=states).order_by("customer_key", "pk")
    return list(found.values_list("customer_name", flat=True)[:_MOST_NAMED])
