"""Whether messages are still meant when their turn has come: one whose personal link has died doesn't go out.

Asked without a lock: who cancels never waits for a mail server. What is cancelled while a message is being handed over
has come too late for it, as if the message had been a moment faster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from portal.models import OutboxMessage

State = OutboxMessage.State
#: Keys of links of one purpose → the version that works now, None where none does. A key that isn't there isn't judged.
Ask = Callable[[Collection[UUID]], dict[UUID, int | None]]

_asks: dict[str, Ask] = {}


def ask_about(purpose: str, ask: Ask) -> None:
    """Let `ask` answer for the links of this purpose (in `AppConfig.ready`)."""
    _asks[purpose] = ask


def withdrawn(rows: Iterable[OutboxMessage]) -> dict[UUID, State]:
    """Those of the messages whose link does nothing any more: CANCELLED, or SUPERSEDED where another version works."""
    wanted: dict[str, dict[UUID, tuple[UUID, int]]] = defaultdict(dict)
    for row in rows:
        if link := row.context.get("link"):
            _prefix, purpose, key, version = link
            wanted[purpose][row.pk] = (UUID(key), version)
    found = {}
    for purpose, links in wanted.items():
        working = _asks[purpose]({key for key, _version in links.values()}) if purpose in _asks else {}
        for pk, (key, version) in links.items():
            if key in working and working[key] != version:
                found[pk] = State.CANCELLED if working[key] is None else State.SUPERSEDED
    return found
