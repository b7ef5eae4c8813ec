"""The partner's own role templates: versions, what is refused, who may, what a request remembers (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from delegation import catalogue, gdap_templates, services
from delegation.models import GdapRelationship, GdapTemplate, GdapTemplateVersion
from delegation.services import Content
from portal.errors import Conflict, PermissionDenied, Refused
from portal.models import AuditEntry
from tests.conftest import Cast
from tests.delegation.granting import GLOBAL, HELPDESK, READER, USERS, active, custom, draft, group, ids, pending, roles


def content(*names: str, **changed: Any) -> Content:
    """Directory Readers and Helpdesk Administrator for 90 days."""
    given: dict[str, Any] = {"roles": roles(*names or (READER, HELPDESK)), "duration_days": 90}
    return Content(**given | changed)


def template(cast: Cast, name: str = "Service desk", *names: str, **changed: Any) -> GdapTemplate:
    """Fabrikam's."""
    return services.create_template(
        partner=cast.fabrikam, actor=cast["admin-agent"], name=name, content=content(*names, **changed)
    )


def edit(cast: Cast, row: GdapTemplate, *names: str, number: int = 1, **changed: Any) -> GdapTemplate:
    """Its next version."""
    return services.edit_template(
        template=row, actor=cast["admin-agent"], number=number, name=row.name, content=content(*names, **changed)
    )


def test_an_edit_is_a_new_version_and_the_old_one_stays(cast: Cast) -> None:
    desk = group(cast.fabrikam)
    row = template(cast, plans=[(desk, ids(HELPDESK))])
    row = edit(cast, row, READER, USERS, duration_days=30, auto_extend=True, plans=[(desk, ids(USERS))])
    first, second = row.versions.order_by("number")
    assert (row.latest, first.number, second.number) == (2, 1, 2)
    assert (set(first.roles), first.duration_days) == (set(ids(READER, HELPDESK)), 90)
    found = gdap_templates.differences(first, second, gdap_templates.groups_of(cast.fabrikam, [first, second]))
    assert [(change.state, change.title) for change in found] == [
        ("new", USERS),
        ("gone", HELPDESK),
        ("less", "30 days"),
        ("more", "Auto-extend by 180 days"),
        ("changed", "Group HelpdeskAgents"),
    ]
    actions = AuditEntry.objects.filter(tenant=cast.fabrikam, target_id=str(row.pk)).order_by("seq")
    assert list(actions.values_list("action", flat=True)) == ["gdap_template.created", "gdap_template.edited"]


def test_the_same_content_makes_no_version(cast: Cast) -> None:
    row = template(cast)
    assert edit(cast, row).latest == 1
    assert AuditEntry.objects.filter(action="gdap_template.edited").count() == 0


