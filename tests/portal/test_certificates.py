"""Certificates: signed, numbered, kept, and verified where there is no portal (docs/access.md, *Certificates*)."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as django_settings
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from portal import audit, certificates, signing
from portal.errors import PermissionDenied
from portal.models import AuditEntry, Certificate
from portal.services.certificates import issue_certificate
from tests import factories
from tests.cast import Cast

NAMES = "Größter Łódź-Übergang, Ελλάδα, 確認移除委派的管理"


def issued(cast: Cast, *, left: list[str] | None = None, by: str = "global-admin", **more: Any) -> Certificate:
    content = more.pop("content", None) or factories.certified(left=left or [])
    partner = more.pop("partner", cast.fabrikam)
    return issue_certificate(tenant=cast.contoso, partner=partner, actor=cast[by], content=content, **more)


def get(cast: Cast, name: str, person: str, **kwargs: Any) -> Any:
    client = Client()
    client.force_login(cast[person])
    return client.get(reverse(name, kwargs={"tenant_slug": cast.contoso.slug, **kwargs}))


# ── issuing ──


def test_a_certificate_says_who_what_and_whether_anything_was_left(cast: Cast) -> None:
    first, second = issued(cast), issued(cast, left=["Owner of Production"])
    assert [first.number, second.number] == [1, 2]
    assert [first.is_complete, second.is_complete] == [True, False]
    document = certificates.verify(certificates.json_of(second))
    assert (document["tenant"]["name"], document["partner"]["name"]) == ("Contoso GmbH", "Fabrikam Cloud")
    assert document["issued_by"]["sign_in_name"] == "global-admin@contoso.example"
    assert document["content"]["sections"][1]["lines"][0]["label"] == "Owner of Production"
    assert (document["number"], document["is_complete"]) == (2, False)


def test_it_is_in_both_sides_audit_logs(cast: Cast) -> None:
    certificate = issued(cast)
    rows = AuditEntry.objects.filter(action="certificate.issued", target_id=str(certificate.pk))
    assert {row.tenant_id for row in rows} == {cast.contoso.pk, cast.fabrikam.pk}


def test_numbers_have_no_gaps_within_a_tenant(cast: Cast) -> None:
    issued(cast)
    with transaction.atomic():  # what fails later takes its number back
        assert issued(cast).number == 2
        transaction.set_rollback(True)
    assert issued(cast).number == 2
    row = issued(cast)
    row.pk, row.number = cast.contoso.pk, 7
    with pytest.raises(IntegrityError, match="without gaps"), transaction.atomic():
        row.save(force_insert=True)


def test_who_may_not_issue_one(dap_cast: Cast) -> None:
    for person in ("admin-agent", "user-admin", "user"):  # on behalf, and without the right
        with pytest.raises(PermissionDenied):
            issued(dap_cast, by=person)
    assert not Certificate.objects.exists()


def test_a_certificate_never_contradicts_itself(cast: Cast) -> None:
    for left in ([], ["Owner of Production"]):
        content = factories.certified(left=left) | {"is_complete": bool(left)}
        with pytest.raises(ValueError, match="complete where nothing is left"):
            issued(cast, content=content)


def test_nobody_changes_or_removes_one(cast: Cast) -> None:
    certificate = issued(cast)
    for statement in ("UPDATE portal_certificate SET number = 3", "DELETE FROM portal_certificate"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(statement)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("TRUNCATE portal_certificate")
    assert Certificate.objects.get() == certificate


def test_nor_does_the_owner_of_the_tables(transactional_db: None) -> None:
    from tests.cast import build_cast

    issued(build_cast())
    for statement in ("UPDATE portal_certificate SET number = 3", "DELETE FROM portal_certificate"):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), connections["owner"].cursor() as cursor:
            cursor.execute(statement)


# ── verifying ──


@pytest.mark.parametrize("form", ["json", "pdf"])
def test_any_changed_byte_shows(cast: Cast, form: str) -> None:
    certificate = issued(cast)
    raw = {"json": certificates.json_of, "pdf": certificates.pdf_of}[form](certificate)
    assert certificates.verify(raw)["number"] == 1
    chance = random.Random(1)
    tail = range(len(raw) - 160, len(raw))
    for place in sorted({*chance.sample(range(len(raw)), 400), *tail, 0, 1, 2}):
        for bit in (1, 0x20):
            changed = bytearray(raw)
            changed[place] ^= bit
            with pytest.raises(signing.BadSignature):
                certificates.verify(bytes(changed))
    for changed in (raw[:-1], raw[: len(raw) // 2], raw + b"\n", b"", raw + raw, b"\n" + raw):
        with pytest.raises(signing.BadSignature):
            certificates.verify(bytes(changed))


def test_another_document_under_the_same_signature_shows(cast: Cast) -> None:
    certificate = issued(cast, left=["Owner of Production"])
    content = json.loads(certificates.json_of(certificate))
    text = json.dumps(content)
    twice = text[:-1] + ', "signature": "x"}'
    half = '{"document":{"a":"\\ud800"},"signature":""}'
    for wrong in (text, twice, "[]", "{}", '{"document":[],"signature":""}', half):
        with pytest.raises(signing.BadSignature):
            certificates.verify(wrong.encode())
    content["document"]["is_complete"] = True
    with pytest.raises(signing.BadSignature, match="signature is wrong"):
        certificates.verify(json.dumps(content).encode())
    head = signing.signed({"kind": "mandate.audit-head", "version": 1})
    signature = head.pop("signature")
    with pytest.raises(signing.BadSignature, match="no certificate"):
        certificates.verify(certificates.as_json(signing.canonical(head).decode(), signature))


def test_a_retired_key_still_verifies_and_a_strange_one_never(cast: Cast, settings: Any) -> None:
    certificate = issued(cast)
    old, pem = settings.MANDATE_SIGNING_KEY, signing.public_pem()
    settings.MANDATE_SIGNING_KEY = b"another secret of fifty characters or more, really"
    with pytest.raises(signing.BadSignature, match="a key that isn't known here"):
        certificates.verify(certificates.json_of(certificate))
    assert certificates.verify(certificates.json_of(certificate), signing.read_pem(pem.encode()))
    settings.MANDATE_SIGNING_KEY_FALLBACKS = [old]
    for raw in (certificates.json_of(certificate), certificates.pdf_of(certificate)):
        assert certificates.verify(raw)["number"] == 1
        assert certificates.verify(raw, signing.read_pem(signing.public_pem().encode()))["number"] == 1


def test_what_is_no_public_key_is_refused() -> None:
    strange = Ed25519PrivateKey.generate()
    private = strange.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for text in (b"", b"x", private, b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(ValueError, match=r"key"):
            signing.read_pem(text)
    assert django_settings.MANDATE_SIGNING_KEY.decode() not in signing.public_pem() + repr(signing.known_keys())


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """On a machine that has no database, and none of the portal's secrets."""
    secret = "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba0123"
    environment = {
        "PATH": os.environ["PATH"],
        "MANDATE_MODE": "production",
        "SECRET_KEY": secret,
        "AUDIT_KEY": secret[::-1],
        "SIGNING_KEY": secret.swapcase(),
        "ORIGIN": "https://elsewhere.example",
        "DATABASE_URL": "postgres://nobody:secret@127.0.0.1:9/none",
        "APP_DATABASE_URL": "postgres://portal_app:secret@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "MAIL_FROM": "nobody@elsewhere.example",
    }
    words = [sys.executable, "manage.py", "audit", *arguments]
    return subprocess.run(
        words, env=environment, cwd=django_settings.BASE_DIR, capture_output=True, text=True, timeout=120
    )


