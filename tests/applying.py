"""What *why?* suggests, done: by the services, and as bare rows (to try parts that no service would do)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from delegation import services
from delegation.models import AzureAssignment, AzureElevation, GdapAssignment, GdapRelationship, GdapRole
from delegation.sources import index_assignments
from portal import access, catalogue, clock
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PartnerProfile,
    PathKind,
    RoleAssignment,
    Scope,
    SecurityGroup,
    Tenant,
    User,
)
from portal.services import groups, people
from portal.why import Act, Change
from portal.writes import write
from tests import factories

_names = itertools.count(1)
_IN_ORDER = [*Act]


@dataclass
class Applying:
    """One set of changes for one person; `founders` are the Global Administrators, `agents` the partners' helpers."""

    person: User
    founders: dict[object, User]
    agents: dict[object, User]
    group: SecurityGroup | None = None
    asked: GdapRelationship | None = None
    left_out: list[Change] = field(default_factory=list)

    def by_services(self, wanted: Iterable[Change]) -> None:
        """As people would do it; what the operator or the person does, and ended limits, as rows."""
        for change in sorted(wanted, key=lambda change: _IN_ORDER.index(change.act)):
            act = getattr(self, f"_do_{change.act}", None) or getattr(self, f"_row_{change.act}")
            with write():
                act(change)

    def by_rows(self, wanted: Iterable[Change]) -> None:
        """What each change comes to, whether or not anybody could do it; what rests on a missing one is left out."""
        for change in sorted(wanted, key=lambda change: _IN_ORDER.index(change.act)):
            with write():
                getattr(self, f"_row_{change.act}")(change)

    # ── by services ──

    @property
    def _boss(self) -> User:
        return self.founders[self.person.tenant_id]

    def _do_unblock(self, _change: Change) -> None:
        people.unblock_person(person=self.person, actor=self._boss)

    def _do_assign_role(self, change: Change) -> None:
        held = self.person.role_assignments.filter(role_id=change.role_id, ended_at__isnull=True).first()
        if held is not None:  # its end has passed: the suggestion says *again*
            people.remove_role(assignment=held, actor=self._boss)
        people.assign_role(person=self.person, role_id=change.role_id, actor=self._boss)

    def _do_make_group(self, _change: Change) -> None:
        self.group = groups.create_group(tenant=self.person.home, actor=self._boss, name=f"Made {next(_names)}")
        groups.add_member(group=self.group, person=self.person, actor=self._boss)
        groups.add_member(group=self.group, person=self.agents[self.person.tenant_id], actor=self._boss)

    def _do_join_group(self, change: Change) -> None:
        group = SecurityGroup.objects.get(pk=change.group_id)
        groups.add_member(group=group, person=self.person, actor=self._boss)

    def _do_work_for(self, change: Change) -> None:
        pair = self._pair()
        held = PairGrant.objects.filter(content_object=pair)
        if held.filter(until__lte=clock.now()).exists():  # nothing but a row sets an end
            self._row_work_for(change)
            return
        named = SecurityGroup.objects.filter(group__pairgrant__content_object=pair).exclude(kind="everyone")
        services.limit_groups(pair=pair, groups=[*named, self._group(change)], actor=self._boss)

    def _do_gdap_ask(self, change: Change) -> None:
        agent = self.agents[self.person.tenant_id]
        customer = Tenant.objects.get(pk=change.tenant_id)
        row = services.create_request(
            partner=self.person.home,
            actor=agent,
            display_name=f"Asked {next(_names)}",
            duration_days=30,
            roles={change.role_id: "Needed"},
            customer=customer,
        )
        row = services.lock_request(relationship=row, actor=agent)
        self.asked = services.approve_request(relationship=row, actor=self.founders[change.tenant_id])

    def _do_gdap_assign(self, change: Change) -> None:
        row, group = self._relationship(change), self._group(change)
        assert row is not None
        held = row.assignments.filter(group=group, state="active").first()
        if held is None:
            services.assign_group(relationship=row, group=group, role_ids=[change.role_id], actor=self._boss)
        else:
            roles = [*held.role_ids, change.role_id]
            services.edit_assignment(assignment=held, role_ids=roles, version=held.version, actor=self._boss)

    def _do_azure_assign(self, change: Change) -> None:
        founder = self.founders[change.tenant_id]
        services.elevate(tenant=founder.home, actor=founder)
        scope = Scope.objects.get(pk=change.scope_id)
        services.add_assignment(scope=scope, actor=founder, principal=self.person.own_group, role_id=change.role_id)

    def _do_elevate(self, _change: Change) -> None:
        services.elevate(tenant=self.person.home, actor=self.person)

    # ── as rows ──

    def _row_enable_tenant(self, change: Change) -> None:
        Tenant.objects.filter(pk=change.tenant_id).update(disabled_at=None)

    def _row_approve_partner(self, change: Change) -> None:
        profile = PartnerProfile.objects.filter(tenant_id=change.tenant_id)
        profile.update(approved_at=clock.now(), disabled_at=None)

    def _row_activate(self, _change: Change) -> None:
        User.objects.filter(pk=self.person.pk).update(activated_at=clock.now())

    def _row_unblock(self, _change: Change) -> None:
        User.objects.filter(pk=self.person.pk).update(blocked_at=None)

    def _row_assign_role(self, change: Change) -> None:
        RoleAssignment.objects.filter(user=self.person, role_id=change.role_id, ended_at__isnull=True).update(
            ended_at=clock.now()
        )
        people.give_role(self.person, change.role_id, actor=self._boss)

    def _row_make_group(self, _change: Change) -> None:
        self.group = people.create_group(self.person.home, SecurityGroup.Kind.CUSTOM, f"Made {next(_names)}")
        Membership.objects.create(group_id=self.group.pk, user=self.person, since=clock.now())

    def _row_join_group(self, change: Change) -> None:
        Membership.objects.create(group_id=change.group_id, user=self.person, since=clock.now())

    def _row_work_for(self, change: Change) -> None:
        if change.group_id is None and self.group is None:
            self.left_out.append(change)
            return
        pair, group = self._pair(), self._group(change)
        if not PairGrant.objects.filter(content_object=pair, group_id=group.pk).update(until=None):
            access.grant_pair(pair, [group.pk], source="limit")

    def _row_gdap_ask(self, change: Change) -> None:
        pair, now, by = self._pair(change.tenant_id), clock.now(), self.founders[change.tenant_id]
        self.asked = row = GdapRelationship.objects.create(
            partner=pair.partner,
            display_name="Asked",
            name_key=f"asked {next(_names)}",
            duration_days=31,
            created_at=now,
            created_by=by,
        )
        GdapRole.objects.create(relationship=row, role_id=change.role_id)
        row.locked_at, row.locked_by, row.lapses_at = now, by, now + timedelta(days=90)
        row.customer, row.pair, row.granted_days = pair.customer, pair, 31
        row.approved_at, row.approved_by, row.activated_at, row.ends_at = now, by, now, now + timedelta(days=31)
        for status in ("approvalPending", "approved", "activating", "active"):
            row.status = status
            if status == "activating":
                row.roles.update(is_granted=True)
            row.save()

    def _row_gdap_assign(self, change: Change) -> None:
        row = self._relationship(change)
        if row is None or (change.group_id is None and self.group is None):
            self.left_out.append(change)
            return
        group = self._group(change)
        held = row.assignments.filter(group=group, state="active").first()
        if held is None:
            held = GdapAssignment(
                relationship=row,
                group=group,
                group_name=group.name,
                role_ids=[],
                state="active",
                created_at=clock.now(),
                created_by=self._boss,
            )
        held.role_ids = [*held.role_ids, change.role_id]
        held.save()
        index_assignments(row, [held])

    def _row_azure_assign(self, change: Change) -> None:
        scope, group = Scope.objects.get(pk=change.scope_id), self.person.own_group
        same = AzureAssignment.objects.filter(scope=scope, principal=group, role_id=change.role_id)
        same.filter(ended_at__isnull=True).update(ended_at=clock.now(), end_reason="ended")
        is_foreign = self.person.tenant_id != scope.tenant_id
        pair = self._pair(scope.tenant_id) if is_foreign else None
        made = AzureAssignment.objects.create(
            tenant_id=scope.tenant_id,
            subscription_id=scope.lineage[1],
            scope=scope,
            role_id=change.role_id,
            principal=group,
            principal_type="foreign_user" if is_foreign else "user",
            principal_name=group.name,
            pair=pair,
            started_at=clock.now(),
        )
        role = catalogue.azure_roles()[change.role_id]
        access.grant_scope(scope, group.pk, role.codename, kind=PathKind.AZURE, source=made.source, pair=pair)

    def _row_elevate(self, _change: Change) -> None:
        root = Scope.objects.get(tenant=self.person.tenant_id, kind=Scope.Kind.ROOT)
        now, end = clock.now(), clock.now() + timedelta(hours=8)
        AzureElevation.objects.filter(user=self.person, ended_at__isnull=True).update(ended_at=now)
        made = AzureElevation.objects.create(tenant=root.tenant, user=self.person, started_at=now, until=end)
        role = catalogue.azure_roles_by_name()["User Access Administrator"]
        group, kind = self.person.own_group.pk, PathKind.ELEVATED
        access.grant_scope(root, group, role.codename, kind=kind, source=made.source, until=made.until)

    # ── what they name ──

    #: The customer that the question was about.
    customer_id: object = None

    def _pair(self, customer_id: object = None) -> Pair:
        return Pair.objects.select_related("partner", "customer").get(
            partner=self.person.tenant_id, customer_id=customer_id or self.customer_id
        )

    def _group(self, change: Change) -> SecurityGroup:
        if change.group_id is None:
            assert self.group is not None
            return self.group
        return SecurityGroup.objects.get(pk=change.group_id)

    def _relationship(self, change: Change) -> GdapRelationship | None:
        if change.relationship_id is None:
            return self.asked
        return GdapRelationship.objects.get(pk=change.relationship_id)


def helpers(partners: Iterable[Tenant]) -> dict[object, User]:
    """An Admin agent of each partner who is in every group, and so works for every customer."""
    found = {}
    for tenant in partners:
        agent = factories.person(tenant, "helper", domain=f"{tenant.slug}.example")
        named = SecurityGroup.objects.filter(tenant=tenant).exclude(kind__in=SecurityGroup.HIDDEN)
        Membership.objects.bulk_create(Membership(group_id=group.pk, user=agent, since=clock.now()) for group in named)
        found[tenant.pk] = agent
    return found
