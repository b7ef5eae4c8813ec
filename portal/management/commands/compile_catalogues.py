"""`manage.py compile_catalogues`: for images and packages; `up` and the tests do it by themselves."""

from typing import Any

from django.core.management.base import BaseCommand

from portal import translations


class Command(BaseCommand):
    """Compiles each message catalogue that changed."""

    help = "Compile the message catalogues that changed; gettext's programs are not needed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{translations.compile_changed()} compiled")
