"""What the code promises about itself (STYLE §1, §2, §4, §6), asked from the code and from the database.

The linters, the import contracts and the migrations are in tests/tools; CI calls both.
"""

from __future__ import annotations

import ast
import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.urls import get_resolver
from guardian.models import GroupObjectPermissionBase
from guardian.utils import get_group_obj_perms_model

from portal.models import Pair, PairGrant, Scope, ScopeGrant, Tenant, TenantGrant

ROOT = Path(settings.BASE_DIR)
APPS = ("portal", "relationships", "delegation")
MAY_USE_GUARDIAN = re.compile(r"portal/(access/|models/|benchmarks/)|.*/migrations/")
#: Kept by hand, and measured as a whole: the stylesheet (docs/ui.md).
LONG = {"static/portal.css"}
MOST_LINES, MOST_MODEL_LINES, MOST_README_LINES = 400, 300, 120
NO_NAMES = ("utils", "helpers", "common", "misc", "mixins")


def sources(*patterns: str) -> list[Path]:
    """Files of the apps, without migrations."""
    found = [path for app in APPS for pattern in patterns for path in (ROOT / app).rglob(pattern)]
    return [path for path in found if "migrations" not in path.parts]


def name(path: Path) -> str:
    """The path from the root of the checkout."""
    return str(path.relative_to(ROOT))


# ── access: one place, direct-FK tables ──


@pytest.mark.django_db
def test_what_access_decides_on_has_a_direct_table_of_group_grants() -> None:
    assert get_group_obj_perms_model(Tenant) is TenantGrant
    assert get_group_obj_perms_model(Pair) is PairGrant
    assert get_group_obj_perms_model(Scope) is ScopeGrant
    own = [model for model in apps.get_models() if issubclass(model, GroupObjectPermissionBase)]
    own = [model for model in own if model._meta.app_label in APPS]
    assert {model.__name__ for model in own} == {"TenantGrant", "PairGrant", "ScopeGrant"}
    for model in own:
        fields = {field.name for field in model._meta.get_fields()}
        assert fields >= {"content_object", "group", "permission", "source", "until"}, model
        unique = [constraint.fields for constraint in model._meta.total_unique_constraints]
        assert ("content_object", "group", "permission", "source") in unique, model
        assert model._meta.unique_together == (), "two sources of one right must not collide"


def test_guardian_is_asked_by_access_only() -> None:
    wrong = []
    for path in sources("*.py"):
        if MAY_USE_GUARDIAN.match(name(path)):
            continue
        wrong += [f"{name(path)}:{line}" for module, line in imports(path) if module.split(".")[0] == "guardian"]
    assert wrong == []


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


