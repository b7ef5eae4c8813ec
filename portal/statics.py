"""Static files, collected again only when one of them changed."""

import hashlib

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

_MARK = ".sources"


def _fingerprint() -> str:
    """One value over the names, sizes and times of all source files."""
    sum_ = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            found = (name, storage.size(name), storage.get_modified_time(name).timestamp())
            sum_.update(repr(found).encode())
    return sum_.hexdigest()


def are_stale() -> bool:
    """Whether a source file changed since the last `collect`."""
    mark = settings.STATIC_ROOT / _MARK
    return not mark.exists() or mark.read_text() != _fingerprint()


def collect() -> None:
    """Collect, hash and compress all static files into STATIC_ROOT."""
    fingerprint = _fingerprint()
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    (settings.STATIC_ROOT / _MARK).write_text(fingerprint)
