"""`manage.py bench NAME`: measure one thing in a database of its own (docs/benchmarks.md)."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from delegation import services
from delegation.benchmarks import azure, explorer, gdap
from portal.benchmarks import access, audit, expire, lists, mail, scratch, start, weight
from portal.benchmarks.figures import Report
from relationships.services import sweeps

BENCHES: dict[str, Callable[[float], Report]] = {
    "access": access.run,
    "audit": lambda scale: audit.run(scale, services.remove_dap),
    "azure": azure.run,
    "expire": lambda scale: expire.run(scale, sweeps.expire_due),
    "explorer": explorer.run,
    "gdap": gdap.run,
    "lists": lists.run,
    "mail": mail.run,
    "start": start.run,
    "weight": weight.run,
}
#: Those that look at the whole portal, which has its own servers.
ALONE = frozenset({"start", "weight"})


class Command(BaseCommand):
    """Prints one JSON object, or a table for people."""

    help = "Measure against a stated limit, in a database of its own; with --json one JSON object."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(BENCHES))
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        parser.add_argument("--scale", type=float, default=1.0, help="1 is the full size, 0.01 a hundredth")

    def handle(self, *args: Any, **options: Any) -> None:
        report = measure(options["name"], options["scale"])
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _table(report))


def measure(name: str, scale: float) -> Report:
    """The report of one bench at one size."""
    if name in ALONE:
        return BENCHES[name](scale)
    with scratch.server():
        return BENCHES[name](scale)


def _table(report: Report) -> str:
    lines = [f"{report.bench}: {report.data}", f"on {report.machine}"]
    for figure in report.results:
        sign = "≤" if figure.better == "lower" else "≥"
        limit = "" if figure.limit is None else f"  {sign} {figure.limit:g}"
        verdict = "" if figure.limit is None else "  ok" if figure.is_reached else "  FALLS SHORT"
        lines.append(f"{figure.metric:<48}{figure.value:>12,.3f} {figure.unit}{limit}{verdict}")
    return "\n".join(lines)
