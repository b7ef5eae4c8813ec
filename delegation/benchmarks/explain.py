"""How long *why?* takes: the whole explanation, refusals with their least change too (part of `bench explorer`)."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from portal import why
from portal.benchmarks.figures import Figure, elapsed, p50
from portal.catalogue import Capability
from portal.models import User

LIMIT_MS = 50
_WARM = 20


def figures(asked: Iterable[tuple[User, Capability, Model]]) -> list[Figure]:
    """Median, slowest in a hundred, and most queries of these questions, each as its own administrator would ask."""
    questions = [*asked]
    for person, capability, obj in questions[:_WARM]:
        _whole(person, capability, obj)
    times, most = [], 0
    for person, capability, obj in questions:
        times.append(elapsed(lambda: _whole(person, capability, obj)) * 1_000)  # noqa: B023 - called at once
    for person, capability, obj in questions[:_WARM]:
        with CaptureQueriesContext(connection) as queries:
            _whole(person, capability, obj)
        most = max(most, len(queries))
    ordered = sorted(times)
    return [
        Figure("explain_p50", p50(times), "ms", LIMIT_MS),
        Figure("explain_p99", ordered[max(0, -(-len(ordered) * 99 // 100) - 1)], "ms", LIMIT_MS),
        Figure("explain_queries", most, "queries"),
    ]


def _whole(person: User, capability: Capability, obj: Model) -> list[object]:
    """All that a page shows, names too."""
    told = why.explain(person, capability, obj)
    return [told.paths, told.tried, told.limits, *(one.names for way in (told.least, *told.others) for one in way)]
