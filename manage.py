#!/usr/bin/env python3
"""Entry point of the management commands: `manage.py up`, `manage.py demo`, `manage.py bench` …"""

import os
import sys


def main() -> None:
    """Run the management command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:2] == ["up"]:
        # The launcher answers on a loopback address only, so it may start without any configuration.
        os.environ.setdefault("MANDATE_MODE", "demo")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        raise SystemExit("mandate: Django is not installed here; start with ./script/server") from None
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
