"""Bulk jobs: one act on many things, row by row, with what became of each (docs/architecture.md, *A bulk job*)."""

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal import states
from portal.models.people import User
from portal.models.tenants import Tenant
from portal.models.transitions import legal_moves


class Job(models.Model):
    """One act that a person started on many things. `run_by` is whose rights count: who started or resumed it last.

    The counts are of rows with an outcome; they are written in the transaction that writes the outcomes.
    """

    access_tenant = access_partner = "tenant_id"
    access_pair = None

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Finished")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    total = models.PositiveIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    is_cancel_requested = models.BooleanField(default=False)
    rerun_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reruns")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    run_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=F("done_count") + F("refused_count") + F("failed_count")),
                name="job_counts_within_total",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(total=F("done_count") + F("refused_count") + F("failed_count")),
                name="job_done_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], ended_at__isnull=True)
                | Q(state__in=["done", "cancelled", "failed"], ended_at__isnull=False),
                name="job_ended_has_a_date",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="job_by_time"),
            models.Index(fields=["created_at"], condition=Q(state__in=["queued", "running"]), name="job_due"),
        ]
        triggers = [
            legal_moves(states.JOB),
            pgtrigger.ReadOnly(
                name="frozen", fields=["tenant", "kind", "arguments", "created_at", "created_by", "rerun_of"]
            ),
        ]

    def __str__(self) -> str:
        from portal import jobs  # its kinds name the models

        return str(jobs.kind_of(self).label)

    @property
    def handled(self) -> int:
        """Rows with an outcome."""
        return self.done_count + self.refused_count + self.failed_count

    @property
    def is_over(self) -> bool:
        """Nothing runs any more (it may be resumed)."""
        return self.state not in (self.State.QUEUED, self.State.RUNNING)


class JobRow(models.Model):
    """One thing that a job is about; `code` and `parameters` become a text in the reader's language (`portal.jobs`)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    job = models.ForeignKey(Job, models.CASCADE, related_name="rows", db_index=False)
    position = models.PositiveIntegerField()
    subject = models.CharField(max_length=200)
    label = models.CharField(max_length=250)
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    code = models.CharField(max_length=40, blank=True)
    parameters = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="job_row_position"),
            models.UniqueConstraint(fields=["job", "subject"], name="job_row_once"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="job_row_ended_has_a_date",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "position"], condition=Q(state="waiting"), name="job_row_waiting"),
            models.Index(fields=["job", "state", "position"], name="job_row_by_state"),
        ]
        triggers = [legal_moves(states.JOB_ROW)]

    def __str__(self) -> str:
        return self.label
