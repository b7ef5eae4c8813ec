"""What the apps above add to an acceptance and to the end of a relationship (filled in `AppConfig.ready`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: (invitation, pair, actor) -> True if it added something; inside the acceptance's write
on_accept: list[Callable[[Any, Any, Any], bool]] = []
#: (pair, actor, remaining partner type keys) inside the write that ended a relationship
on_relationship_ended: list[Callable[[Any, Any, list[str]], None]] = []
#: (pair) -> what a partner has already, as key → text; part of the acceptance digest
standing: list[Callable[[Any], dict[str, str]]] = []
