"""*Expiring*: what ends when; auto-extend and renewals for many at once (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from delegation import gdap_expiring
from delegation.gdap_bulk_forms import ACTS, ChosenForm, RenewalForm, kept
from delegation.gdap_expiring_list import ExpiringFilter, ExpiringTable
from delegation.gdap_tables import customer_of
from delegation.models import GdapRelationship
from delegation.views import gdap_expiring_dap, insist
from delegation.views.gdap_tabs import tabs
from portal import access, jobs, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.services import jobs as job_services

_MOST_NAMED = 10


def _base(request: Any, capability: Can) -> Any:
    return access.allowing(GdapRelationship.objects.all(), request.user, capability)


def _listing(request: Any) -> lists.Listing:
    insist(request, Can.GDAP_VIEW)
    slug, rights = request.acting.tenant.slug, request.acting.rights
    options = {"url": reverse("gdap-list", args=[slug]), "can_choose": rights.allows(Can.GDAP_EXTEND)}
    rows = _base(request, Can.GDAP_VIEW).select_related("customer")
    return lists.Listing(
        request,
        ExpiringTable,
        rows,
        ExpiringFilter,
        gdap_expiring.add_details,
        options,
        beside=gdap_expiring.tile_parts(),
    )


@require_safe
def expiring(request: Any) -> HttpResponse:
    """The tiles and the list; rows are chosen here."""
    listing, slug = _listing(request), request.acting.tenant.slug
    context = listing.context(
        page_title=_("Expiring"),
        page_lead=_("What ends when. With auto-extend on, a relationship goes on by 180 days at its end."),
        search_label=_("Name or customer"),
        export_url=f"{reverse('gdap-expiring-export', args=[slug])}?{request.GET.urlencode()}",
        tabs=tabs(request),
        acts=_acts(request),
        can_extend=request.acting.rights.allows(Can.GDAP_EXTEND),
        bulk_url=reverse("gdap-expiring-change", args=[slug]),
        filtered=kept(request.GET),
    )
    context |= {"total": listing.total, "matching": lists.shown_count(listing.total)}  # counted by now
    context["tiles"] = _tiles(request, gdap_expiring.on_tiles(listing.beside_counts))
    context["beside_url"] = _beside_url(request) if any(row.falls_back for row in listing.data.data) else ""
    return render(request, "delegation/gdap_expiring.html", context)


def _beside_url(request: Any) -> str:
    """The list, of those only with a customer where DAP lives beside it."""
    query = request.GET.copy()
    query.pop("at", None)
    query["dap"] = "with"
    return f"?{query.urlencode()}"


def _acts(request: Any) -> list[dict[str, Any]]:
    """What the rows can be chosen for."""
    may_give_up = request.acting.rights.allows(Can.DAP_GIVE_UP)
    return [
        {"value": act, "label": label, "variant": "danger" if act == gdap_expiring.GIVE_UP_DAP else ""}
        for act, (_kind, label) in ACTS.items()
        if may_give_up or act != gdap_expiring.GIVE_UP_DAP
    ]


def _tiles(request: Any, counts: list[int]) -> list[dict[str, Any]]:
    tones = {"1": "bad", "7": "wait", "30": "wait"}
    return [
        {
            "label": label,
            "value": lists.shown_count(count, lists.CHIP_UP_TO),
            "url": f"?due={which}",
            "tone": tones.get(which, "") if count else "",
            "current": request.GET.get("due") == which,
        }
        for (which, label), count in zip(gdap_expiring.DUE, counts, strict=True)
    ]


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("expiring")  # type: ignore[return-value]


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: Any) -> HttpResponse:
    """How many it is about, which of them it won't work for and why; then the job."""
    insist(request, Can.GDAP_EXTEND)
    given = request.POST if request.method == "POST" else request.GET
    chosen = ChosenForm(given)
    if not chosen.is_valid():
        messages.error(request, next(iter(chosen.errors.values()))[0])
        return redirect("gdap-expiring", request.acting.tenant.slug)
    act = chosen.cleaned_data["act"]
    rows = _chosen(request, given, chosen.cleaned_data)
    if act == gdap_expiring.GIVE_UP_DAP:
        return gdap_expiring_dap.give_up(request, rows, chosen)
    options = RenewalForm(given if request.method == "POST" and act == gdap_expiring.RENEW else None)
    if request.method == "POST" and (options.is_valid() or not options.is_bound):
        return _start(request, act, rows, options)
    status = 400 if options.is_bound else 200
    return render(
        request, "delegation/gdap_expiring_change.html", _preview(request, act, rows, chosen, options), status=status
    )


def _chosen(request: Any, given: Any, cleaned: dict[str, Any]) -> Any:
    """The relationships it is about, of those that this person may extend."""
    rows = _base(request, Can.GDAP_EXTEND)
    if cleaned["which"] == "chosen":
        return rows.filter(pk__in=cleaned["row"])
    found = ExpiringFilter(given, queryset=rows, request=request)
    return found.qs if found.is_valid() else rows.none()


def _start(request: Any, act: str, rows: Any, options: RenewalForm) -> HttpResponse:
    job = job_services.start_job(
        tenant=request.acting.tenant,
        actor=request.user,
        kind=ACTS[act][0],
        subjects=jobs.subjects_of(rows.select_related("customer").order_by("ends_at", "pk"), _labelled),
        arguments=options.cleaned_data if options.is_bound else {},
    )
    messages.success(request, _("The job is started. It goes on while you do something else."))
    return redirect("job", request.acting.tenant.slug, job.pk)


def _labelled(row: GdapRelationship) -> str:
    return f"{row.display_name} · {customer_of(row)}"


def _preview(request: Any, act: str, rows: Any, chosen: ChosenForm, options: RenewalForm) -> dict[str, Any]:
    tally = gdap_expiring.tally(rows, act)
    if not tally:
        raise Refused(_("Nothing matches any more. Look at the list again."))
    obstacles = [
        {
            "text": text,
            "count": tally[code],
            "names": _names(rows, act, code),
            "more": max(0, tally[code] - _MOST_NAMED),
        }
        for code, text in gdap_expiring.OBSTACLES.items()
        if tally.get(code)
    ]
    return {
        "act": act,
        "label": ACTS[act][1],
        "works": tally.get("", 0),
        "total": sum(tally.values()),
        "obstacles": obstacles,
        "falling_back": gdap_expiring.beside_dap(rows).count() if act == gdap_expiring.EXTEND_OFF else 0,
        "dap_url": gdap_expiring_dap.url(request, chosen),
        "is_renewal": act == gdap_expiring.RENEW,
        "chosen": chosen,
        "filtered": kept(chosen.data),
        "form": options,
        "back_url": reverse("gdap-expiring", args=[request.acting.tenant.slug]),
    }


def _names(rows: Any, act: str, code: str) -> list[str]:
    found = gdap_expiring.with_obstacle(rows, act).filter(obstacle=code).order_by("ends_at", "pk")
    return list(found.values_list("display_name", flat=True)[:_MOST_NAMED])
