"""The stories of Azure have a portal of their own: what they assign and remove is not in the way of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.stack import Stack, short_folder


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The portal with the demo's data, as `manage.py up` serves it."""
    with short_folder() as folder, Stack(folder) as stack:
        yield stack
