"""Resource groups and resources: created, tagged, moved, deleted, imported (DOMAIN §8)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from delegation import services, verification
from delegation.models import AzureAssignment
from delegation.services import azure_imports
from portal import access
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, Scope
from relationships import services as relationships
from tests.cast import Cast
from tests.delegation.provisioning import (
    CONTRIBUTOR,
    OWNER,
    READER,
    agents,
    give,
    group_in,
    own,
    owner_of,
    resell,
    resource_in,
)

VM = "Microsoft.Compute/virtualMachines"


@pytest.mark.parametrize(("role", "is_allowed"), [(OWNER, True), (CONTRIBUTOR, True), (READER, False)])
def test_owner_and_contributor_create_tag_move_and_delete(dap_cast: Cast, role: str, is_allowed: bool) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    resource = resource_in(web, cast["global-admin"])
    give(subscription.scope, cast["global-admin"], cast["user"], role)
    for act in (
        lambda: group_in(subscription.scope, cast["user"], "new"),
        lambda: resource_in(web, cast["user"], "vm-2"),
        lambda: services.tag_scope(scope=resource, actor=cast["user"], tags={"stage": "test"}),
        lambda: services.move_resource(scope=resource, actor=cast["user"], to=data),
        lambda: services.delete_scope(scope=web, actor=cast["user"]),
    ):
        if is_allowed:
            act()
        else:
            with pytest.raises(PermissionDenied):
                act()
    assert verification.differences() == []


def test_a_role_reaches_what_is_below_its_scope_and_nothing_beside_it(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription, other = own(cast), own(cast, "Other")
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    resource = resource_in(web, cast["global-admin"])
    give(web, cast["global-admin"], cast["user"])
    seen = access.allowing(Scope.objects.all(), cast["user"], Can.AZURE_VIEW)
    assert set(seen) == {web, resource}
    for scope in (subscription.scope, data, other.scope):
        assert not access.decide(cast["user"], Can.AZURE_VIEW, scope).allowed


def test_a_role_at_one_scope_makes_nobody_known_at_another(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    give(web, cast["global-admin"], agents(cast, "helpdesk_agents"))
    relationships.end_relationship(relationship=resell(cast.pair), actor=cast["partner-admin"])
    for scope, is_known in ((web, True), (data, False), (subscription.scope, False)):
        decision = access.decide(cast["helpdesk-agent"], Can.AZURE_MANAGE_RESOURCES, scope)
        rights = access.scope_rights(cast["helpdesk-agent"], cast.contoso).at(scope)
        assert (decision.allowed, decision.is_insider, rights.is_insider) == (False, is_known, is_known)


def test_a_move_needs_the_right_at_both_ends_and_stays_within_the_organisation(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    resource = resource_in(web, cast["global-admin"])
    give(web, cast["global-admin"], cast["user"], CONTRIBUTOR)
    give(data, cast["global-admin"], cast["user"], READER)
    with pytest.raises(PermissionDenied):
        services.move_resource(scope=resource, actor=cast["user"], to=data)
    theirs = services.create_subscription(
        tenant=cast.woodgrove, actor=cast["stranger-customer"], name="Theirs", offer="Azure plan"
    )
    elsewhere = group_in(theirs.scope, cast["stranger-customer"])
    for scope, to in ((resource, elsewhere), (resource, subscription.scope), (web, data), (resource, resource)):
        with pytest.raises(Refused) as refused:
            services.move_resource(scope=scope, actor=cast["global-admin"], to=to)
        assert refused.value.field == "to"


def test_a_moved_resource_inherits_from_where_it_is_and_keeps_its_own_roles(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    resource = resource_in(web, cast["global-admin"])
    give(web, cast["global-admin"], cast["user"])
    give(data, cast["global-admin"], cast["user-admin"])
    kept = give(resource, cast["global-admin"], cast["billing-admin"])
    moved = services.move_resource(scope=resource, actor=cast["global-admin"], to=data)
    allowed = [
        who for who in ("user", "user-admin", "billing-admin") if _sees(cast, who, Scope.objects.get(pk=moved.pk))
    ]
    assert allowed == ["user-admin", "billing-admin"]
    assert AzureAssignment.objects.get(pk=kept.pk).ended_at is None
    assert services.move_resource(scope=resource, actor=cast["global-admin"], to=data).parent_id == data.pk


def test_into_another_subscription_its_own_roles_end(dap_cast: Cast) -> None:
    cast = dap_cast
    web = group_in(own(cast).scope, cast["global-admin"])
    there = group_in(own(cast, "Other").scope, cast["global-admin"])
    resource = resource_in(web, cast["global-admin"])
    lost = give(resource, cast["global-admin"], cast["billing-admin"])
    services.move_resource(scope=resource, actor=cast["global-admin"], to=there)
    lost.refresh_from_db()
    assert (lost.end_reason, lost.ended_by) == ("scope_moved", cast["global-admin"])
    assert not _sees(cast, "billing-admin", Scope.objects.get(pk=resource.pk))
    assert verification.differences() == []


def _sees(cast: Cast, who: str, scope: Scope) -> bool:
    return access.decide(cast[who], Can.AZURE_VIEW, scope).allowed


def test_deleting_a_group_ends_what_was_assigned_there_and_below(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web = group_in(subscription.scope, cast["global-admin"])
    resource = resource_in(web, cast["global-admin"])
    ended = [give(scope, cast["global-admin"], cast["user"]) for scope in (web, resource)]
    kept = give(subscription.scope, cast["global-admin"], cast["billing-admin"])
    for _turn in range(2):
        services.delete_scope(scope=web, actor=cast["global-admin"])
    for row in ended:
        row.refresh_from_db()
        assert row.end_reason == "scope_deleted"
    assert AzureAssignment.objects.get(pk=kept.pk).ended_at is None
    assert not Scope.objects.filter(pk__in=[web.pk, resource.pk], deleted_at__isnull=True).exists()
    assert not access.has_any_scope(cast["user"], cast.contoso)
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.scope_deleted").count() == 1
    for act in (
        lambda: give(resource, cast["global-admin"], cast["user"]),
        lambda: resource_in(web, cast["global-admin"], "vm-2"),
        lambda: services.tag_scope(scope=web, actor=cast["global-admin"], tags={}),
    ):
        with pytest.raises(Refused, match="deleted"):
            act()
    group_in(subscription.scope, cast["global-admin"])
    assert verification.differences() == []


def test_a_subscription_is_never_deleted(dap_cast: Cast) -> None:
    with pytest.raises(Refused, match="cancelled"):
        services.delete_scope(scope=own(dap_cast).scope, actor=dap_cast["global-admin"])


@pytest.mark.parametrize("name", ["", " ", "a/b", "a b", "ends.", "x" * 91, "a\x00", "a\nb"])
def test_a_groups_name_that_cant_be_is_refused(dap_cast: Cast, name: str) -> None:
    subscription = own(dap_cast)
    with pytest.raises(Refused) as refused:
        group_in(subscription.scope, dap_cast["global-admin"], name)
    assert refused.value.field == "name"


def test_names_are_taken_among_siblings_only_ignoring_case(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    resource_in(web, cast["global-admin"])
    for act in (
        lambda: group_in(subscription.scope, cast["global-admin"], "WEB"),
        lambda: resource_in(web, cast["global-admin"], "VM-1"),
    ):
        with pytest.raises(Refused) as refused, transaction.atomic():
            act()
        assert refused.value.field == "name"
    moving = resource_in(data, cast["global-admin"])
    with pytest.raises(Refused), transaction.atomic():
        services.move_resource(scope=moving, actor=cast["global-admin"], to=web)


@pytest.mark.parametrize("resource_type", ["", "virtualMachines", "a b/c", "x/" + "y" * 120, "a//b"])
def test_a_resource_needs_a_type(dap_cast: Cast, resource_type: str) -> None:
    group = group_in(own(dap_cast).scope, dap_cast["global-admin"])
    with pytest.raises(Refused) as refused:
        services.create_scope(parent=group, actor=dap_cast["global-admin"], name="x", resource_type=resource_type)
    assert refused.value.field == "resource_type"


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {"a": "x" * 257},
        {"a" * 129: ""},
        {"a": "b\nc"},
        {"a": "1", "A": "2"},
        {str(n): "" for n in range(51)},
    ],
)
def test_tags_that_cant_be_are_refused(dap_cast: Cast, tags: dict[str, str]) -> None:
    subscription = own(dap_cast)
    with pytest.raises(Refused) as refused:
        services.tag_scope(scope=subscription.scope, actor=dap_cast["global-admin"], tags=tags)
    assert refused.value.field == "tags"


def test_the_database_keeps_the_tree(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web = group_in(subscription.scope, cast["global-admin"])
    resource = resource_in(web, cast["global-admin"])
    rows = Scope.objects.filter(pk=resource.pk)
    for write in (
        lambda: rows.update(parent=subscription.scope),
        lambda: rows.update(parent=None),
        lambda: rows.update(kind="root"),
        rows.delete,
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            write()
    other = own(cast, "Other")
    with pytest.raises(DatabaseError), transaction.atomic():
        Scope.objects.filter(pk=web.pk).update(parent=other.scope)
    rows.update(lineage=[])
    assert Scope.objects.get(pk=resource.pk).lineage == resource.lineage


# ── import ──


def imported(cast: Cast, scope: Scope, text: str, by: str = "global-admin") -> list[tuple[int, str, str]]:
    found = services.import_scopes(scope=scope, actor=cast[by], lines=text.splitlines(keepends=True))
    assert all(bool(one.message) for one in found)
    return [(one.line, one.name, one.verdict) for one in found]


def test_each_row_of_an_import_gets_its_verdict(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    group_in(subscription.scope, cast["global-admin"], "old")
    text = f"""\ufeffName,type,group,tags
