"""A mail server of its own process that takes everything; run as `python -m portal.benchmarks.sink`.

Prints its port once it listens and, when it is told to stop, how many messages it took.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any


class Taker:
    """Counts and forgets."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        """Say yes."""
        self.taken += 1
        return "250 taken"


async def serve() -> None:
    """Listen on a free loopback port until SIGTERM."""
    from aiosmtpd.smtp import SMTP  # a development dependency

    taker, loop, over = Taker(), asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await loop.create_server(lambda: SMTP(taker, hostname="sink.example", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await over.wait()
    sys.stdout.write(f"{taker.taken}\n")


if __name__ == "__main__":
    asyncio.run(serve())
