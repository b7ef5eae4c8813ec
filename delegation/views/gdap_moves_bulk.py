"""*DAP to GDAP* for many customers: the ticked ones or all that match; which of them it works for, then the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from delegation import bulk_moves, gdap_move
from delegation.forms import ReasonForm
from delegation.gdap_move_forms import ChosenForm, TermsForm
from delegation.views.gdap_moves import listing_of
from portal import jobs
from portal.catalogue import Capability as Can
from portal.models import Pair
from portal.services import jobs as job_services

_form_page = require_http_methods(["GET", "HEAD", "POST"])
_MOST_NAMED = 10
_NO_GDAP = gettext_lazy("DAP stays: no GDAP is in force with this customer.")
_IN_PLACE = gettext_lazy("GDAP is in force with this customer already.")
_NO_DAP = gettext_lazy("There is no delegated admin here any more.")


@dataclass(frozen=True)
class Act:
    """What is done to many: the kind of job, for moves that are how far, and why it does nothing for the others."""

    kind: str
    capability: Can
    state: str
    obstacles: dict[str, Any]


_ASK = Act(
    bulk_moves.REQUEST,
    Can.GDAP_REQUEST,
    gdap_move.OPEN,
    {
        gdap_move.PROPOSED: gettext_lazy("A draft names this customer: lock or delete it."),
        gdap_move.REQUESTED: gettext_lazy("A request waits for this customer's answer already."),
        gdap_move.APPROVED: _IN_PLACE,
        gdap_move.CHECKED: _IN_PLACE,
        gdap_move.DONE: _NO_DAP,
    },
)
_GIVE_UP = Act(
    bulk_moves.GIVE_UP,
    Can.DAP_GIVE_UP,
    gdap_move.CHECKED,
    {
        gdap_move.OPEN: _NO_GDAP,
        gdap_move.PROPOSED: _NO_GDAP,
        gdap_move.REQUESTED: _NO_GDAP,
        gdap_move.APPROVED: gettext_lazy("DAP stays: somebody who works here by DAP has no role by GDAP yet."),
        gdap_move.DONE: _NO_DAP,
    },
)


@_form_page
def ask(request: Any) -> HttpResponse:
    """Ask the customers whose move hasn't begun: by a job."""
    form = TermsForm(request.POST if request.method == "POST" else None, partner=request.acting.tenant)
    return _page(request, _ASK, form)


@_form_page
def give_up(request: Any) -> HttpResponse:
    """Give DAP up wherever GDAP is in place: by a job."""
    return _page(request, _GIVE_UP, ReasonForm(request.POST if request.method == "POST" else None))


def _page(request: Any, act: Act, form: Any) -> HttpResponse:
    rows = listing_of(request, act.capability).rows
    chosen = ChosenForm(request.GET)
    if not chosen.is_valid():
        messages.error(request, next(iter(chosen.errors.values()))[0])
        return redirect("gdap-moves", request.acting.tenant.slug)
    found = chosen.of(rows)
    tally = gdap_move.tally(found)
    count = tally.get(act.state, 0)
    if not tally or (request.method == "POST" and not count):
        messages.info(request, _("There is no customer to do this for."))
        return redirect("gdap-moves", request.acting.tenant.slug)
    if request.method == "POST" and form.is_valid():
        return _start(request, act, found, form)
    context = {
        "form": form,
        "is_asking": act is _ASK,
        "total": sum(tally.values()),
        "count": count,
        "names": _names(found, act.state),
        "more": max(0, count - _MOST_NAMED),
        "obstacles": _obstacles(act, found, tally),
    }
    return render(request, "delegation/gdap_moves_bulk.html", context, status=400 if form.errors else 200)


def _start(request: Any, act: Act, found: QuerySet[Pair], form: Any) -> HttpResponse:
    arguments = dict(form.cleaned_data)
    if act is _ASK:
        arguments["days"] = arguments.pop("duration_days")
    rows = found.filter(move_state=act.state).order_by("customer_key", "pk")
    job = job_services.start_job(
        tenant=request.acting.tenant,
        actor=request.user,
        kind=act.kind,
        subjects=jobs.subjects_of(rows, lambda row: row.customer_name),
        arguments=arguments,
    )
    messages.success(request, _("The job is started. It goes on while you do something else."))
    return redirect("job", request.acting.tenant.slug, job.pk)


def _names(found: QuerySet[Pair], *states: str) -> list[str]:
    rows = found.filter(move_state__in=states).order_by("customer_key", "pk")
    return list(rows.values_list("customer_name", flat=True)[:_MOST_NAMED])


def _obstacles(act: Act, found: QuerySet[Pair], tally: dict[str, int]) -> list[dict[str, Any]]:
    """Why it does nothing, with how many and which; one line for a reason."""
    lines = []
    for text in dict.fromkeys(act.obstacles.values()):
        states = [state for state, why in act.obstacles.items() if why is text and tally.get(state)]
        count = sum(tally[state] for state in states)
        if count:
            more = max(0, count - _MOST_NAMED)
            lines.append({"text": text, "count": count, "names": _names(found, *states), "more": more})
    return lines