def test_certificates_are_verified_without_a_database(cast: Cast, tmp_path: Path) -> None:
    certificate = issued(cast, left=["Owner of Production"])
    pem, json_file, pdf_file = tmp_path / "key.pem", tmp_path / "certificate.json", tmp_path / "certificate.pdf"
    pem.write_text(signing.public_pem())
    json_file.write_bytes(certificates.json_of(certificate))
    pdf_file.write_bytes(certificates.pdf_of(certificate))
    for file in (json_file, pdf_file):
        done = command("verify-certificate", str(file), "--public-key", str(pem))
        assert done.returncode == 0, done.stderr
        assert "Certificate 1 of Contoso GmbH (contoso.cloud.example) about Fabrikam Cloud" in done.stdout
        assert "INCOMPLETE" in done.stdout
    done = command("verify-certificate", str(json_file))  # by that installation's own keys
    assert (done.returncode, "a key that isn't known here" in done.stderr) == (1, True)
    pdf_file.write_bytes(pdf_file.read_bytes().replace(b"/Title", b"/Titel", 1))
    done = command("verify-certificate", str(pdf_file), "--public-key", str(pem))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not as it was issued: its signature is wrong" in done.stderr
    done = command("verify-certificate", str(tmp_path / "nothing"))
    assert (done.returncode, "can't be read" in done.stderr) == (1, True)


