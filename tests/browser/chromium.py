"""Debian's Chromium, as all stories and pictures use it."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright, expect

_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
#: Milliseconds until something that should be on a page counts as missing, also on a machine that does much else.
PATIENCE = 20_000


def launch(playwright: Playwright) -> Browser:
    """A browser. Raises SystemExit with one line where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("Chromium is needed; install it (Debian and Ubuntu: apt install chromium)")
    expect.set_options(timeout=PATIENCE)
    return playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