web,,,stage=live; owner=Contoso
OLD,,,
vm-1,{VM},WEB,
vm-1,{VM},web,
vm-2,{VM},nowhere,
vm-3,virtualMachines,web,
bad/name,{VM},old,
,,,
inner,,web,
vm-4,{VM},old,=x
vm-5,{VM},old,a=b,more
"last one",{VM},old,
"""
    assert imported(cast, subscription.scope, text) == [
        (2, "web", "created"),
        (3, "OLD", "exists"),
        (4, "vm-1", "created"),
        (5, "vm-1", "exists"),
        (6, "vm-2", "refused"),
        (7, "vm-3", "refused"),
        (8, "bad/name", "refused"),
        (10, "inner", "refused"),
        (11, "vm-4", "refused"),
        (12, "", "refused"),
        (13, "last one", "created"),
    ]
    web = Scope.objects.get(name="web")
    assert web.tags == {"stage": "live", "owner": "Contoso"}
    made = Scope.objects.get(name="vm-1")
    assert made.lineage == [*web.lineage, made.pk]
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.scopes_imported").count() == 1


def test_an_import_into_a_group_stays_in_it(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web = group_in(subscription.scope, cast["global-admin"])
    group_in(subscription.scope, cast["global-admin"], "data")
    give(web, cast["global-admin"], cast["user"], CONTRIBUTOR)
    text = f"name;type;group\nvm-1;{VM};\nvm-2;{VM};web\nvm-3;{VM};data\nnew;;\n"
    verdicts = imported(cast, web, text, by="user")
    assert [verdict for _line, _name, verdict in verdicts] == ["created", "created", "refused", "refused"]
    with pytest.raises(PermissionDenied):
        imported(cast, subscription.scope, text, by="user")


@pytest.mark.parametrize(
    "text", ["", "\n", "a,b\n1,2\n", "name,name\nx,y\n", "name,colour\nx,red\n", 'name\n"x\n', "name\n", "\x00\nx\n"]
)
def test_what_is_no_such_file_is_refused(dap_cast: Cast, text: str) -> None:
    subscription = own(dap_cast)
    with pytest.raises(Refused) as refused:
        imported(dap_cast, subscription.scope, text)
    assert refused.value.field == "file"


def test_an_import_has_its_limit(dap_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_imports, "MOST_ROWS", 2)
    subscription = own(dap_cast)
    assert len(imported(dap_cast, subscription.scope, "name\na\nb\n")) == 2
    with pytest.raises(Refused, match="At most 2"), transaction.atomic():
        imported(dap_cast, subscription.scope, "name\nc\nd\ne\n")
    assert not Scope.objects.filter(name="c").exists()
    assert owner_of(subscription).ended_at is None
