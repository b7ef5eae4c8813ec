"""Each bench, tiny: one JSON object with the figures that docs/benchmarks.md names, however large they are."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Bench → what it is held to.
LIMITS = {
    "access": {"decision_vs_sql", "guardian_vs_decision", "decision_growth"},
    "lists": {
        f"{name}_{page}_{figure}"
        for name in ("customers", "partner_relationships", "invitations")
        for page in ("first", "search", "last")
        for figure in ("time", "queries", "queries_added_by_rows")
    },
    "gdap": {"decision_vs_sql", "bulk_extend", "bulk_extend_memory_growth", "reminders_vs_sql", "expiry_vs_sql"}
    | {f"{page}_{figure}" for page in ("list", "expiring", "analytics") for figure in ("time", "queries")},
    "azure": {"decision_vs_sql"},
    "explorer": {
        "who_has_access_p50",
        "who_has_access_queries",
        "access_on_a_date_vs_present",
        "answer_vs_sql",
        "explain_p50",
        "explain_p99",
    },
    "audit": {"audit_row_share", "verified_per_second"},
    "expire": {"expire_vs_sql", "worker_memory_growth"},
    "mail": {"mail_vs_bare"},
    "weight": {"heaviest_first_load"},
}
NAME = re.compile(r"`([a-z][a-z0-9_]*)`")


def documented() -> dict[str, set[str]]:
    """Bench → the metrics that the table of docs/benchmarks.md names."""
    lines = (ROOT / "docs" / "benchmarks.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("|")]
    metric, bench = rows[0].index("metric"), ""
    found: dict[str, set[str]] = {}
    for row in rows[2:]:
        bench = next(iter(NAME.findall(row[1])), bench)
        found.setdefault(bench, set()).update(NAME.findall(row[metric]))
    return found


@pytest.mark.parametrize("bench", LIMITS)
def test_a_bench_prints_one_json_object_with_its_figures(bench):
    command = [sys.executable, "manage.py", "bench", bench, "--json", "--scale", "0.0005"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout)
    assert list(report) == ["bench", "data", "machine", "results"]
    assert report["bench"] == bench
    assert report["data"]
    assert report["machine"]["cores"] >= 1
    assert all(list(figure) == ["metric", "value", "unit", "limit", "better"] for figure in report["results"])
    assert all(isinstance(figure["value"], int | float) and figure["unit"] for figure in report["results"])
    assert {figure["better"] for figure in report["results"]} <= {"lower", "higher"}
    figures = {figure["metric"]: figure for figure in report["results"]}
    assert len(figures) == len(report["results"])
    assert documented()[bench] <= set(figures)
    assert LIMITS[bench] <= {name for name, figure in figures.items() if figure["limit"] is not None}


def test_the_table_of_figures_names_every_bench():
    from delegation.management.commands.bench import BENCHES

    assert set(BENCHES) - set(documented()) == set()
    assert set(LIMITS) == set(BENCHES) - {"start"}  # a clean clone: what newcomers do is in tests/browser
