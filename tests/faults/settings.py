"""What the workers under test run with: the portal's settings on the tests' database."""

import os

from portal.settings import *  # noqa: F403

for _alias in ("default", "owner"):
    DATABASES[_alias]["NAME"] = os.environ["FAULTS_DATABASE"]  # noqa: F405
