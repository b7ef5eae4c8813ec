"""Where the tests' servers keep their files: a numbered folder under VAR_DIR, one test run at a time each."""

import fcntl
import os
from pathlib import Path
from typing import IO

_CLAIMED = "MANDATE_TEST_FOLDER"
_locks: list[IO[str]] = []


def claim() -> Path:
    """The folder of this test run: the first that no other run uses; xdist's workers share their run's."""
    if _CLAIMED in os.environ:
        return Path(os.environ[_CLAIMED])
    root = Path(os.environ.get("VAR_DIR") or Path(__file__).parent.parent / "var").absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, 100):
            folder = root / f"test-{number}"
            lock = open(folder.with_suffix(".lock"), "a")  # noqa: SIM115 - held until the process ends
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            _locks.append(lock)
            os.environ[_CLAIMED] = str(folder)
            return folder
    except OSError as error:
        raise SystemExit(f"mandate: can't use {root}: {error.strerror}; choose another folder with VAR_DIR") from None
    raise SystemExit(f"mandate: too many test runs under {root}")


def is_claimer() -> bool:
    """Whether this process claimed the folder itself, so that it starts and stops the servers."""
    return bool(_locks)
