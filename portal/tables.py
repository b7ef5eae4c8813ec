"""Lists of a tenant's pages. Cells are templates of `templates/portal/cells/`, exports plain text in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from portal import audit_words
from portal.cells import Cell
from portal.lists import ListTable
from portal.models import AuditEntry, Certificate, Membership, SecurityGroup, ServiceRequest, User


def cell(name: str, label: Any, **more: Any) -> Cell:
    """A column whose cell is a template; shown whatever the value."""
    return Cell(template_name=f"portal/cells/{name}.html", verbose_name=label, empty_values=(), **more)


def unseen(name: str, label: Any) -> Cell:
    """A column of buttons: its heading is heard and not seen, and no export has it."""
    return cell(name, label, exclude_from_export=True, attrs={"th": {"data-unseen": ""}})


def moment(value: datetime | None) -> str:
    """A moment as exports have it: ISO 8601, UTC (DOMAIN §17)."""
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else ""


class UserTable(ListTable):
    """People with their explicit roles; the view attaches `held_roles` to each row."""

    sorts: ClassVar[dict[str, str]] = {"name": "name_key", "sign_in_name": "sign_in_name", "created_at": "created_at"}
    default_sort = "name"
    caption = _("Users")
    empty_title = _("No users")
    empty_icon = "users"

    name = cell("user_name", _("Name"))
    sign_in_name = tables.Column(verbose_name=_("Sign-in name"))
    roles = cell("user_roles", _("Explicit roles"))
    state = cell("user_state", _("State"))
    created_at = cell("created", _("Since"))

    class Meta:
        empty_text = _("Nobody matches.")

    def value_name(self, record: User) -> str:
        return record.display_name

    def value_roles(self, record: User) -> str:
        return "; ".join(role.label for role in record.held_roles)  # type: ignore[attr-defined]

    def value_state(self, record: User) -> str:
        return state_of(record)

    def value_created_at(self, record: User) -> str:
        return moment(record.created_at)


def state_of(person: User) -> str:
    """One word for exports: deleted, blocked, invited or active."""
    if person.deleted_at:
        return "deleted"
    if person.blocked_at:
        return "blocked"
    return "active" if person.activated_at else "invited"


class GroupTable(ListTable):
    """Security groups with how many members they have."""

    sorts: ClassVar[dict[str, str]] = {"name": "name"}
    default_sort = "name"
    caption = _("Groups")
    empty_title = _("No groups")
    empty_icon = "user-group"

    name = cell("group_name", _("Name"))
    kind = cell("group_kind", _("Kind"))
    members = tables.Column(verbose_name=_("Members"), accessor="member_count")

    class Meta:
        empty_text = _("Security groups that you make are listed here.")

    def value_name(self, record: SecurityGroup) -> str:
        return record.name

    def value_kind(self, record: SecurityGroup) -> str:
        return record.kind


class MemberTable(ListTable):
    """Members of one group; `may_edit` decides whether there are buttons."""

    sorts: ClassVar[dict[str, str]] = {"person": "user__name_key", "since": "since"}
    default_sort = "person"
    has_forms = True
    caption = _("Members")
    empty_title = _("No members")
    empty_icon = "user-group"

    person = cell("member_person", _("Person"))
    since = cell("member_since", _("Since"))
    action = unseen("member_action", _("Actions"))

    class Meta:
        empty_text = _("Nobody matches.")

    def __init__(self, *args: Any, group: SecurityGroup, may_edit: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group, self.may_edit = group, may_edit

    def value_person(self, record: Membership) -> str:
        return record.user.sign_in_name

    def value_since(self, record: Membership) -> str:
        return moment(record.since)


class ServiceRequestTable(ListTable):
    """Service requests of a tenant."""

    sorts: ClassVar[dict[str, str]] = {"number": "number", "updated_at": "updated_at"}
    default_sort = "-updated_at"
    caption = _("Service requests")
    empty_title = _("No service requests")
    empty_icon = "lifebuoy"

    number = tables.Column(verbose_name=_("Number"), localize=False)
    title = cell("request_title", _("Title"))
    about = tables.Column(verbose_name=_("About"), accessor="about", visible=False)
    severity = cell("request_severity", _("Severity"))
    state = cell("request_state", _("State"))
    opened_by = cell("request_opened_by", _("Opened by"))
    updated_at = cell("request_updated", _("Last change"))

    class Meta:
        empty_text = _("Requests that match are listed here.")

    def value_title(self, record: ServiceRequest) -> str:
        return record.title

    def value_severity(self, record: ServiceRequest) -> str:
        return record.severity

    def value_state(self, record: ServiceRequest) -> str:
        return record.state

    def value_opened_by(self, record: ServiceRequest) -> str:
        return record.opened_by.sign_in_name

    def value_updated_at(self, record: ServiceRequest) -> str:
        return moment(record.updated_at)


class CertificateTable(ListTable):
    """Certificates of a tenant, each with its files."""

    sorts: ClassVar[dict[str, str]] = {"number": "number", "partner": "partner__display_name"}
    default_sort = "-number"
    caption = _("Certificates")
    empty_title = _("No certificates")
    empty_icon = "document-check"

    number = tables.Column(verbose_name=_("Number"), localize=False)
    partner = cell("certificate_partner", _("Partner"))
    result = cell("certificate_result", _("Result"))
    issued_at = cell("certificate_issued", _("Issued"))
    issued_by = tables.Column(verbose_name=_("Issued by"), accessor="issued_by__sign_in_name", orderable=False)
    files = cell("certificate_files", _("Files"), exclude_from_export=True)

    class Meta:
        empty_text = _("Whoever ends everything with a partner gets a signed certificate of it, which is kept here.")

    def value_partner(self, record: Certificate) -> str:
        return record.partner.display_name

    def value_result(self, record: Certificate) -> str:
        return "complete" if record.is_complete else "incomplete"

    def value_issued_at(self, record: Certificate) -> str:
        return moment(record.issued_at)


class AuditTable(ListTable):
    """Rows of an audit chain; the view attaches `shown` (portal.audit_words.Shown) to each."""

    sorts: ClassVar[dict[str, str]] = {"at": "seq"}
    default_sort = "-at"
    caption = _("Audit log")
    empty_title = _("No entries")
    empty_icon = "clipboard-document-list"

    open = unseen("audit_open", _("Details"))
    at = cell("audit_at", _("Time"))
    who = cell("audit_who", _("Who"))
    action = cell("audit_action", _("Action"))
    target = cell("audit_target", _("Object"))

    class Meta:
        template_name = "portal/audit_table.html"
        empty_text = _("Nothing matches.")


class AuditExportTable(AuditTable):
    """The same with every field, for CSV."""

    seq = tables.Column(verbose_name="seq")
    behalf = tables.Column(verbose_name="on_behalf_of", accessor="shown__behalf")
    home_tenant = tables.Column(verbose_name="home_tenant", accessor="shown__home")
    path = tables.Column(verbose_name="path")
    role = tables.Column(verbose_name="role")
    actor_id = tables.Column(verbose_name="actor_id")
    target_type = tables.Column(verbose_name="target_type")
    target_id = tables.Column(verbose_name="target_id")
    details = tables.Column(verbose_name="details", accessor="shown__details_text")
    request_id = tables.Column(verbose_name="request_id")
    address = tables.Column(verbose_name="address")
    hash = tables.Column(verbose_name="hash")

    class Meta:
        sequence = ("seq", "at", "who", "home_tenant", "behalf", "path", "role", "action", "target", "...")

    def value_at(self, record: AuditEntry) -> str:
        return moment(record.at)

    def value_who(self, record: AuditEntry) -> str:
        return audit_words.shown(record).actor

    def value_action(self, record: AuditEntry) -> str:
        return record.action

    def value_target(self, record: AuditEntry) -> str:
        return audit_words.shown(record).target

    def value_hash(self, record: AuditEntry) -> str:
        return bytes(record.hash).hex()
