"""The generated keys and passwords of an installation that was given none (the embedded demo)."""

import fcntl
import json
import os
import secrets
from pathlib import Path

NAMES = (
    *("secret_key", "audit_key", "signing_key", "webhook_secret"),
    *("admin_password", "owner_password", "app_password"),
)


def load(var_dir: Path) -> dict[str, str]:
    """The keys in `var_dir`/secrets.json (mode 0600), generated when they aren't there yet.

    Safe when several processes start at once. Raises SystemExit with one line when the folder
    can't be used.
    """
    path = var_dir / "secrets.json"
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        if path.exists():
            known = json.loads(path.read_text())
            if all(name in known for name in NAMES):
                return known
        return _complete(path)
    except OSError as error:
        raise SystemExit(f"mandate: can't use {path}: {error.strerror}; choose another folder with VAR_DIR") from None
    except ValueError:
        raise SystemExit(f"mandate: {path} is not readable as JSON; restore it from a backup") from None


def _complete(path: Path) -> dict[str, str]:
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(path.read_text()) if path.exists() else {}
        complete = {name: secrets.token_urlsafe(48) for name in NAMES} | known
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(complete, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        return complete
