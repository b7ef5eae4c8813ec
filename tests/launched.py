"""The whole portal as a newcomer starts it, for tests that need every process."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A TCP port on the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Launched:
    """`manage.py up` on a free port; a `with` block ends it, whatever state the test left it in."""

    def __init__(self, var_dir: Path, *, no_demo: bool = True, **environment: str) -> None:
        self.port = free_port()
        self.var_dir = var_dir
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = inherited | {"VAR_DIR": str(var_dir), "PORT": str(self.port)} | environment
        self.command = [sys.executable, "manage.py", "up", *(["--no-demo"] if no_demo else [])]
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> "Launched":
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdout=self.output, stderr=subprocess.STDOUT
        )
        try:
            self.wait_for_pages(60)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        left = self.tree()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in psutil.wait_procs(left, timeout=15)[1]:
            if is_alive(process):
                process.kill()
        self.output.close()

    def text(self) -> str:
        """Everything that was printed so far."""
        self.output.flush()
        with open(f"/proc/self/fd/{self.output.fileno()}") as again:
            return again.read()

    def tree(self) -> list[psutil.Process]:
        """The launcher's descendants."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def child(self, *words: str) -> psutil.Process:
        """The launcher's own child whose command line holds all of `words`."""
        for process in psutil.Process(self.process.pid).children():
            line = " ".join(process.cmdline())
            if all(word in line for word in words):
                return process
        raise LookupError(f"no child with {words}: {self.text()[-2000:]}")

    def status(self, path: str = "/healthz") -> int:
        """The status that this page answers with; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def wait_for_pages(self, seconds: float) -> None:
        """Return when pages are served and the launcher has said so."""
        wait_for(lambda: self.process.poll() is not None or "ready at" in self.text(), seconds, self.text)
        assert self.process.poll() is None, self.text()[-4000:]
        wait_for(lambda: self.status() == 200, seconds, self.text)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the launcher alone and return how it ended."""
        self.process.send_signal(number)
        return self.process.wait(30)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie that nobody has reaped doesn't."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(ready, seconds: float, explain) -> None:
    """Poll until `ready()`; fails with what `explain()` returns."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not within {seconds} s: {explain()[-4000:]}"
        time.sleep(0.05)
