"""What happened in the demo before today."""

from __future__ import annotations

from collections.abc import Callable

from delegation.demo.building import Demo

PLANS: list[Callable[[Demo], None]] = []
