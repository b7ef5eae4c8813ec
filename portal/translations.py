"""Message catalogues in their compiled form, made where they changed, without gettext's programs."""

import os
from pathlib import Path

from django.conf import settings


def compile_changed() -> int:
    """Compile each catalogue that is newer than its compiled form; returns how many were.

    The compiled form lies beside its source, or under VAR_DIR where the checkout is read-only.
    """
    done = 0
    home, fallback = (Path(folder) for folder in settings.LOCALE_PATHS)
    for source in sorted(home.glob("*/LC_MESSAGES/*.po")):
        beside = source.with_suffix(".mo")
        elsewhere = fallback / beside.relative_to(home)
        target = beside if os.access(beside.parent, os.W_OK) else elsewhere
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        _compile(source, target)
        done += 1
    return done


def _compile(source: Path, target: Path) -> None:
    import polib

    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(f".{os.getpid()}")
    try:
        polib.pofile(str(source)).save_as_mofile(str(new))
    except OSError as error:
        raise SystemExit(f"mandate: {source} can't be compiled: {error}") from None
    new.replace(target)
