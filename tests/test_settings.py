"""Settings refuse to start insecure, with one line that says what to do."""

import os
import runpy
import subprocess
import sys
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core import checks
from django.db import connection

KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRODUCTION = {
    "MANDATE_MODE": "production",
    "SECRET_KEY": KEY,
    "AUDIT_KEY": KEY[::-1],
    "SIGNING_KEY": KEY.swapcase(),
    "ORIGIN": "https://portal.cloud.example",
    "DATABASE_URL": "postgres://owner:secret@127.0.0.1:5432/mandate",
    "APP_DATABASE_URL": "postgres://portal_app:secret@127.0.0.1:5432/mandate",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "MAIL_FROM": "Mandate <portal@cloud.example>",
    "SUPPORT_URL": "https://support.cloud.example",
}


#: What the checks of an installation look at.
CHECKED = (
    *("IS_DEMO", "EMAIL_BACKEND", "HAS_WEBHOOK_SECRET", "MANDATE_SUPPORT_URL"),
    *("SECRET_KEY_FALLBACKS", "MANDATE_SIGNING_KEY_FALLBACKS"),
)


def clean(environment: dict[str, str]) -> dict[str, str]:
    """An environment with these variables and none of the machine's settings."""
    return {"PATH": os.environ["PATH"], "VAR_DIR": str(settings.VAR_DIR), **environment}


def load(environment: dict[str, str]) -> dict[str, Any]:
    """The settings that this environment gives. Raises SystemExit where they are refused."""
    with mock.patch.dict(os.environ, clean(environment), clear=True):
        return runpy.run_path(str(settings.BASE_DIR / "portal" / "settings.py"))


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python process of its own."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=clean(environment), cwd=settings.BASE_DIR, capture_output=True, text=True)


def test_complete_production_settings_load_and_pass_the_deployment_checks():
    done = run(PRODUCTION, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("System check identified no issues")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}, "portal.E001"),
        ({"SECRET_KEY_FALLBACKS": "short"}, "portal.E002"),
        ({"SIGNING_KEY_FALLBACKS": "short"}, "portal.E002"),
        ({"SUPPORT_URL": ""}, "portal.W003"),
        ({"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}, "portal.W004"),
    ],
)
def test_deployment_checks_name_what_is_missing(changed, named, settings):
    found = load(PRODUCTION | changed)
    for name in CHECKED:
        setattr(settings, name, found[name])
    messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    assert [message.id for message in messages if message.id.startswith("portal.")] == [named]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is missing or weak"),
        ({"AUDIT_KEY": ""}, "AUDIT_KEY is missing or weak"),
        ({"AUDIT_KEY": KEY}, "AUDIT_KEY must differ from SECRET_KEY"),
        ({"SIGNING_KEY": ""}, "SIGNING_KEY is missing or weak"),
        ({"SIGNING_KEY": KEY}, "SIGNING_KEY must differ from"),
        ({"DEBUG": "1"}, "DEBUG must be off"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"ORIGIN": ""}, "ORIGIN must be"),
        ({"ORIGIN": "http://portal.cloud.example"}, "start with https://"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name hosts"),
        ({"DATABASE_URL": ""}, "DATABASE_URL and REDIS_URL are required"),
        ({"DATABASE_URL": "mysql://root@127.0.0.1/mandate"}, "DATABASE_URL must look like"),
        ({"REDIS_URL": ""}, "DATABASE_URL and REDIS_URL are required"),
        ({"APP_DATABASE_URL": ""}, "APP_DATABASE_URL"),
        ({"APP_DATABASE_URL": PRODUCTION["DATABASE_URL"]}, "must not be the owner"),
        ({"EMAIL_BACKEND": ""}, "EMAIL_BACKEND is required"),
        ({"MAIL_FROM": ""}, "MAIL_FROM is required"),
        ({"MANDATE_MODE": "staging"}, "MANDATE_MODE is 'staging'"),
        ({"MANDATE_MODE": "demo", "ORIGIN": "https://portal.cloud.example"}, "loopback"),
        ({"MANDATE_MODE": "demo", "ORIGIN": "", "ALLOWED_HOSTS": "portal.cloud.example"}, "loopback"),
    ],
)
def test_insecure_settings_are_refused_in_one_line(changed, named):
    with pytest.raises(SystemExit) as refused:
        load(PRODUCTION | changed)
    message = str(refused.value)
    assert message.startswith("mandate: refusing to start: ")
    assert named in message
    assert "\n" not in message
    assert KEY not in message


def test_a_web_process_is_in_production_unless_told_otherwise():
    done = run({}, "-c", "import portal.wsgi")
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.django_db
def test_the_run_time_role_owns_nothing_and_is_no_administrator():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, usesuper, usecreatedb FROM pg_user WHERE usename = current_user")
        assert cursor.fetchone() == (settings.APP_ROLE, False, False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")
        assert cursor.fetchone() == (0,)
