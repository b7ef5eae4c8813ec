"""Sentences that follow each other: with a space between them in most languages, without one in Chinese."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language


def gap() -> str:
    """What stands between two sentences in the reader's language."""
    return "" if (get_language() or "").startswith("zh") else " "


def joined(*sentences: Any) -> str:
    """The sentences as one text; empty ones are left out."""
    return gap().join(text for text in map(str, sentences) if text)
