"""What the audit log's page says of itself."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import AuditEntry, Tenant
from portal.services import groups, people
from tests import factories
from tests.cast import Cast
from tests.delegation import granting


@pytest.mark.parametrize(("setting", "shown"), [(3650, "3,650 days"), (45, "45 days"), (1, "30 days")])
def test_the_page_says_how_long_entries_stay(cast: Cast, settings, setting: int, shown: str) -> None:
    settings.MANDATE_AUDIT_RETENTION_DAYS = setting
    cast["global-admin"].language = "en"
    cast["global-admin"].save(update_fields=["language"])
    client = Client()
    client.force_login(cast["global-admin"])
    text = client.get(reverse("audit-log", kwargs={"tenant_slug": cast.contoso.slug})).content.decode()
    assert f"Those older than {shown} are dropped by the portal, which leaves a signed checkpoint" in text


def read(cast: Cast, person: str, tenant: Tenant, **query: str) -> list[str]:
    """The actions that a filter leaves, the oldest first."""
    client = Client()
    client.force_login(cast[person])
    answer = client.get(reverse("audit-log-lines", args=[tenant.slug]), query)
    assert answer.status_code == 200
    assert client.get(reverse("audit-log", args=[tenant.slug]), query).status_code == 200
    return [json.loads(line)["action"] for line in answer.getvalue().decode().splitlines()]


def test_the_log_is_narrowed_to_a_partner_or_a_customer(dap_cast: Cast) -> None:
    factories.dap(factories.pair(dap_cast.litware, dap_cast.contoso), dap_cast["global-admin"])
    people.block_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    people.unblock_person(person=dap_cast["user"], actor=dap_cast["stranger-partner"])
    people.block_person(person=dap_cast["user"], actor=dap_cast["user-admin"])
    assert read(dap_cast, "global-admin", dap_cast.contoso, partner="fabri") == ["user.blocked"]
    assert read(dap_cast, "global-admin", dap_cast.contoso, partner="Litware Adv") == ["user.unblocked"]
    assert read(dap_cast, "global-admin", dap_cast.contoso, partner="Woodgrove") == []
    assert read(dap_cast, "partner-admin", dap_cast.fabrikam, partner="Contoso") == ["user.blocked"]
    assert read(dap_cast, "admin-agent", dap_cast.contoso, partner="Litware") == []  # DOMAIN §5


def test_the_log_is_narrowed_to_an_object(dap_cast: Cast) -> None:
    people.block_person(person=dap_cast["user"], actor=dap_cast["user-admin"])
    people.block_person(person=dap_cast["helpdesk-admin"], actor=dap_cast["global-admin"])
    group = groups.create_group(tenant=dap_cast.fabrikam, actor=dap_cast["partner-admin"], name="Night shift")
    request = granting.draft(dap_cast, display_name="Support of servers")
    reader, tenant = "global-admin", dap_cast.contoso
    exact = f"portal.user:{dap_cast['user'].pk}"
    assert read(dap_cast, reader, tenant, target=exact)[-1:] == ["user.blocked"]
    assert len(read(dap_cast, reader, tenant, target=exact, action="user.blocked")) == 1
    assert len(read(dap_cast, reader, tenant, target="helpdesk-admin", action="user.blocked")) == 1
    assert read(dap_cast, reader, tenant, target="nobody of that name") == []
    ours, fabrikam = "partner-admin", dap_cast.fabrikam
    assert read(dap_cast, ours, fabrikam, target="night") == ["group.created"]
    assert read(dap_cast, ours, fabrikam, target=f"portal.securitygroup:{group.pk}") == ["group.created"]
    assert read(dap_cast, ours, fabrikam, target="support of") == ["gdap.created"]
    assert read(dap_cast, ours, fabrikam, target=f"delegation.gdaprelationship:{request.pk}") == ["gdap.created"]
    assert read(dap_cast, ours, fabrikam, target="%") == []


def test_an_opened_row_says_how_it_was_done_and_leads_to_its_object(dap_cast: Cast) -> None:
    people.block_person(person=dap_cast["user"], actor=dap_cast["admin-agent"])
    row = AuditEntry.objects.filter(tenant=dap_cast.contoso).latest("seq")
    client = Client()
    client.force_login(dap_cast["global-admin"])
    url = reverse("audit-log", args=[dap_cast.contoso.slug])
    text = client.get(url, {"open": row.seq}).content.decode()
    assert f"<code>dap:{dap_cast.dap.pk}</code>" in text
    assert bytes(row.hash).hex() in text
    assert f'href="?target=portal.user%3A{dap_cast["user"].pk}"' in text


def test_exports_have_every_field(dap_cast: Cast) -> None:
    people.rename_person(person=dap_cast["user"], actor=dap_cast["admin-agent"], display_name="Ada")
    client = Client()
    client.force_login(dap_cast["global-admin"])
    answer = client.get(reverse("audit-log-csv", args=[dap_cast.contoso.slug]))
    *_rest, row = sorted(csv.DictReader(io.StringIO(answer.getvalue().decode())), key=lambda row: int(row["seq"]))
    found = AuditEntry.objects.filter(tenant=dap_cast.contoso).latest("seq")
    by_position = list(row.values())
    at = found.at.astimezone(UTC).isoformat(timespec="seconds")
    assert by_position[:3] == [str(found.seq), at, str(dap_cast["admin-agent"])]
    assert (row["home_tenant"], row["on_behalf_of"]) == ("Fabrikam Cloud", "Contoso GmbH")
    assert (row["path"], row["role"]) == (f"dap:{dap_cast.dap.pk}", "Global Administrator")
    assert (row["target_type"], row["target_id"]) == ("portal.user", str(dap_cast["user"].pk))
    assert json.loads(row["details"])["after"] == {"display_name": "Ada"}
    assert {"request_id", "address", "actor_id"} <= set(row)
    assert row["hash"] == bytes(found.hash).hex()


def test_the_log_of_nothing_says_so(cast: Cast) -> None:
    client = Client()
    client.force_login(cast["global-admin"])
    text = client.get(reverse("audit-log", args=[cast.contoso.slug]), {"since": "2999-01-01"}).content.decode()
    assert "Keine Einträge" in text
