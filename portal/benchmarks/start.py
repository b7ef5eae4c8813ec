"""A newcomer's wait: from `./script/server` in a clean clone to the first page, and again the second time."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from portal.benchmarks.figures import Figure, Report

_MOST_SECONDS = 300
#: What a newcomer's shell has; nothing of this process's settings may help.
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "PIP_INDEX_URL",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "PIP_CONFIG_FILE",
    "SSL_CERT_FILE",
)


def run(scale: float) -> Report:
    """Seconds to the first page of a clean clone (packages cached), and of the next start; the size is what it is."""
    with tempfile.TemporaryDirectory(prefix="mandate-start-") as folder:
        clone, var_dir = Path(folder) / "clone", Path(folder) / "var"
        Path(folder).chmod(0o755)  # PostgreSQL runs as nobody where the portal is started as root
        subprocess.run(["git", "clone", "--quiet", str(settings.BASE_DIR), str(clone)], check=True)
        first = _seconds_to_first_page(clone, var_dir)
        second = _seconds_to_first_page(clone, var_dir)
    return Report(
        "start",
        {"clone": "clean", "package_cache": "warm"},
        [Figure("first_start", first, "s", 60), Figure("second_start", second, "s", 8)],
    )


def _seconds_to_first_page(clone: Path, var_dir: Path) -> float:
    with server(clone, var_dir) as (port, started):
        deadline = started + _MOST_SECONDS
        while get(port, "/sign-in") is None:
            if time.perf_counter() > deadline:
                raise SystemExit(f"mandate: no page within {_MOST_SECONDS} s; see {var_dir}/log")
            time.sleep(0.05)
        return time.perf_counter() - started


@contextlib.contextmanager
def server(checkout: Path, var_dir: Path) -> Iterator[tuple[int, float]]:
    """The whole portal from a checkout, stopped at the end; its port and when it was started.

    Raises SystemExit if it ended by itself.
    """
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if name in _KEPT}
    environment |= {"VAR_DIR": str(var_dir), "PORT": str(port)}
    started = time.perf_counter()
    process = subprocess.Popen(
        ["./script/server"], cwd=checkout, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield port, started
        if process.poll() is not None:
            raise SystemExit("mandate: the server ended by itself")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str) -> bytes | None:
    """The page, or None while there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read() if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
