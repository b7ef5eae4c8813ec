"""What the web processes under test run with: the tests' settings on the tests' database."""

import os

from tests.settings import *  # noqa: F403

for _alias in ("default", "owner"):
    DATABASES[_alias]["NAME"] = os.environ["RACES_DATABASE"]  # noqa: F405
