"""A person's page: what its buttons say and are called."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from portal import catalogue
from portal.models import SecurityGroup
from tests.conftest import Cast


def shown(cast: Cast, reader: str, person: str) -> str:
    client = Client()
    client.force_login(cast[reader])
    kwargs = {"tenant_slug": cast.contoso.slug, "person_id": cast[person].pk}
    return client.get(reverse("user", kwargs=kwargs)).content.decode()


def test_a_reason_is_said_once_for_all_of_its_buttons(dap_cast: Cast) -> None:
    text = shown(dap_cast, "helpdesk-agent", "user-admin")
    assert text.count("Only the organisation&#x27;s own people can do this.") == 1
    assert "<b>Edit name</b> · <b>Block</b> · <b>Delete</b> Only the organisation" in text
    assert text.count("Missing right: assign or remove directory roles") == 1, "of the button above and the row's"
    said = re.findall(r'<p id="(why-[a-z0-9-]+)"', text)
    assert len(said) == 3
    assert set(re.findall(r'aria-describedby="([a-z0-9-]+)"', text)) == set(said)


def test_nothing_is_said_of_buttons_that_work(dap_cast: Cast) -> None:
    text = shown(dap_cast, "global-admin", "user")
    assert 'class="reasons"' not in text
    assert "aria-disabled" not in text


def test_buttons_of_rows_name_what_they_are_about(dap_cast: Cast) -> None:
    text = shown(dap_cast, "global-admin", "user-admin")
    assert re.findall(r'<a class="button[^>]* aria-label="([^"]*)"[^>]*>\s*<span>([^<]*)</span>', text) == [
        ("Entfernen: Benutzeradministrator", "Entfernen")
    ]
    refused = shown(dap_cast, "helpdesk-agent", "user-admin")
    assert 'aria-label="Remove: User Administrator"' in refused
    assert 'aria-label="Remove: User Administrator"' not in text


def test_every_role_that_can_be_assigned_has_a_button_of_its_own_name(cast: Cast) -> None:
    client = Client()
    client.force_login(cast["global-admin"])
    kwargs = {"tenant_slug": cast.contoso.slug, "person_id": cast["user"].pk}
    text = client.get(reverse("user-roles", kwargs=kwargs)).content.decode()
    names = re.findall(r'aria-label="(Zuweisen: [^"]+)"', text)
    assert len(names) == len(set(names)) == text.count("<span>Zuweisen</span>") == len(catalogue.roles())


def test_members_are_removed_and_added_by_name(cast: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=cast.fabrikam, kind=SecurityGroup.Kind.HELPDESK_AGENTS)
    client = Client()
    client.force_login(cast["partner-admin"])
    url = reverse("group", kwargs={"tenant_slug": cast.fabrikam.slug, "group_uid": group.uid})
    text = client.get(url, {"add": "sales"}).content.decode()
    assert 'aria-label="Remove: helpdesk-agent@fabrikam.example"' in text
    assert 'aria-label="Add: sales-agent@fabrikam.example"' in text
    assert len(re.findall(r"<span>(?:Remove|Add)</span>", text)) == 2
