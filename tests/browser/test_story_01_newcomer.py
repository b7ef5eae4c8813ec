"""Story 1: one command, one address, one button; a second start keeps everything; a signal stops everything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.launched import ROOT, is_alive


def test_start_prints_the_address_and_how_to_sign_in(stack) -> None:
    assert f"ready at {stack.url}/" in stack.text()
    assert "Sign in as admin-agent@fabrikam.example" in stack.text()
    assert stack.status("/healthz") == 200


def test_newcomer_signs_in_by_the_persona_picker(somebody) -> None:
    person = somebody()
    person.open("/")
    person.is_at("Sign in")
    person.sees("Sign in as admin-agent@fabrikam.example", "Sign in as global-admin@contoso.example")
    person.press("Sign in as admin-agent@fabrikam.example")
    person.is_at("Fabrikam Cloud")
    person.sign_out()
    person.is_at("Sign in")


def test_second_start_keeps_the_data_and_the_sessions(somebody, stack) -> None:
    person = somebody("global-admin@adventure-works.example")
    count = stack.rows("SELECT count(*) FROM portal_auditentry")
    children = stack.tree()
    assert len(children) >= 5, "database, broker, web, worker, beat"
    assert stack.signal(signal.SIGTERM) == 0
    assert [child for child in children if is_alive(child)] == []
    assert stack.status() == 0

    stack.start_again()
    assert "loading the demo" not in stack.text()
    assert stack.rows("SELECT count(*) FROM portal_auditentry") == count
    person.open("/t/adventure-works/users")
    person.is_at("Users")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A fresh checkout's scripts, as on a machine whose Python is what the test says."""
    shutil.copytree(ROOT / "script", tmp_path / "script")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    return tmp_path


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder / "var")}
    return subprocess.run(
        [folder / "script" / "server"], env=inherited | environment, capture_output=True, text=True, timeout=60
    )


def test_missing_python_is_one_line(machine) -> None:
    setup = machine / "script" / "setup.sh"
    setup.write_text(setup.read_text().replace("/usr/bin/python3", "/nowhere/python3"))
    tools = machine / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "mkdir", "cat", "cksum", "flock", "tail"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    done = start(machine, PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "mandate: Python 3.11 or newer is needed; install it (Debian and Ubuntu: apt install python3)"
    ]


def test_missing_venv_module_is_one_line(machine) -> None:
    python = machine / "python"
    python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec python3 "$@"\n')
    python.chmod(0o755)
    done = start(machine, PYTHON=str(python))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "apt install python3-venv" in done.stderr


def test_port_in_use_is_one_line(stack, tmp_path) -> None:
    done = subprocess.run(
        [*stack.command],
        cwd=ROOT,
        env=stack.environment | {"VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == f"mandate: port {stack.port} can't be used; choose another with PORT"
