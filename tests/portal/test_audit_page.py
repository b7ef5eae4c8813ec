"""What the audit log's page says of itself."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.conftest import Cast


@pytest.mark.parametrize(("setting", "shown"), [(3650, "3,650 days"), (45, "45 days"), (1, "30 days")])
def test_the_page_says_how_long_entries_stay(cast: Cast, settings, setting: int, shown: str) -> None:
    settings.MANDATE_AUDIT_RETENTION_DAYS = setting
    cast["global-admin"].language = "en"
    cast["global-admin"].save(update_fields=["language"])
    client = Client()
    client.force_login(cast["global-admin"])
    text = client.get(reverse("audit-log", kwargs={"tenant_slug": cast.contoso.slug})).content.decode()
    assert f"Those older than {shown} are dropped by the portal, which leaves a signed checkpoint" in text
