"""`manage.py up`: the whole portal in one process tree, with PostgreSQL and Redis from wheels by default."""

import fcntl
import http.client
import os
import signal
import socket
import sys
import time
import traceback
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connections

from portal import database, embedded, keys, statics, translations
from portal.processes import Child, stop_all

HOST = "127.0.0.1"


class Stopped(BaseException):
    """A signal asked the launcher to end while it was starting."""


class Command(BaseCommand):
    """Starts everything, keeps it running, and stops all of it on Ctrl-C or TERM."""

    help = "Start the portal: database, broker, web, worker and beat; PORT and VAR_DIR choose where."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="don't load the demo's data")

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_stopping = False
        self.servers = embedded.Servers(None, None)
        self.portal: list[Child] = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            with _lock(settings.VAR_DIR):
                try:
                    self._start(load_demo=settings.IS_DEMO and not options["no_demo"])
                    self._watch()
                finally:
                    self.is_stopping = True
                    stop_all(self.portal, self.servers.children)
        except Stopped:
            self._say("stopped")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            raise Stopped

    def _say(self, text: str) -> None:
        self.stdout.write(f"mandate: {text}")
        self.stdout.flush()

    def _start(self, *, load_demo: bool) -> None:
        _claim_port(settings.PORT)
        var_dir = settings.VAR_DIR
        self.servers = embedded.Servers(
            None if settings.DATABASE_URL else embedded.Postgres(var_dir, keys.load(var_dir)),
            None if settings.REDIS_URL else embedded.Redis(var_dir),
        )
        self.servers.start()
        database.ensure_login()
        if not database.is_current():
            self._say("preparing the database")
            database.migrate()
        translations.compile_changed()
        if statics.are_stale():
            statics.collect()
        beat, web, worker = portal_processes(settings.PORT)
        self.portal = [web]
        web.start()
        if load_demo:
            self._load_demo(var_dir / "demo.loading")
        self._wait_for_pages()
        # The first page doesn't wait for those that nobody sees.
        self.portal = [beat, web, worker]
        worker.start()
        beat.start()
        connections.close_all()
        self._say(f"ready at {settings.MANDATE_BASE_URL}/")
        if settings.IS_DEMO:
            self._say("to sign in, open it and press one of the buttons, for example")
            self._say("  Sign in as admin-agent@fabrikam.example")
        self._say("Ctrl-C stops everything")

    def _load_demo(self, marker: Path) -> None:
        """Load the demo's data once; a load that was interrupted is done again (it is idempotent).

        Raises SystemExit with one line that says what failed and where all of it can be read.
        """
        if "demo" not in get_commands():
            return
        if not marker.exists() and apps.get_model("portal", "Tenant").objects.exists():
            return
        self._say("loading the demo's data")
        marker.touch()
        try:
            call_command("demo", stdout=self.stderr)
        except Exception as error:  # noqa: BLE001 - whatever it is: the log has it, the line says where
            log = settings.VAR_DIR / "log" / "demo.log"
            log.parent.mkdir(exist_ok=True)
            log.write_text(traceback.format_exc())
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise SystemExit(f"mandate: the demo's data can't be loaded: {said} (all of it: {log})") from None
        marker.unlink()

    def _wait_for_pages(self) -> None:
        deadline = time.monotonic() + 60
        while not _answers(settings.PORT):
            if time.monotonic() > deadline:
                raise SystemExit("mandate: no page was served within 60 s; the lines above say why")
            self._revive()
            time.sleep(0.05)

    def _watch(self) -> None:
        while True:
            self._revive()
            time.sleep(0.2)

    def _revive(self) -> None:
        for child in [*self.servers.children, *self.portal]:
            line = child.revive()
            if line:
                print(f"mandate: {line}", file=sys.stderr, flush=True)


def portal_processes(port: int) -> list[Child]:
    """Web (two processes), worker (two) and beat, in the order in which they stop."""
    python = sys.executable
    environment = dict(os.environ, MANDATE_MODE=settings.MANDATE_MODE, PORT=str(port), PYTHONUNBUFFERED="1")
    # The worker drops nothing and pickles nothing; as root in a container its warning is noise.
    environment["PYTHONWARNINGS"] = "ignore:You're running the worker"
    celery = [python, "-m", "celery", "--quiet", "--app", "portal"]
    web = [python, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    web += ["--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--no-ws"]
    web += ["--backlog", "1024", "--log-level", "warning", "--workers-kill-timeout", "5", "portal.wsgi:application"]
    worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "warning", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--loglevel", "warning", "--pidfile="]
    root = settings.BASE_DIR
    return [
        Child("beat", beat, env=environment, folder=root),
        Child("web", web, env=environment | {"DATABASE_POOL": "true"}, folder=root),
        Child("worker", worker, env=environment, folder=root),
    ]


class _lock:  # noqa: N801 - used like a function
    """One launcher per VAR_DIR at a time."""

    def __init__(self, var_dir: Path) -> None:
        self.path = var_dir / "up.lock"

    def __enter__(self) -> None:
        self.file = open(self.path, "a")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"mandate: already running in {self.path.parent}; choose another VAR_DIR") from None

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _claim_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            raise SystemExit(f"mandate: port {port} can't be used; choose another with PORT") from None


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.ALLOWED_HOSTS[0]})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