# ── on paper ──


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
def test_the_pdf_is_the_same_whenever_it_is_printed(cast: Cast, language: str) -> None:
    with translation.override(language):
        certificate = issued(cast, content=factories.certified(left=[NAMES], title=NAMES))
    with translation.override("en"):
        raw = certificates.pdf_of(certificate)
    assert raw == certificates.pdf_of(certificate)
    assert raw.startswith(b"%PDF-")
    assert f"/Lang ({language})".encode() in raw
    assert certificates.verify(raw)["language"] == language


def test_a_long_certificate_has_many_pages(cast: Cast) -> None:
    content = factories.certified(left=[f"Owner of subscription {number}" for number in range(120)])
    content["sections"][1]["lines"][0]["detail"] = "word " * 1_000 + "x" * 4_000 + "\x00\u202e🙂"
    raw = certificates.pdf_of(issued(cast, content=content))
    assert raw.count(b"/Type /Page\n") > 4
    assert certificates.verify(raw)["is_complete"] is False


# ── pages ──


def test_who_reads_certificates(dap_cast: Cast) -> None:
    ours = issued(dap_cast)
    theirs = issued(dap_cast, partner=dap_cast.litware)

    def codes(person: str, certificate: Certificate) -> set[int]:
        names = ("certificate-pdf", "certificate-json")
        return {get(dap_cast, name, person, certificate_id=certificate.pk).status_code for name in names}

    for person in ("global-admin", "billing-admin"):
        assert codes(person, ours) == codes(person, theirs) == {200}
    assert codes("admin-agent", ours) == {200}
    assert codes("admin-agent", theirs) == {404}  # DOMAIN §5: of other partners nothing
    assert codes("user", ours) == {403}
    assert codes("stranger-customer", ours) == {404}
    listed = get(dap_cast, "certificates-csv", "admin-agent").getvalue().decode()
    assert "Fabrikam Cloud" in listed
    assert "Litware" not in listed


def test_the_files_verify_and_the_list_exports_utc(cast: Cast) -> None:
    certificate = issued(cast)
    for name in ("certificate-pdf", "certificate-json"):
        answer = get(cast, name, "global-admin", certificate_id=certificate.pk)
        assert certificates.verify(answer.content)["number"] == 1
        assert answer["Content-Disposition"].startswith('attachment; filename="certificate-contoso')
    (row,) = csv.DictReader(io.StringIO(get(cast, "certificates-csv", "global-admin").getvalue().decode()))
    assert list(row.values())[:3] == ["1", "Fabrikam Cloud", "complete"]
    assert "+00:00" in str(row)


def test_downloads_write_nothing(cast: Cast) -> None:
    certificate = issued(cast)
    before = audit.head(cast.contoso.pk)
    get(cast, "certificate-pdf", "global-admin", certificate_id=certificate.pk)
    assert audit.head(cast.contoso.pk) == before


def test_on_behalf_nobody_reads_of_another_partners_certificate(dap_cast: Cast) -> None:
    issued(dap_cast, partner=dap_cast.litware)
    issued(dap_cast)
    client = Client()
    client.force_login(dap_cast["admin-agent"])
    answer = client.get(reverse("audit-log-lines", kwargs={"tenant_slug": dap_cast.contoso.slug}))
    rows = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
    seen = [row["details"]["after"]["partner"] for row in rows if row["action"] == "certificate.issued"]
    assert seen == ["Fabrikam Cloud"]
