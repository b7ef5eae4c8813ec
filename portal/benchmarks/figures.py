"""What a bench measures and how it is reported."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value; `limit` is None for one that only informs."""

    metric: str
    value: float
    unit: str
    limit: float | None = None
    better: str = "lower"

    @property
    def is_reached(self) -> bool:
        """Whether the value keeps its limit."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit


@dataclass(frozen=True)
class Report:
    """The one JSON object of a bench."""

    bench: str
    data: dict[str, Any]
    results: list[Figure]
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    def as_json(self) -> dict[str, Any]:
        """Plain values, in the documented order; figures to three significant places beyond the point."""
        results = [asdict(figure) | {"value": round(figure.value, 3)} for figure in self.results]
        return {"bench": self.bench, "data": self.data, "machine": self.machine, "results": results}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in _lines(info) if line.startswith("model name")]
    memory = [line.split()[1] for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[0]) / 1024**2, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def elapsed(work: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: Sequence[Callable[[Any], Any]], questions: Iterable[Any], rounds: int = 1) -> list[list[float]]:
    """Seconds of each work for each question: all works of a question right after each other, turned every time.

    So that whatever else the machine does meanwhile hits all of them alike.
    """
    samples: list[list[float]] = [[] for _work in works]
    asked = list(questions)
    for turn in range(rounds):
        for place, question in enumerate(asked):
            for step in range(len(works)):
                number = (place + turn + step) % len(works)
                start = time.perf_counter()
                works[number](question)
                samples[number].append(time.perf_counter() - start)
    return samples


def p50(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)


class Memory:
    """Growth of this process's memory at its peak, in MB, since the `with` began (Linux)."""

    grown = 0.0

    def __enter__(self) -> Memory:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        self._before = _status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.grown = max(0.0, _status("VmHWM") - self._before)


def _status(name: str) -> float:
    (value,) = (line.split()[1] for line in _lines(Path("/proc/self/status")) if line.startswith(name + ":"))
    return int(value) / 1024
