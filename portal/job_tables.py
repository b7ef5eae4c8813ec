"""The lists of bulk jobs and of one job's rows."""

from __future__ import annotations

from typing import Any, ClassVar

import django_tables2 as tables
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal import jobs
from portal.cells import ago, badge, link
from portal.lists import WrittenTable
from portal.models import Job, JobRow
from portal.tables import moment

_TONES = {Job.State.RUNNING: "wait", Job.State.DONE: "good", Job.State.FAILED: "bad"}
_ROW_TONES = {JobRow.State.DONE: "good", JobRow.State.REFUSED: "wait", JobRow.State.FAILED: "bad"}


def state_badge(job: Job) -> SafeString:
    """What a job does now."""
    if job.state == Job.State.RUNNING and job.is_cancel_requested:
        return badge("wait", gettext("Stopping"))
    return badge(_TONES.get(Job.State(job.state), "idle"), job.get_state_display())


def told(job: Job) -> str:
    """What the job was told, in words."""
    kind = jobs.kind_of(job)
    return str(kind.argument(job)) if kind.argument else ""


def of_total(count: int, total: int) -> str:
    """So many of so many."""
    values = {"count": number_format(count, force_grouping=True), "total": number_format(total, force_grouping=True)}
    return gettext("%(count)s of %(total)s") % values


class JobTable(WrittenTable):
    """An organisation's bulk jobs, of the kinds that the reader may start."""

    job = tables.Column(verbose_name=_("Job"), empty_values=(), accessor="kind")
    state = tables.Column(verbose_name=_("State"))
    handled = tables.Column(verbose_name=_("Handled"))
    done_count = tables.Column(verbose_name=_("Done"), visible=False)
    refused_count = tables.Column(verbose_name=_("Refused"))
    failed_count = tables.Column(verbose_name=_("Failed"))
    started_by = tables.Column(verbose_name=_("Started by"), accessor="created_by", visible=False)
    created_at = tables.Column(verbose_name=_("Started"))

    sorts: ClassVar[dict[str, str]] = {"created_at": "created_at"}
    default_sort = "-created_at"
    caption = _("Bulk jobs")
    empty_title = _("No bulk jobs")
    empty_icon = "queue-list"
    unlabelled = frozenset({"job"})

    class Meta(WrittenTable.Meta):
        empty_text = _("What you do to many things at once is listed here, with what became of each.")
        order_by_field = "sort"

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slug = slug

    def cell_job(self, record: Job) -> str:
        return link(reverse("job", args=[self.slug, record.pk]), record, told(record))

    def cell_state(self, record: Job) -> str:
        return state_badge(record)

    def cell_handled(self, record: Job) -> str:
        return of_total(record.handled, record.total)

    def cell_refused_count(self, record: Job) -> str:
        return number_format(record.refused_count, force_grouping=True) if record.refused_count else ""

    def cell_failed_count(self, record: Job) -> str:
        return number_format(record.failed_count, force_grouping=True) if record.failed_count else ""

    def cell_created_at(self, record: Job) -> str:
        return format_html('{} <span class="sub cut">{}</span>', ago(record.created_at), record.created_by.sign_in_name)


class JobRowTable(WrittenTable):
    """The rows of one job, with what became of each."""

    label = tables.Column(verbose_name=_("What"))
    state = tables.Column(verbose_name=_("Result"))
    said = tables.Column(verbose_name=_("Details"), empty_values=(), accessor="pk")
    ended_at = tables.Column(verbose_name=_("When"))
    subject = tables.Column(verbose_name=_("Key"), visible=False)

    sorts: ClassVar[dict[str, str]] = {"label": "position"}
    default_sort = "label"
    caption = _("Results")
    empty_title = _("No rows")
    empty_icon = "queue-list"
    unlabelled = frozenset({"label"})

    class Meta(WrittenTable.Meta):
        empty_text = _("Nothing matches.")
        order_by_field = "sort"

    def __init__(self, *args: Any, job: Job, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job, self.kind = job, jobs.kind_of(job)

    def cell_label(self, record: JobRow) -> str:
        if self.kind.url is None:
            return format_html('<strong class="cut">{}</strong>', record.label)
        return link(self.kind.url(self.job, record), record.label)

    def cell_state(self, record: JobRow) -> str:
        return badge(_ROW_TONES.get(JobRow.State(record.state), "idle"), record.get_state_display())

    def cell_said(self, record: JobRow) -> str:
        return jobs.result(self.kind, record)

    def cell_ended_at(self, record: JobRow) -> str:
        return ago(record.ended_at)

    def value_state(self, record: JobRow) -> str:
        return record.state

    def value_said(self, record: JobRow) -> str:
        return jobs.result(self.kind, record)

    def value_ended_at(self, record: JobRow) -> str:
        return moment(record.ended_at)
