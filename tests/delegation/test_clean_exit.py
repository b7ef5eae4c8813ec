"""*End everything with this partner*: one list of every kind, one transaction, one certificate (DOMAIN §9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import Http404
from django.test import Client
from django.urls import reverse

from delegation import clean_exit, services, verification
from delegation.models import AzureAssignment, DapGrant, GdapRelationship
from portal import access, catalogue, clock, signing
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, Certificate, Pair, RoleAssignment, User
from portal.services import accounts, people
from portal.writes import write
from tests import factories
from tests.conftest import Cast
from tests.delegation.granting import active, pending
from tests.delegation.provisioning import owner_of, provisioned


def everything(cast: Cast) -> dict[str, str]:
    """Of every kind one, by its name in the form."""
    assignment = owner_of(provisioned(cast))
    roles = active(cast)
    asked = pending(cast, customer=cast.contoso)
    made = factories.person(cast.contoso, "made", domain="contoso.example", made_by_partner=cast.fabrikam)
    person = factories.person(cast.contoso, "given", domain="contoso.example")
    given = people.assign_role(person=person, role_id=catalogue.GLOBAL_ADMINISTRATOR, actor=cast["admin-agent"])
    accounts.start_reset(person=cast["user"], actor=cast["helpdesk-agent"])
    return {
        "dap": f"dap:{cast.dap.pk}",
        "gdap": f"gdap:{roles.pk}",
        "request": f"request:{asked.pk}",
        "azure": f"azure:{assignment.pk}",
        "account": f"account:{made.pk}",
        "role": f"role:{given.pk}",
        "reset": f"reset:{cast['user'].pk}",
    }


def names(cast: Cast, by: str = "global-admin") -> dict[str, list[str]]:
    """What there is, by kind; only what this person can end."""
    return {found.kind.kind: found.names for found in clean_exit.found(cast.pair, cast[by]) if found.items}


def test_every_kind_is_listed_and_ends_at_once(dap_cast: Cast) -> None:
    wanted = everything(dap_cast)
    administrator = dap_cast["global-admin"]
    assert names(dap_cast)["azure"] == [], "a Global Administrator elevates first"
    services.elevate(tenant=dap_cast.contoso, actor=administrator)
    listed = names(dap_cast)
    assert {kind: listed[kind] for kind in wanted} == {kind: [name] for kind, name in wanted.items()}
    assert listed["relationship"] == []
    certificate = services.end_everything(
        pair=dap_cast.pair, actor=administrator, chosen=list(wanted.values()), reason="A new partner.", blocks=True
    )
    left = names(dap_cast)
    assert set(left) == {"relationship"}, "only the partner ends it"
    assert not certificate.is_complete
    document = signing.read_json(certificate.document.encode())
    lines = [line for section in document["content"]["sections"] for line in section["lines"]]
    assert sorted(line["is_left"] for line in lines) == [False] * 7 + [True] * len(left["relationship"] or [1])
    dap_cast.dap.refresh_from_db()
    assert dap_cast.dap.end_reason == "A new partner."
    assert Pair.objects.get(pk=dap_cast.pair.pk).blocked_at is not None
    for agent in ("admin-agent", "helpdesk-agent"):
        assert access.rights(dap_cast[agent], dap_cast.contoso).paths == ()
        assert access.scope_rights(dap_cast[agent], dap_cast.contoso).paths == ()
    assert verification.differences() == []


def test_nothing_left_makes_it_complete(dap_cast: Cast) -> None:
    wanted = [name for found in clean_exit.found(dap_cast.pair, dap_cast["global-admin"]) for name in found.names]
    dap_cast.pair.relationships.update(ended_at=clock.now())
    certificate = services.end_everything(pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=wanted)
    assert certificate.is_complete
    assert certificate.number == Certificate.objects.filter(tenant=dap_cast.contoso).count()


def test_what_was_not_chosen_is_named_as_left(dap_cast: Cast) -> None:
    wanted = everything(dap_cast)
    certificate = services.end_everything(
        pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=[wanted["dap"], wanted["account"]]
    )
    assert not certificate.is_complete
    left = names(dap_cast)
    assert not {"dap", "account"} & set(left)
    assert {"gdap", "request", "azure", "role", "reset"} <= set(left)
    for kind in ("gdap", "azure", "role", "reset"):
        assert any(line["is_left"] for line in _lines(certificate, kind)), kind
    assert GdapRelationship.objects.in_force(clock.now()).filter(pair=dap_cast.pair).exists()


def _lines(certificate: Certificate, kind: str) -> list[dict[str, object]]:
    titles = {found.kind: str(found.title) for found in clean_exit.KINDS}
    sections = signing.read_json(certificate.document.encode())["content"]["sections"]
    return [line for section in sections if section["title"] == titles[kind] for line in section["lines"]]


def test_one_that_may_not_end_ends_nothing(dap_cast: Cast) -> None:
    wanted = everything(dap_cast)
    before = AuditEntry.objects.count()
    with pytest.raises(PermissionDenied):  # not elevated: the Azure role can't go
        services.end_everything(pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=list(wanted.values()))
    chosen = [wanted["dap"], f"relationship:{dap_cast.pair.relationships.first().pk}"]
    with pytest.raises(Refused):
        services.end_everything(pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=chosen)
    assert DapGrant.objects.get(pk=dap_cast.dap.pk).ended_at is None
    assert AzureAssignment.objects.filter(ended_at__isnull=True, pair=dap_cast.pair).exists()
    assert (AuditEntry.objects.count(), Certificate.objects.count()) == (before, 0)


def test_a_billing_administrator_ends_what_is_its_to_end(dap_cast: Cast) -> None:
    wanted = everything(dap_cast)
    assert names(dap_cast, "billing-admin") == {
        "dap": [], "gdap": [wanted["gdap"]], "request": [], "azure": [], "account": [], "role": [], "reset": [],
        "relationship": [],
    }  # fmt: skip
    with pytest.raises(PermissionDenied):
        services.end_everything(pair=dap_cast.pair, actor=dap_cast["billing-admin"], chosen=[wanted["dap"]])
    certificate = services.end_everything(pair=dap_cast.pair, actor=dap_cast["billing-admin"], chosen=[wanted["gdap"]])
    assert "gdap" not in names(dap_cast)
    assert not certificate.is_complete


def test_nobody_ends_everything_on_behalf(dap_cast: Cast) -> None:
    with pytest.raises(Refused):
        services.end_everything(pair=dap_cast.pair, actor=dap_cast["admin-agent"], chosen=[f"dap:{dap_cast.dap.pk}"])
    _stranger, administrator = factories.tenant("Stranger")
    with pytest.raises(Http404):
        services.end_everything(pair=dap_cast.pair, actor=administrator, chosen=[])
    assert DapGrant.objects.get(pk=dap_cast.dap.pk).ended_at is None


def test_what_ended_meanwhile_is_passed_over(dap_cast: Cast) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    certificate = services.end_everything(
        pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=[f"dap:{dap_cast.dap.pk}", "no such:thing"]
    )
    assert not any(not line["is_left"] for kind in ("dap",) for line in _lines(certificate, kind))


def test_a_reset_is_left_until_somebody_else_resets(dap_cast: Cast) -> None:
    person = dap_cast["user"]
    accounts.start_reset(person=person, actor=dap_cast["helpdesk-agent"])
    assert names(dap_cast)["reset"] == [f"reset:{person.pk}"]
    with clock.fixed(clock.now() + timedelta(minutes=5)):
        accounts.start_reset(person=person, actor=dap_cast["global-admin"])
    assert "reset" not in names(dap_cast)


def test_blocked_accounts_are_no_longer_left(dap_cast: Cast) -> None:
    made = factories.person(dap_cast.contoso, "made", domain="contoso.example", made_by_partner=dap_cast.fabrikam)
    theirs = factories.person(dap_cast.contoso, "other", domain="contoso.example", made_by_partner=dap_cast.litware)
    services.end_everything(pair=dap_cast.pair, actor=dap_cast["global-admin"], chosen=[f"account:{made.pk}"])
    assert User.objects.get(pk=made.pk).blocked_at is not None
    assert User.objects.get(pk=theirs.pk).blocked_at is None


def test_the_page_does_it_and_shows_the_certificate(dap_cast: Cast, client: Client) -> None:
    client.force_login(dap_cast["global-admin"])
    url = reverse("clean-exit", args=[dap_cast.contoso.slug, dap_cast.pair.pk])
    page = client.get(url).content.decode()
    name = f"dap:{dap_cast.dap.pk}"
    assert f'value="{name}" checked' in page
    assert client.post(url, {"chosen": [name]}).status_code == 400, "not confirmed"
    assert DapGrant.objects.get(pk=dap_cast.dap.pk).ended_at is None
    answer = client.post(url, {"chosen": [name], "is_confirmed": "on"}, follow=True)
    assert answer.status_code == 200
    assert "Vollständig" in answer.content.decode()
    certificate = Certificate.objects.get(tenant=dap_cast.contoso)
    assert reverse("certificate-pdf", args=[dap_cast.contoso.slug, certificate.pk]) in answer.content.decode()
    client.force_login(dap_cast["admin-agent"])
    assert client.get(url).status_code == 403, "never on behalf"


def test_the_same_list_stands_on_pages_of_a_removal(dap_cast: Cast, client: Client) -> None:
    everything(dap_cast)
    client.force_login(dap_cast["global-admin"])
    page = client.get(reverse("partner-remove-dap", args=[dap_cast.contoso.slug, dap_cast.pair.pk])).content.decode()
    for text in ("Azure-Rolle", "angelegtes Konto", "zugewiesene Rolle", "Kennwortzurücksetzung, die sie"):
        assert text in page, text
    with write():
        RoleAssignment.objects.filter(assigned_by_partner=dap_cast.fabrikam).update(ended_at=clock.now())
    page = client.get(reverse("partner-remove-dap", args=[dap_cast.contoso.slug, dap_cast.pair.pk])).content.decode()
    assert "zugewiesene Rolle<" not in page
