"""What a time line of a page is made of (`c-timeline`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Event:
    """One moment: what happened, who did it, more words, and how it is marked (good, wait, bad, idle)."""

    at: datetime
    title: Any
    by: str = ""
    text: str = ""
    tone: str = "idle"
