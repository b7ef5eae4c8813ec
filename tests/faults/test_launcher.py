"""`manage.py up`: one process tree that ends as a whole, recovers in parts, and keeps its data."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.launched import ROOT, Launched, free_port, is_alive, wait_for

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_process_and_the_next_start_has_the_data(tmp_path, number):
    with Launched(tmp_path) as portal:
        processes = portal.tree()
        assert len(processes) > 6
        assert portal.signal(number) == 0
        assert [process for process in processes if is_alive(process)] == []
    keys = (tmp_path / "secrets.json").read_bytes()
    with Launched(tmp_path) as portal:
        assert "preparing the database" not in portal.text()
    assert (tmp_path / "secrets.json").read_bytes() == keys
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_nothing_outlives_a_killed_launcher(tmp_path):
    with Launched(tmp_path) as portal:
        processes = portal.tree()
        assert len(processes) > 6
        assert portal.signal(signal.SIGKILL) == -signal.SIGKILL
        wait_for(lambda: not any(map(is_alive, processes)), 15, lambda: str(processes))


@pytest.mark.parametrize(
    "words",
    [("bin/postgres",), ("redis-server",), ("granian",), ("celery", "worker"), ("celery", "beat")],
    ids=lambda words: words[-1].rpartition("/")[2],
)
def test_a_killed_process_comes_back(launched, words):
    victim = launched.child(*words)
    victim.kill()

    def is_back() -> bool:
        try:
            return launched.child(*words).pid != victim.pid and launched.status() == 200
        except (LookupError, psutil.NoSuchProcess):
            return False

    wait_for(is_back, 30, launched.text)
    assert "ended unexpectedly (signal 9); starting it again" in launched.text()


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    with Launched(tmp_path_factory.mktemp("var")) as portal:
        yield portal


def refusal(*, seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a start that can't succeed says."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def test_a_port_or_folder_in_use_is_one_line(launched, tmp_path):
    same_port = refusal(VAR_DIR=str(tmp_path), PORT=str(launched.port))
    assert (same_port.returncode, same_port.stderr) == (
        1,
        f"mandate: port {launched.port} can't be used; choose another with PORT\n",
    )
    same_folder = refusal(VAR_DIR=str(launched.var_dir), PORT="1")
    assert (same_folder.returncode, same_folder.stderr) == (
        1,
        f"mandate: already running in {launched.var_dir}; choose another VAR_DIR\n",
    )


def test_an_unreachable_database_is_one_line(tmp_path):
    done = refusal(
        VAR_DIR=str(tmp_path),
        PORT="0",
        DATABASE_URL="postgres://owner:x@127.0.0.1:1/x",
        REDIS_URL="redis://127.0.0.1:1",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("mandate: the database can't be reached: ")
    assert done.stderr.count("\n") == 1


def test_a_demo_that_cannot_be_loaded_is_one_line(tmp_path):
    """The suffix makes default domains that the database refuses."""
    done = refusal(seconds=240, VAR_DIR=str(tmp_path), PORT=str(free_port()), PLATFORM_SUFFIX="not_ascii.example")
    log = tmp_path / "log" / "demo.log"
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mandate: the demo's data can't be loaded: new row for relation")
    assert last.endswith(f"(all of it: {log})")
    assert "Traceback" not in done.stderr
    assert "tenant_default_domain_is_ascii" in log.read_text()
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if str(tmp_path) in line] == []