@pytest.mark.django_db
def test_nothing_writes_to_guardians_generic_tables() -> None:
    for table in ("guardian_groupobjectpermission", "guardian_userobjectpermission"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - two words of our own
            assert cursor.fetchone() == (0,)


# ── two database roles ──


def privileges(table: str) -> set[str]:
    """What the run-time role may do to a table, asked from the database."""
    wanted = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege(%s, %s, p)",
            [list(wanted), settings.APP_ROLE, table],
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
def test_the_run_time_role_only_appends_to_the_audit_log() -> None:
    assert privileges("portal_auditentry") == {"SELECT", "INSERT"}
    assert privileges("portal_auditcheckpoint") == {"SELECT"}  # written by retention's function
    assert privileges("portal_membershipperiod") == {"SELECT"}
    assert privileges("portal_user") == {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.mark.django_db
def test_the_run_time_role_owns_nothing_and_is_nobody_special() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = %s",
            [settings.APP_ROLE],
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication,"
            " has_schema_privilege(rolname, 'public', 'CREATE') FROM pg_roles WHERE rolname = %s",
            [settings.APP_ROLE],
        )
        assert cursor.fetchone() == (False,) * 6
        cursor.execute(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s",
            [settings.APP_ROLE],
        )
        assert cursor.fetchone() == (0,)


# ── views ──

PUBLIC = {
    "healthz", "set_language", "set_theme", "sign_in", "sign_in_as", "sign_out", "open_link", "forgot_password",
    "forgot_password_sent", "reset", "welcome", "confirm_address", "new_organisation", "new_organisation_sent",
    "organisation_details", "guarded", "webhook",
}  # fmt: skip


def views() -> Iterator[tuple[str, Any]]:
    """Every view function of the URLconf."""

    def walk(patterns: list[Any]) -> Iterator[tuple[str, Any]]:
        for item in patterns:
            if hasattr(item, "url_patterns"):
                yield from walk(item.url_patterns)
            else:
                yield str(item.name), item.callback

    yield from walk(get_resolver().url_patterns)


def test_only_the_listed_views_are_open_to_the_signed_out() -> None:
    open_views = {inspect.unwrap(view).__name__ for _name, view in views() if not _needs_sign_in(view)}
    assert open_views == PUBLIC


def _needs_sign_in(view: Any) -> bool:
    """The middleware's rule: every view, unless it is marked."""
    return getattr(view, "login_required", True)


def test_every_view_says_which_methods_it_takes() -> None:
    wrong = []
    for path in sources("views/*.py", "views.py"):
        tree = ast.parse(path.read_text())
        rules = {"require_safe", "require_POST", "require_http_methods", "_form_page", "form_page", "_only_demo"}
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or not _is_view(node):
                continue
            named = {_called(decorator) for decorator in node.decorator_list}
            if not named & rules:
                wrong.append(f"{name(path)}:{node.lineno} {node.name}")
    assert wrong == []


def _is_view(node: ast.FunctionDef) -> bool:
    routed = {inspect.unwrap(view).__name__ for _name, view in views()}
    return bool(node.args.args) and node.args.args[0].arg == "request" and node.name in routed


def _called(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")


def test_views_are_short_and_services_fit_a_screen() -> None:
    wrong = []
    for path in sources("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            has_text = isinstance(node.body[0], ast.Expr) and len(node.body) > 1
            lines = (node.end_lineno or 0) - node.body[int(has_text)].lineno + 1  # without signature and docstring
            if lines > 40:
                wrong.append(f"{name(path)}:{node.lineno} {node.name}: {lines} lines")
    assert wrong == []


# ── templates: strict CSP ──

_INLINE = re.compile(r"<style\b|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|javascript:", re.IGNORECASE)


def test_no_page_has_inline_script_style_or_handlers() -> None:
    wrong = []
    for path in (ROOT / "templates").rglob("*.html"):
        if "mail" in path.relative_to(ROOT / "templates").parts[:1]:
            continue  # mails have no policy, and need inline styles
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if _INLINE.search(line):
                wrong.append(f"{name(path)}:{number}: {_INLINE.search(line)}")
    assert wrong == []


# ── house rules ──


def test_files_stay_short() -> None:
    wrong = []
    pages = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").glob("*.*")]
    for path in [*sources("*.py"), *pages]:
        lines = len(path.read_text().splitlines())
        most = MOST_MODEL_LINES if "models" in path.parts or path.name == "models.py" else MOST_LINES
        if lines > most and name(path) not in LONG:
            wrong.append(f"{name(path)}: {lines} lines, at most {most}")
    assert wrong == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_README_LINES


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in sources("*.py") if path.stem in NO_NAMES] == []


def test_no_rule_hangs_on_a_model_signal() -> None:
    """Rules are services; only the caches of permissions listen to migrations (STYLE §1)."""
    wrong = [
        f"{name(path)}:{line}"
        for path in sources("*.py")
        for module, line in imports(path)
        if module.startswith("django.db.models.signals") and name(path) != "portal/access/permissions.py"
    ]
    assert wrong == []


# ── languages ──

CATALOGUES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))


def test_there_is_a_catalogue_for_every_language_but_the_sources() -> None:
    assert {path.parts[-3].lower().replace("_", "-") for path in CATALOGUES} == {
        code for code, _label in settings.LANGUAGES if code != "en"
    }


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_the_catalogue_is_complete(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue.obsolete_entries()] == []
    assert len(catalogue) > 300


_PLACES = re.compile(r"%\([a-z_]+\)[sd]|%[sd]|\{[a-z_]*\}")


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_translations_keep_their_placeholders(path: Path) -> None:
    wrong = []
    for entry in polib.pofile(str(path)):
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        allowed = set(_PLACES.findall(entry.msgid)) | set(_PLACES.findall(entry.msgid_plural))
        needed = set(_PLACES.findall(entry.msgid_plural or entry.msgid))
        for text in texts:
            found = set(_PLACES.findall(text))
            if not found <= allowed or (found != needed and not entry.msgid_plural):
                wrong.append((entry.msgid, text))
    assert wrong == []


@pytest.mark.skipif(not shutil.which("xgettext"), reason="gettext is not installed (apt install gettext)")
def test_the_catalogues_have_every_text_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`makemessages` on a copy finds nothing new."""
    wanted = [*APPS, "templates", "static", "locale"]
    for folder in wanted:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc", "__pycache__", "*.mo"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [str(tmp_path / "locale")])
    call_command("makemessages", locale=["de", "zh_Hant"], no_location=True, no_obsolete=True, verbosity=0)
    for path in CATALOGUES:
        before = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(path))}
        after = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(tmp_path / path.relative_to(ROOT)))}
        assert sorted(after - before, key=str) == [], f"run ./script/messages and translate ({path.parts[-3]})"
        assert sorted(before - after, key=str) == [], f"run ./script/messages ({path.parts[-3]})"