def test_an_edit_of_what_somebody_else_changed_conflicts(cast: Cast) -> None:
    row = template(cast)
    edit(cast, row, USERS)
    with pytest.raises(Conflict):
        edit(cast, row, GLOBAL)
    assert GdapTemplateVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"roles": {}}, "roles"),
        ({"roles": {"no-such-role": "x"}}, "roles"),
        ({"roles": dict.fromkeys(ids("Directory Synchronization Accounts"), "x")}, "roles"),
        ({"roles": dict.fromkeys(ids(GLOBAL), "")}, "roles"),
        ({"roles": roles(GLOBAL), "auto_extend": True}, "auto_extend"),
        ({"duration_days": 0}, "duration_days"),
        ({"duration_days": 731}, "duration_days"),
        ({"duration_days": 1.5}, "duration_days"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(cast: Cast, changed: dict[str, Any], field: str) -> None:
    row = template(cast)
    for act in (lambda: template(cast, "Another", **changed), lambda: edit(cast, row, **changed)):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.field == field
    assert (GdapTemplate.objects.count(), GdapTemplateVersion.objects.count()) == (1, 1)


def test_plans_are_own_groups_with_roles_of_the_template(cast: Cast) -> None:
    theirs, own = group(cast.litware), group(cast.fabrikam)
    for plans in ([(theirs, ids(READER))], [(own, ids(USERS))], [(own, [])], [(own, ids(READER))] * 2):
        with pytest.raises(Refused) as refused:
            template(cast, plans=plans)
        assert refused.value.field == "plans"


def test_a_name_is_the_partners_once_whatever_its_letter_case(cast: Cast) -> None:
    template(cast, "Service desk")
    with pytest.raises(Refused) as refused:
        template(cast, "SERVICE  Desk")
    assert refused.value.field == "name"
    services.create_template(
        partner=cast.litware, actor=cast["stranger-partner"], name="Service desk", content=content()
    )


def test_only_who_manages_templates_may(cast: Cast) -> None:
    row = template(cast)
    for act in (services.retire_template, services.restore_template):
        for who in ("sales-agent", "helpdesk-agent", "partner-user"):
            with pytest.raises(PermissionDenied):
                act(template=row, actor=cast[who])
        act(template=row, actor=cast["partner-admin"])


def test_a_retired_one_is_offered_no_more_and_its_requests_stay(cast: Cast) -> None:
    row = template(cast)
    made = draft(cast, template_version=row.versions.get())
    services.retire_template(template=row, actor=cast["admin-agent"])
    assert [found.key for found in gdap_templates.choices(cast.fabrikam) if found.version] == []
    with pytest.raises(Refused):
        edit(cast, row, USERS)
    assert GdapRelationship.objects.get(pk=made.pk).template_version.template == row
    services.restore_template(template=row, actor=cast["admin-agent"])
    assert gdap_templates.choices(cast.fabrikam)[0].name == "Service desk"


def test_choices_are_own_present_versions_then_the_built_in_ones(cast: Cast) -> None:
    desk = group(cast.fabrikam)
    gone = custom(cast.fabrikam, "Night shift")
    row = template(cast, plans=[(desk, ids(HELPDESK)), (gone, ids(READER))])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_securitygroup WHERE group_id = %s", [gone.pk])
    own, *built_in = gdap_templates.choices(cast.fabrikam)
    assert (own.key, own.duration_days, own.version.number) == (f"own:{row.pk}", 90, 1)
    assert {(plan.name, plan.group) for plan in own.plans} == {("HelpdeskAgents", desk), ("Night shift", None)}
    assert {found.name for found in built_in} == {found.name for found in catalogue.templates()}
    assert {found.version for found in built_in} == {None}
    assert gdap_templates.choice(cast.fabrikam, own.key) == own
    assert gdap_templates.choice(cast.litware, own.key) is None


def test_a_request_remembers_its_template_and_nobody_elses(cast: Cast) -> None:
    version = template(cast).versions.get()
    assert active(cast, template_version=version).template_version == version
    foreign = services.create_template(
        partner=cast.litware, actor=cast["stranger-partner"], name="Theirs", content=content()
    ).versions.get()
    with pytest.raises(Refused):
        draft(cast, template_version=foreign)


_VERSION = """
    INSERT INTO delegation_gdaptemplateversion
        (id, template_id, number, roles, duration_days, auto_extend, plans, note, made_at, made_by_id)
    SELECT gen_random_uuid(), template_id, {number}, {roles}, duration_days, {extend}, {plans}, note, made_at,
        made_by_id
    FROM delegation_gdaptemplateversion
"""


def _version(number: str = "2", roles: str = "roles", extend: str = "false", plans: str = "plans") -> str:
    """One more version by raw SQL."""
    return _VERSION.format(number=number, roles=roles, extend=extend, plans=plans)


_PLAN = "jsonb_build_array(jsonb_build_object('group', {group}, 'roles', jsonb_build_array({role}::text)))"
FORBIDDEN = {
    "a version is changed": "UPDATE delegation_gdaptemplateversion SET duration_days = 1",
    "a version is deleted": "DELETE FROM delegation_gdaptemplateversion",
    "a template is deleted": "DELETE FROM delegation_gdaptemplate",
    "a template moves to another partner": "UPDATE delegation_gdaptemplate SET partner_id = %(litware)s",
    "versions go back": "UPDATE delegation_gdaptemplate SET latest = 0",
    "the present version isn't there": "UPDATE delegation_gdaptemplate SET latest = 7",
    "a locked request changes its template": "UPDATE delegation_gdaprelationship SET template_version_id = NULL",
    "a version skips a number": _version("3"),
    "a version names an unknown role": _version(roles="""'{"nobody": ""}'::jsonb"""),
    "a version has no roles": _version(roles="'{}'::jsonb"),
    "a version extends full control": _version(roles="jsonb_build_object(%(full)s::text, 'x')", extend="true"),
    "a version plans a foreign group": _version(plans=_PLAN.format(group="%(foreign)s", role="%(reader)s")),
    "a version plans other roles": _version(plans=_PLAN.format(group="%(own)s", role="%(full)s")),
}
NEXT = _version(plans=_PLAN.format(group="%(own)s", role="%(reader)s"))


def _run(cast: Cast, *statements: str) -> None:
    (reader,), (full,) = ids(READER), ids(GLOBAL)
    own, foreign = group(cast.fabrikam).pk, group(cast.litware).pk
    values = {"litware": str(cast.litware.pk), "own": own, "foreign": foreign, "reader": reader, "full": full}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (*statements, "SET CONSTRAINTS ALL IMMEDIATE"):
            cursor.execute(statement, values)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_database_itself_refuses(cast: Cast, what: str) -> None:
    pending(cast, template_version=template(cast).versions.get())
    with pytest.raises(DatabaseError):
        _run(cast, FORBIDDEN[what])


def test_the_database_lets_the_next_version_in(cast: Cast) -> None:
    template(cast)
    _run(cast, NEXT, "UPDATE delegation_gdaptemplate SET latest = 2")
    assert GdapTemplate.objects.get().latest == 2
