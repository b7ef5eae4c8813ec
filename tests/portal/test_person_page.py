"""A person's page: what its buttons say and are called."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

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
