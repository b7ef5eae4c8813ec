"""Reminders and notices of ends, in sets: who is told, once, and in how few messages (DOMAIN §6, §16)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from delegation import services
from delegation.models import GdapRelationship, GdapReminder
from portal import clock, notices
from portal.mail import rendering
from portal.models import OutboxMessage, Tenant, User
from portal.writes import write
from relationships.models import LANGUAGES
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import active


def ending(cast: Cast, count: int, *, days: int = 100) -> datetime:
    """So many relationships that end in one moment; that moment."""
    with clock.fixed(clock.now()):
        rows = [active(cast, display_name=f"Shift {number:02}", duration_days=days) for number in range(count)]
    return rows[0].ends_at


def told(kind: str = "gdap_ending") -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind=kind).order_by("to_address"))


def test_many_ends_are_one_message_a_side(cast: Cast) -> None:
    end = ending(cast, 23)
    with clock.fixed(end - timedelta(days=30)):
        assert services.remind_gdap() == 23
    ours, theirs = told()
    assert (ours.to_user, ours.tenant, ours.language) == (cast["admin-agent"], cast.fabrikam, "en")
    assert (theirs.to_user, theirs.tenant, theirs.language) == (cast["global-admin"], cast.contoso, "de")
    pair = GdapRelationship.objects.first().pair
    values = dict(ours.context["values"])
    assert datetime.fromisoformat(values.pop("until")["$at"]) == end
    assert ours.context | {"values": values} == {
        "values": {
            "is_partner": True,
            "count": 23,
            "names": [f"Shift {number:02}" for number in sorted(range(23), key=_key_of)][:20],
        },
        "link": None,
        "path": reverse("customers", args=[cast.fabrikam.slug]),
    }
    assert theirs.context["path"] == reverse("partner-relationship", args=[cast.contoso.slug, pair.pk])
    assert theirs.context["values"]["partner"] == "Fabrikam Cloud"
    assert (ours.next_attempt_at, ours.created_at) == (end - timedelta(days=30),) * 2
    for row in (ours, theirs):
        for language, _name in LANGUAGES:
            row.language = language
            assert "Shift" in rendering.render(row).body


def _key_of(number: int) -> int:
    """The order of those that end at once."""
    return GdapRelationship.objects.get(display_name=f"Shift {number:02}").pk.int


def test_each_reminder_is_a_message_of_its_own(cast: Cast) -> None:
    """30 days before one's end, 7 before the other's."""
    with clock.fixed(clock.now()):
        late, soon = active(cast, duration_days=123), active(cast, duration_days=100)
    with clock.fixed(soon.ends_at - timedelta(days=7)):
        assert services.remind_gdap() == 2
    assert set(GdapReminder.objects.values_list("relationship", "days")) == {(late.pk, 30), (soon.pk, 7)}
    assert sorted(message.context["values"]["names"] for message in told()) == sorted([[str(late)], [str(soon)]] * 2)


def test_batches_leave_nothing_and_take_nothing_twice(cast: Cast) -> None:
    end = ending(cast, 5)
    with clock.fixed(end - timedelta(days=1)):
        assert services.remind_gdap(batch=2) == 5
        assert services.remind_gdap(batch=2) == 0
    assert list(GdapReminder.objects.values_list("days", flat=True)) == [1] * 5
    assert sum(message.context["values"]["count"] for message in told()) == 2 * 5


def test_it_takes_the_same_statements_for_many(cast: Cast) -> None:
    counts = []
    for count in (1, 20):
        GdapReminder.objects.all().delete()
        GdapRelationship.objects.filter(status="active").update(auto_extend=True)
        with clock.fixed(clock.now()):
            rows = [active(cast, duration_days=50) for _number in range(count)]
        with clock.fixed(rows[0].ends_at - timedelta(days=1)), CaptureQueriesContext(connection) as queries:
            assert services.remind_gdap() == count
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_gets_no_mail_is_not_told_and_teams_get_a_copy(cast: Cast) -> None:
    """The same people as by `notices.tell`, of whom some can't be reached."""
    for number, changed in enumerate(
        ({"blocked_at": clock.now()}, {"contact_confirmed_at": None}, {"activated_at": None}, {"language": "zh-hant"})
    ):
        agent = factories.agent(cast.fabrikam, f"agent-{number}", "admin_agents", domain="fabrikam.example")
        admin = factories.person(cast.contoso, f"admin-{number}", "Global Administrator", domain="contoso.example")
        User.objects.filter(pk__in=[agent.pk, admin.pk]).update(**changed)
    guest = factories.person(cast.contoso, "guest", "Global Administrator", domain="contoso.example")
    User.objects.filter(pk=guest.pk).update(kind="guest")
    Tenant.objects.filter(pk=cast.fabrikam.pk).update(team_address="desk@fabrikam.example")
    Tenant.objects.filter(pk=cast.contoso.pk).update(team_address="Global-Admin@contoso.example")
    end = ending(cast, 1)
    with clock.fixed(end - timedelta(days=1)):
        services.remind_gdap()
    with write():
        notices.tell("expected", notices.agents(cast.fabrikam.pk), tenant=cast.fabrikam)
        notices.tell("expected", notices.global_administrators(cast.contoso.pk), tenant=cast.contoso)
    addressed = ("to_address", "to_user", "language", "tenant")
    found = OutboxMessage.objects.filter(kind="gdap_ending").order_by("to_address").values_list(*addressed)
    expected = OutboxMessage.objects.filter(kind="expected").order_by("to_address").values_list(*addressed)
    assert list(found) == list(expected)
    assert {address for address, *_more in found} == {
        "admin-agent@fabrikam.example",
        "agent-3@fabrikam.example",
        "desk@fabrikam.example",
        "admin-3@contoso.example",
        "global-admin@contoso.example",
    }


@pytest.mark.parametrize("off", [[], ["gdap_lapsed"]])
def test_what_somebody_switched_off_is_not_sent(cast: Cast, off: list[str]) -> None:
    """The reminder itself can't be switched off; another kind told in sets could."""
    User.objects.filter(pk=cast["admin-agent"].pk).update(notices_off=[*off, "gdap_ending"])
    end = ending(cast, 1)
    with clock.fixed(end - timedelta(days=1)):
        services.remind_gdap()
    assert len(told()) == 2
    notes = "SELECT 'admin_agents' AS audience, %(home)s::uuid AS organisation_id, '{}'::jsonb AS content, '' AS path"
    with write():
        count = notices.tell_selected("gdap_lapsed", notes, {"home": cast.fabrikam.pk})
    assert count == (0 if off else 1)


def test_the_expiry_tells_both_sides_in_one_message_each(cast: Cast) -> None:
    end = ending(cast, 3)
    with clock.fixed(end):
        assert services.expire_gdap() == 3
    assert [message.context["values"]["count"] for message in told("gdap_expired")] == [3, 3]
