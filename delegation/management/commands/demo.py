"""`manage.py demo`: load the demo's data, once; `--reset` makes it anew."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delegation.demo import building, stories
from portal.errors import Refused
from portal.models import Tenant


class Command(BaseCommand):
    """Idempotent; refuses beside real organisations and outside of the demo mode."""

    help = "Load the demo's organisations, people and history; does nothing if they are there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="remove everything first, audit chains too")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("the demo's people sign in without a password; it loads in MANDATE_MODE=demo only")
        started = time.monotonic()
        try:
            if options["reset"]:
                building.reset()
            is_new = building.load(stories.PLANS)
        except Refused as refused:
            raise CommandError(str(refused.message)) from refused
        if not is_new:
            self.stdout.write("the demo is there already; --reset makes it anew")
            return
        count = Tenant.objects.count()
        self.stdout.write(f"{count} organisations in {time.monotonic() - started:.1f} s")
