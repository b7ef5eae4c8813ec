"""The tools that read the code: each is one test, and its output is the failure's message."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([*PYTHON, "ruff", "check", "."], id="ruff-check"),
        pytest.param([*PYTHON, "ruff", "format", "--check", "."], id="ruff-format"),
        pytest.param([*PYTHON, "mypy"], id="mypy"),
        pytest.param([str(BIN / "lint-imports"), "--no-cache"], id="import-contracts"),
        pytest.param([*PYTHON, "djlint", "--lint", "templates"], id="djlint-lint"),
    ],
)
def test_tool_is_content(command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]


@pytest.mark.django_db
def test_models_and_migrations_agree(capsys):
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    assert "No changes detected" in capsys.readouterr().out


def test_lock_holds_every_dependency_with_hashes_and_no_index_address():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
    entries = [line for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert entries
    assert all(line.endswith("\\") for line in entries), "an entry without a hash"
