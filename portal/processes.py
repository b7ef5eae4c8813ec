"""Child processes that end with their parent, whatever ends it, and come back when they end alone."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# `unshare` changes credentials, which clears the parent-death signal: this sets it afterwards.
_TRAMPOLINE = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, int(sys.argv[1])); "
    "os.getppid() == int(sys.argv[2]) and os.execv(sys.argv[3], sys.argv[3:])"
)


@dataclass(frozen=True)
class Account:
    """Which OS account a child runs as: the present one, another, or the present one under another name."""

    uid: int | None = None
    gid: int | None = None
    is_mapped: bool = False  # in a user namespace: no file changes its owner

    def popen(self) -> dict[str, object]:
        """Arguments of `subprocess` that switch to the account."""
        if self.uid is None or self.is_mapped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def wrap(self, argv: Sequence[str], death: signal.Signals) -> list[str]:
        """The command line that runs `argv` as the account."""
        if not self.is_mapped:
            return list(argv)
        namespace = ["unshare", "--user", f"--map-user={self.uid}", f"--map-group={self.gid}"]
        return [*namespace, sys.executable, "-Ic", _TRAMPOLINE, str(int(death)), str(os.getpid()), *argv]


def _die_with(parent: int, death: signal.Signals) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, int(death))
    if os.getppid() != parent:  # it ended between the fork and here
        os._exit(0)


@dataclass
class Child:
    """One process that is started, watched, started again and stopped."""

    name: str
    argv: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    env: Mapping[str, str] | None = None
    account: Account = Account()
    log: Path | None = None
    folder: Path | None = None
    stop_seconds: float = 8.0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)
    due_at: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start the process in a session of its own; it gets the stop signal when this process dies."""
        parent, death = os.getpid(), self.stop_signal
        output = open(self.log, "ab") if self.log else None  # noqa: SIM115 - closed below, on every way
        try:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                self.account.wrap(self.argv, death),
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output or sys.stderr.fileno(),
                stderr=output or sys.stderr.fileno(),
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent, death),
                **self.account.popen(),
            )
        finally:
            if output:
                output.close()
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the stop signal; `finish` waits for the end."""
        if self.process and self.is_running:
            self.process.send_signal(self.stop_signal)

    def finish(self) -> None:
        """Wait for the end, force it after `stop_seconds`, and end what the process left behind."""
        if self.process is None:
            return
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._sweep()
        self.process = None

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self.process and self.is_running:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Ask, wait, force."""
        self.ask_to_stop()
        self.finish()

    def _sweep(self) -> None:
        """End orphans of the process: they share its session and would hold its port or its work."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def revive(self) -> str:
        """Start again after an unexpected end, with growing pauses; returns one line when it just ended."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                if time.monotonic() - self.started_at > 30:
                    self.failures = 0
                return ""
            self._sweep()
            self.process = None
            self.due_at = time.monotonic() + min(0.2 * 2**self.failures, 10)
            self.failures += 1
            return f"{self.name} ended unexpectedly ({_ending(code)}); starting it again"
        if time.monotonic() >= self.due_at:
            self.start()
        return ""


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def stop_all(*stages: Sequence[Child]) -> None:
    """Stop the children stage by stage; those of one stage together."""
    for stage in stages:
        for child in stage:
            child.ask_to_stop()
        for child in stage:
            child.finish()


def wait_until(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Return when `ready()`; start the child again if it ends meanwhile. Raises SystemExit with one line."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            where = f"; see {child.log}" if child.log else ""
            raise SystemExit(f"mandate: {child.name} did not start within {seconds:.0f} s{where}")
        child.revive()
        time.sleep(0.02)
