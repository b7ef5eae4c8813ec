"""`manage.py access verify`: is the index of access paths what the grants, roles and groups say?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from delegation import verification

_MOST_SHOWN = 50


class Command(BaseCommand):
    """Compares; changes nothing. Exit code 0 if all is as it should be, 1 otherwise."""

    help = "Rebuild the index of access paths from the rows that are the truth and compare it with what is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        found = verification.differences()
        for difference in found[:_MOST_SHOWN]:
            self.stdout.write(str(difference))
        if len(found) > _MOST_SHOWN:
            self.stdout.write(f"and {len(found) - _MOST_SHOWN} more")
        if found:
            raise CommandError(f"{len(found)} differences between the index of paths and the truth")
        self.stdout.write("the index of paths is what the grants, roles and groups say")
