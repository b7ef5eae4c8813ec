"""German and Traditional Chinese use the words they should (DOMAIN §17); that they are complete is architecture."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polib
import pytest
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone, translation

from portal import audit, role_words, sentences
from portal import catalogue as portal_catalogue
from portal.models import AuditEntry, Pair
from portal.writes import write
from relationships.models import Relationship
from tests.cast import Cast

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ("de", "zh_Hant")
MARKS = {"_", "gettext_noop"} | {f"{kind}gettext{lazy}" for kind in ("", "n", "p", "np") for lazy in ("", "_lazy")}


def catalogue(locale: str) -> polib.POFile:
    return polib.pofile(str(ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"))


@pytest.mark.parametrize(("locale", "forms"), [("de", 2), ("zh_Hant", 1)])
def test_plurals_have_the_forms_of_the_language(locale, forms):
    found = [entry for entry in catalogue(locale) if entry.msgid_plural]
    assert found
    assert {len(entry.msgstr_plural) for entry in found} == {forms}
    assert f"nplurals={forms};" in catalogue(locale).metadata["Plural-Forms"]


def code() -> Iterator[tuple[Path, ast.Module]]:
    for app in ("portal", "relationships", "delegation"):
        for path in (ROOT / app).rglob("*.py"):
            yield path, ast.parse(path.read_text())


def test_messages_are_marked_by_names_that_extraction_knows():
    """Under another name a message would stay English unnoticed."""
    imports = (
        (path, node)
        for path, tree in code()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
    )
    renamed = [
        f"{path}:{node.lineno}" for path, node in imports for name in node.names if name.asname not in (None, "_")
    ]
    assert renamed == []


def test_no_message_hides_in_an_f_string():
    """gettext's extraction doesn't look into them, so such a message would stay English unnoticed."""
    hidden = []
    for path, tree in code():
        strings = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
        calls = (part for node in strings for part in ast.walk(node) if isinstance(part, ast.Call))
        hidden += [f"{path}:{call.lineno}" for call in calls if getattr(call.func, "id", "") in MARKS]
    assert hidden == []


@pytest.mark.parametrize(
    ("msgid", "german", "chinese"),
    [
        ("Request a reseller relationship", "Vertriebspartnerbeziehung anfordern", "要求建立轉銷商關係"),
        ("Partner relationships", "Partnerbeziehungen", "合作夥伴關係"),
        ("Remove delegated admin", "Delegierten Administrator entfernen", "移除委派的管理"),
        ("Remove", "Entfernen", "移除"),
        ("Customers", "Kunden", "客戶"),
        ("Done", "Fertig", "完成"),
        ("Settings", "Einstellungen", "設定"),
    ],
)
def test_pages_and_buttons_have_the_names_of_the_reference_documents(msgid, german, chinese):
    assert [catalogue(locale).find(msgid).msgstr for locale in LOCALES] == [german, chinese]


@pytest.mark.parametrize(
    ("locale", "term", "others"), [("de", "Vertriebspartner", ("Wiederverkäufer",)), ("zh_Hant", "轉銷商", ("經銷商",))]
)
def test_a_reseller_is_called_by_one_word(locale, term, others):
    """The word of the button that DOMAIN §17 fixes: *Vertriebspartnerbeziehung anfordern*, 要求建立轉銷商關係."""
    said = [entry for entry in catalogue(locale) if "reseller" in entry.msgid.lower()]
    assert len(said) > 5
    assert [entry.msgid for entry in said if term not in entry.msgstr] == []
    assert [entry.msgid for entry in catalogue(locale) if any(word in entry.msgstr for word in others)] == []


def test_role_words_are_those_of_the_table():
    roles = portal_catalogue.roles().values()
    assert set(role_words.NAMES) == {role.name for role in roles}
    assert set(role_words.DESCRIPTIONS) == {role.description for role in roles} - {""}
    assert set(role_words.HINTS) == {role.hint for role in roles} - {""}
    assert set(role_words.AGENTS) == set(portal_catalogue.AGENT_NAMES.values())


@pytest.mark.parametrize(("language", "name"), [("de", "Helpdeskadministrator"), ("zh-hant", "技術服務管理員")])
def test_pages_name_roles_in_the_readers_language_and_rows_in_english(language, name):
    role = portal_catalogue.roles()[portal_catalogue.HELPDESK_ADMINISTRATOR]
    with translation.override(language):
        assert role.label == name
        assert role.name == "Helpdesk Administrator"


@pytest.mark.parametrize(
    ("language", "text"), [("en", "2 months ago"), ("de", "vor 2 Monaten"), ("zh-hant", "2 個月前")]
)
def test_past_moments_read_naturally(language, text):
    with translation.override(language):
        said = naturaltime(timezone.now() - timedelta(days=62))
    assert said.replace("\xa0", " ") == text


@pytest.mark.parametrize(("language", "text"), [("en", "One. Two."), ("de", "One. Two."), ("zh-hant", "One.Two.")])
def test_sentences_are_joined_as_the_language_has_it(language, text):
    with translation.override(language):
        assert sentences.joined("One.", "", "Two.") == text


def test_audit_rows_read_the_same_whatever_language_their_actor_works_in(cast: Cast) -> None:
    named = Relationship(partner_type="reseller", pair=Pair(partner_name="Fabrikam", customer_name="Contoso"))
    for language in ("de", "zh-hant"):
        with translation.override(language), write():
            audit.record("test.read", actor=cast["global-admin"], tenant=cast.contoso, target=named)
    data = AuditEntry.objects.filter(tenant=cast.contoso, action="test.read").values_list("data", flat=True)
    assert [json.loads(row)["target"] for row in data] == ["Reseller: Fabrikam → Contoso"] * 2
