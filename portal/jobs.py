"""Kinds of bulk jobs and what becomes of a row (docs/architecture.md, *A bulk job*). Writes: `portal.services.jobs`.

An app registers its kinds in `AppConfig.ready`:

    jobs.register(jobs.Kind("gdap.extend", _("Switch auto-extend"), Capability.GDAP_EXTEND, bulk.set_auto_extend))

and starts one by `services.jobs.start_job(...)`; the pages under *Bulk jobs* show every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from portal.catalogue import Capability
from portal.errors import PermissionDenied, Refused
from portal.models import Job, JobRow, User
from portal.writes import write

State = JobRow.State


@dataclass(frozen=True)
class Subject:
    """One thing that a job will be about: a key (unique in the job), what people call it, what else its row needs."""

    key: str
    label: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a row. `code` names a text of the kind (or of `COMMON`), `values` what stands in it.

    Values are texts, numbers, moments and lists. Lazy texts, and those in a list (names of roles), are put into words
    when they are read.
    """

    state: str
    code: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def done(code: str = "", **values: Any) -> Outcome:
    """It worked."""
    return Outcome(State.DONE, code, values)


def refused(code: str, **values: Any) -> Outcome:
    """A rule forbids it; the row is unchanged."""
    return Outcome(State.REFUSED, code, values)


def failed(code: str = "error", **values: Any) -> Outcome:
    """Something broke; the row is unchanged."""
    return Outcome(State.FAILED, code, values)


def refusal(error: Refused) -> Outcome:
    """The refusal of a service: its text and what stands in it, for whoever reads."""
    return refused("said", **{**error.values, "text": _marked(error.text)})


#: (job, the person whose rights count, rows in the order of their subjects) → the outcome of each row, by its subject.
#: It runs inside a write and raises nothing for what a rule refuses.
RunBatch = Callable[[Job, User, Sequence[JobRow]], Mapping[str, Outcome]]


@dataclass(frozen=True)
class Kind:
    """One kind of bulk job.

    `capability` is asked of the job's tenant, anew for each batch; `run_batch` asks about the single thing.
    `results` are the texts of the kind's own codes. `url` leads to a row's thing (tenant's slug, row), `argument`
    says in words what the job was told.
    """

    name: str
    label: Any
    capability: Capability
    run_batch: RunBatch
    batch: int = 500
    results: Mapping[str, Any] = field(default_factory=dict)
    url: Callable[[Job, JobRow], str] | None = None
    argument: Callable[[Job], str] | None = None


#: Texts of the codes that every kind may use.
COMMON: dict[str, Any] = {
    "": "",
    "unchanged": _("It was so already."),
    "no_right": _("You have no right to do this here, or no longer."),
    "gone": _("It is not there any more."),
    "error": _("This broke unexpectedly. The operator's log says why; run it again later."),
}

_MOMENT, _TEXT = "$at", "$text"
_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known; the same name again replaces it."""
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    """Every kind there is."""
    return list(_kinds.values())


def kind_of(job: Job) -> Kind:
    """The kind of a job; one that no present code knows can be read, and not run."""
    return _kinds.get(job.kind) or Kind(job.kind, job.kind, Capability.PARTNER_AUDIT_VIEW, _unknown)


def is_known(job: Job) -> bool:
    """Whether the present code can run it."""
    return job.kind in _kinds


def _unknown(job: Job, actor: User, rows: Sequence[JobRow]) -> Mapping[str, Outcome]:
    raise LookupError(f"no kind {job.kind}")


def result(kind: Kind, row: JobRow) -> str:
    """What became of a row, in the reader's language."""
    if row.code == "said":
        values = {key: _shown(value) for key, value in row.parameters.items() if key != "text"}
        text = _translated(row.parameters.get("text", ""))
        return text % values if values else text
    text = str(kind.results.get(row.code, COMMON.get(row.code, row.code)))
    return text % {key: _shown(value) for key, value in row.parameters.items()} if row.parameters else text


def stored(outcome: Outcome) -> dict[str, Any]:
    """An outcome's values as JSON; moments and lazy texts are marked, so that they are shown as the reader has them."""
    return {key: _storable(value) for key, value in outcome.values.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    return {_TEXT: _marked(value)} if isinstance(value, Promise) else value


def _marked(text: object) -> str:
    """A lazy text as it is marked for translation."""
    with override(None):
        return str(text)


def _shown(value: Any) -> Any:
    if isinstance(value, dict) and _MOMENT in value:
        return date_format(localtime(datetime.fromisoformat(value[_MOMENT])).date(), "DATE_FORMAT")
    if isinstance(value, dict) and _TEXT in value:
        return _translated(value[_TEXT])
    return ", ".join(sorted(map(_translated, value))) if isinstance(value, list) else value


def _translated(text: Any) -> str:
    return gettext(text) if text else ""  # an empty one would be the head of the catalogue


def one_by_one(act: Callable[[Job, User, JobRow], Outcome]) -> RunBatch:
    """A `run_batch` from an act on one row: each in a savepoint of its own, refusals become its outcome."""

    def run(job: Job, actor: User, rows: Sequence[JobRow]) -> dict[str, Outcome]:
        return {row.subject: _attempt(act, job, actor, row) for row in rows}

    return run


def _attempt(act: Callable[[Job, User, JobRow], Outcome], job: Job, actor: User, row: JobRow) -> Outcome:
    try:
        with write():
            return act(job, actor, row)
    except PermissionDenied:
        return refused("no_right")
    except Http404:
        return refused("gone")
    except Refused as error:
        return refusal(error)


def subjects_of(rows: Iterable[Any], label: Callable[[Any], str] = str) -> Iterable[Subject]:
    """The rows of a queryset as subjects, streamed."""
    found = rows.iterator(chunk_size=2_000) if hasattr(rows, "iterator") else rows
    return (Subject(str(row.pk), label(row)) for row in found)
