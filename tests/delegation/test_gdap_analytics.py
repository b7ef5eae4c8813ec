"""*Analytics*: what it counts, and that its drawings keep to the policy of the pages."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

from django.test import Client
from django.urls import reverse

from delegation import gdap_analytics, services
from portal import charts, clock
from tests.cast import Cast
from tests.delegation import granting


def figures(cast: Cast, name: str = "admin-agent") -> gdap_analytics.Figures:
    """Counted now for one person."""
    return gdap_analytics.count(cast[name].home, cast[name])


def page(cast: Cast, name: str, route: str = "gdap-analytics", *more: str) -> str:
    """The page as this person gets it."""
    client = Client()
    client.force_login(cast[name])
    response = client.get(reverse(route, args=[cast[name].home.slug, *more]))
    assert response.status_code == 200
    return response.content.decode()


def test_it_counts_by_the_state_that_counts_now(dap_cast: Cast) -> None:
    granting.draft(dap_cast)
    granting.pending(dap_cast)
    granting.active(dap_cast, roles=granting.roles(granting.GLOBAL, granting.READER))
    granting.active(dap_cast, auto_extend=True)
    found = figures(dap_cast)
    assert found.statuses == {"created": 1, "approvalPending": 1, "active": 2}
    reader, helpdesk, full = granting.ids(granting.READER, granting.HELPDESK, granting.GLOBAL)
    assert dict(found.top_roles) == {reader: 2, helpdesk: 1, full: 1}
    assert (found.full_control, len(found.full_control_rows), found.share) == (1, 1, (0, 0, 1, 0))
    ends = [(number, ends, extends) for number, (_month, ends, extends) in enumerate(found.months) if ends + extends]
    assert sum(row[1] for row in ends) == sum(row[2] for row in ends) == 1
    with clock.fixed(clock.now() + timedelta(days=91)):  # no sweep has run
        found = figures(dap_cast)
        assert found.statuses == {"created": 1, "terminated": 1, "expired": 1, "active": 1}
        assert (found.full_control, found.share) == (0, (0, 0, 1, 0))
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    assert figures(dap_cast).share == (1, 0, 0, 0)


def test_another_partner_counts_nothing_of_it_and_one_narrowed_out_only_the_rest(dap_cast: Cast) -> None:
    granting.active(dap_cast)
    granting.draft(dap_cast)
    assert figures(dap_cast, "stranger-partner").statuses == {}
    group = granting.custom(dap_cast.fabrikam, "Only these", dap_cast["partner-user"])
    services.limit_groups(pair=dap_cast.pair, groups=[group], actor=dap_cast["partner-admin"])
    assert figures(dap_cast).statuses == {"created": 1}
    assert figures(dap_cast, "partner-admin").statuses == {"created": 1, "active": 1}


def test_its_drawings_hold_no_style_and_no_script(dap_cast: Cast) -> None:
    granting.active(dap_cast, auto_extend=True)
    shown = page(dap_cast, "admin-agent")
    drawings = re.findall(r"<svg[^>]*pygal-chart.*?</svg>", shown, re.DOTALL)
    assert len(drawings) == 4
    assert not re.search(r"style|script|href|\son\w+=", "".join(drawings), re.IGNORECASE)
    hostile = charts.bars("<script>", ['"><script>alert(1)</script>'], charts.Series("<b>", [3]))
    assert "<script" not in hostile
    assert "<b>" not in hostile


def test_an_empty_one_says_so_and_draws_nothing(cast: Cast) -> None:
    shown = page(cast, "stranger-partner")
    assert "pygal-chart" not in shown
    assert "Nothing yet." in shown


def test_each_chart_has_its_table_as_csv(dap_cast: Cast) -> None:
    granting.active(dap_cast)
    text = page(dap_cast, "helpdesk-agent", "gdap-analytics-csv", "status")
    assert next(row for row in csv.reader(io.StringIO(text)) if row[0] == "Active") == ["Active", "1"]
    client = Client()
    client.force_login(dap_cast["admin-agent"])
    assert client.get(reverse("gdap-analytics-csv", args=["fabrikam", "nothing"])).status_code == 404
