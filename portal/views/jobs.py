"""*Bulk jobs* of an organisation: the list, one job with its progress and rows, cancel, resume, run again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal import jobs
from portal.errors import PermissionDenied
from portal.filters import JobFilter, JobRowFilter
from portal.job_tables import JobRowTable, JobTable, of_total, state_badge, told
from portal.lists import Listing
from portal.models import Job, JobRow
from portal.services import jobs as services


@require_safe
def listing(request: Any) -> HttpResponse:
    """The jobs of those kinds that this person may start."""
    rights = request.acting.rights
    kinds = [kind for kind in jobs.kinds() if rights.allows(kind.capability)]
    if not kinds:
        raise _refusal(request)
    rows = Job.objects.filter(tenant=request.acting.tenant, kind__in=[kind.name for kind in kinds])
    rows = rows.select_related("created_by")
    found = Listing(request, JobTable, rows, JobFilter, None, {"slug": request.acting.tenant.slug})
    context = found.context(
        page_title=_("Bulk jobs"),
        page_lead=_("What was done to many things at once, and what became of each."),
        chips=("state", Job.State.choices),
    )
    return render(request, "portal/jobs.html", context | {"search": None})


def _refusal(request: Any) -> Exception:
    kind = next(iter(jobs.kinds()), None)
    return PermissionDenied(request.acting.rights.decide(kind.capability)) if kind else Http404()


def _get(request: Any, job_id: UUID) -> Job:
    rows = Job.objects.select_related("tenant", "created_by", "run_by", "rerun_of")
    job = rows.filter(tenant=request.acting.tenant, pk=job_id).first()
    if job is None:
        raise Http404
    decision = request.acting.rights.decide(jobs.kind_of(job).capability)
    if not decision.allowed:
        raise PermissionDenied(decision)
    return job


def _rows(request: Any, job: Job) -> Listing:
    return Listing(request, JobRowTable, JobRow.objects.filter(job=job), JobRowFilter, None, {"job": job})


@require_safe
def job(request: Any, job_id: UUID) -> HttpResponse:
    """One job: how far it is, and what became of each row. While it runs, script asks for it every two seconds."""
    row = _get(request, job_id)
    url = reverse("job", args=[row.tenant.slug, row.pk])
    context = _rows(request, row).context(
        page_title=str(row),
        chips=("state", JobRow.State.choices),
        export_url=f"{reverse('job-csv', args=[row.tenant.slug, row.pk])}?{request.GET.urlencode()}",
        job=row,
        told=told(row),
        state_badge=state_badge(row),
        text=of_total(row.handled, row.total),
        is_live=not row.is_over,
        can_resume=row.is_over and row.state != Job.State.DONE and jobs.is_known(row),
        can_rerun=row.is_over and bool(row.refused_count + row.failed_count) and jobs.is_known(row),
        live_url=f"{url}?{request.GET.urlencode()}",
    )
    response = render(request, "portal/job.html", context | {"search": None})
    if row.is_over and request.htmx.target == "job-progress":
        response["HX-Refresh"] = "true"  # the last look: the buttons and the rows beside it are other ones now
    return response


@require_safe
def rows_csv(request: Any, job_id: UUID) -> HttpResponse:
    """The filtered rows as CSV."""
    row = _get(request, job_id)
    return _rows(request, row).csv(f"job-{row.created_at:%Y-%m-%d}")  # type: ignore[return-value]


def _to(job: Job) -> HttpResponse:
    return redirect("job", job.tenant.slug, job.pk)


@require_POST
def cancel(request: Any, job_id: UUID) -> HttpResponse:
    """*Cancel*."""
    row = services.cancel_job(job=_get(request, job_id), actor=request.user)
    messages.success(request, _("The job stops after the batch that is under way. What is done stays done."))
    return _to(row)


@require_POST
def resume(request: Any, job_id: UUID) -> HttpResponse:
    """*Resume*."""
    row = services.resume_job(job=_get(request, job_id), actor=request.user)
    messages.success(request, _("The job goes on."))
    return _to(row)


@require_POST
def rerun(request: Any, job_id: UUID) -> HttpResponse:
    """*Run again* for what was refused or failed."""
    row = services.rerun_job(job=_get(request, job_id), actor=request.user)
    messages.success(request, _("A new job runs for what was refused or failed."))
    return _to(row)
