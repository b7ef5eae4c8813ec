"""*Drift*: relationships that differ from their template's present version, and one amendment for all chosen."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from delegation import bulk_moves, gdap_drift
from delegation.gdap_drift_tables import DriftTable
from delegation.gdap_move_filters import DriftFilter
from delegation.gdap_move_forms import SendForm
from delegation.gdap_tables import customer_of
from delegation.models import GdapRelationship
from delegation.views import insist
from delegation.views.gdap_tabs import tabs
from portal import access, jobs, lists
from portal.catalogue import Capability as Can
from portal.services import jobs as job_services

CHOSEN, ALL = "chosen", "all"


def _listing(request: Any, capability: Can = Can.GDAP_VIEW) -> lists.Listing:
    insist(request, capability)
    rows = access.allowing(GdapRelationship.objects.all(), request.user, capability)
    rows = gdap_drift.with_open_amendment(gdap_drift.differing(rows)).select_related("customer", "template_version")
    form = "chosen" if request.acting.rights.allows(Can.GDAP_EXTEND) else ""
    url = reverse("gdap-list", args=[request.acting.tenant.slug])
    return lists.Listing(request, DriftTable, rows, DriftFilter, gdap_drift.add_drift, {"url": url, "form": form})


@require_safe
def drift(request: Any) -> HttpResponse:
    """The list, with what differs."""
    slug = request.acting.tenant.slug
    listing = _listing(request)
    context = listing.context(
        page_title=_("Drift"),
        page_lead=_("Relationships in force that differ from what their template says now."),
        search_label=_("Name or customer"),
        chips=("kind", gdap_drift.KINDS),
        tabs=tabs(request),
        export_url=f"{reverse('gdap-template-drift-export', args=[slug])}?{request.GET.urlencode()}",
        may_amend=request.acting.rights.allows(Can.GDAP_EXTEND),
        all_text=lists.shown_count(listing.total),
        total=listing.total,
    )
    return render(request, "delegation/gdap_drift.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("drift")  # type: ignore[return-value]


def _chosen(request: Any) -> QuerySet[GdapRelationship]:
    """Those that the address names: some by their keys, or all that match the list's filters."""
    rows = _listing(request, Can.GDAP_EXTEND).rows
    if request.GET.get("which") != ALL:
        keys = []
        for text in request.GET.getlist("chosen"):
            with suppress(ValueError):
                keys.append(UUID(text))
        rows = rows.filter(pk__in=keys)
    return rows.order_by("name_key", "pk")


@require_http_methods(["GET", "HEAD", "POST"])
def amend(request: Any) -> HttpResponse:
    """*Follow the templates*: what will be done, then the job that does it."""
    rows = _chosen(request)
    (count,) = lists.bounded_counts([(rows, 100_000)])
    form = SendForm(request.POST if request.method == "POST" else None)
    slug = request.acting.tenant.slug
    if not count:
        messages.info(request, _("Nothing that differs is chosen."))
        return redirect("gdap-template-drift", slug)
    if request.method == "POST" and form.is_valid():
        job = job_services.start_job(
            tenant=request.acting.tenant,
            actor=request.user,
            kind=bulk_moves.FOLLOW,
            subjects=jobs.subjects_of(rows, lambda row: f"{row.display_name} · {customer_of(row)}"),
            arguments={"is_sent": form.cleaned_data["is_sent"]},
        )
        return redirect("job", slug, job.pk)
    (consent,) = lists.bounded_counts([(gdap_drift.differing(rows, gdap_drift.CONSENT), 100_000)])
    context = {"form": form, "count": count, "consent": consent, "at_once": count - consent, "rows": rows[:10]}
    return render(request, "delegation/gdap_drift_amend.html", context, status=400 if form.errors else 200)
