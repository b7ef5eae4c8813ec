"""Drift: which relationships differ from their template's present version, and how they follow it (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

import pytest

from delegation import gdap_drift, services
from delegation.models import GdapAssignment, GdapRelationship, GdapTemplate
from portal.errors import PermissionDenied, Refused
from tests.conftest import Cast
from tests.delegation.granting import HELPDESK, READER, USERS, active, approve, assign, group, ids, offered, pending
from tests.delegation.test_gdap_templates import edit, template


def made(cast: Cast, row: GdapTemplate, **changed: Any) -> GdapRelationship:
    """A relationship in force, made from the template's present version."""
    version = row.versions.get(number=row.latest)
    given = {"roles": version.roles, "duration_days": version.duration_days, "auto_extend": version.auto_extend}
    return active(cast, **given | {"template_version": version} | changed)


def found(kind: str = "") -> set[GdapRelationship]:
    """Those that differ."""
    return set(gdap_drift.differing(GdapRelationship.objects.all(), kind))


def follow(cast: Cast, row: GdapRelationship, by: str = "admin-agent") -> services.Followed:
    """Bring it to what its template says."""
    return services.follow_template(relationship=row, actor=cast[by])


def test_what_says_the_same_has_no_drift_and_each_difference_is_found(cast: Cast) -> None:
    desk, field = template(cast), template(cast, "Field work")
    row, other = made(cast, desk), made(cast, field)
    assert found() == set()
    desk = edit(cast, desk, READER, USERS, duration_days=30)
    assert (found(), found("missing"), found("extra"), found("days"), found("extension")) == (
        {row},
        {row},
        {row},
        {row},
        set(),
    )
    edit(cast, field, auto_extend=True)
    assert (found("extension"), found()) == ({other}, {row, other})
    gdap_drift.add_drift([row])
    assert (row.drift.missing_names, row.drift.extra_names) == ([USERS], [HELPDESK])
    services.retire_template(template=desk, actor=cast["admin-agent"])
    assert found() == {other}


def test_only_what_is_in_force_and_granted_counts(cast: Cast) -> None:
    desk = template(cast)
    version = desk.versions.get()
    pending(cast, roles=version.roles, duration_days=90, template_version=version)
    ended = made(cast, desk)
    less = pending(cast, roles=version.roles, duration_days=90, template_version=version)
    offer = offered(cast, less, READER, duration_days=90)
    services.accept_counter_offer(offer=offer, actor=cast["admin-agent"])
    services.terminate(relationship=ended, actor=cast["admin-agent"])
    assert (found(), found("missing")) == ({less}, {less})


def test_more_roles_are_asked_for_by_an_amendment_that_replaces_without_a_gap(cast: Cast) -> None:
    desk = template(cast, plans=[(group(cast.fabrikam), ids(HELPDESK))])
    row = made(cast, desk)
    assign(cast, row, group(cast.fabrikam), READER, HELPDESK)
    edit(cast, desk, READER, USERS, plans=[(group(cast.fabrikam), ids(USERS))])
    done = follow(cast, row)
    assert (done.what, done.amendment.replaces, done.amendment.status) == ("amended", row, "approvalPending")
    assert set(done.amendment.roles.values_list("role_id", flat=True)) == set(ids(READER, USERS))
    assert follow(cast, row).what == "asked_already"
    approve(cast, done.amendment, version=None)
    row.refresh_from_db()
    assert (row.status, row.end_reason, found()) == ("terminated", "replaced", set())
    held = GdapAssignment.objects.get(relationship=done.amendment, state="active")
    assert held.role_ids == ids(USERS)


def test_fewer_roles_need_no_consent(cast: Cast) -> None:
    desk = template(cast)
    row = made(cast, desk)
    edit(cast, desk, READER, auto_extend=True)
    done = follow(cast, row)
    assert (done.what, done.removed, GdapRelationship.objects.count()) == ("lessened", (HELPDESK,), 1)
    row.refresh_from_db()
    assert (row.auto_extend, found()) == (True, set())
    assert follow(cast, row).what == "unchanged"


def test_only_who_may_extend_and_only_what_is_active(cast: Cast) -> None:
    desk = template(cast)
    row = made(cast, desk)
    edit(cast, desk, USERS)
    for who in ("sales-agent", "helpdesk-agent"):
        with pytest.raises(PermissionDenied):
            follow(cast, row, who)
    services.terminate(relationship=row, actor=cast["admin-agent"])
    with pytest.raises(Refused):
        follow(cast, row)
