"""PostgreSQL and Redis from wheels, started beside the portal; their data lie under VAR_DIR."""

import hashlib
import os
from pathlib import Path

OWNER = "mandate_owner"
POSTGRES_PORT = 5432  # only the socket's name; nothing listens on TCP


def run_folder(var_dir: Path) -> Path:
    """Where the servers' sockets are: under `var_dir`, or in /tmp where that path is too long for one."""
    folder = var_dir / "run"
    if len(os.fsencode(folder)) <= 80:  # a socket's path ends at 107 bytes
        return folder
    mark = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(f"/tmp/mandate-{os.getuid()}-{mark}")  # noqa: S108 - made 0700, its owner checked


def postgres_folder(var_dir: Path) -> Path:
    """The folder of PostgreSQL's socket, which is what psycopg takes as the host."""
    return run_folder(var_dir) / "pg"


def redis_socket(var_dir: Path) -> Path:
    """Redis's socket."""
    return run_folder(var_dir) / "redis.sock"
