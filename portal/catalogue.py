"""Fixed tables: directory roles and who may do what (DOMAIN §2), read once from `data/`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from django.utils.translation import gettext

DATA = Path(__file__).parent / "data"

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
HELPDESK_ADMINISTRATOR = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
BILLING_ADMINISTRATOR = "b0f54661-2d74-4c50-afa3-1ec803f12efe"


class Capability(StrEnum):
    """Everything that can be allowed; the values are those of the two tables."""

    # inside a tenant: data/role_capabilities.csv
    ACCOUNT_VIEW = "account.view"
    USERS_VIEW = "users.view"
    USERS_CREATE = "users.create"
    USERS_EDIT = "users.edit"
    USERS_EDIT_PRIVILEGED = "users.edit_privileged"
    USERS_RESET_PASSWORD = "users.reset_password"
    USERS_RESET_PASSWORD_PRIVILEGED = "users.reset_password_privileged"
    ROLES_ASSIGN = "roles.assign"
    LICENCES_ASSIGN = "licences.assign"
    GROUPS_MANAGE = "groups.manage"
    GUESTS_INVITE = "guests.invite"
    SUBSCRIPTIONS_VIEW = "subscriptions.view"
    SUBSCRIPTIONS_MANAGE = "subscriptions.manage"
    AGREEMENT_ACCEPT = "agreement.accept"
    PARTNERS_VIEW = "partners.view"
    PARTNERS_ACCEPT_WITHOUT_ROLES = "partners.accept_without_roles"
    PARTNERS_ACCEPT_WITH_ROLES = "partners.accept_with_roles"
    GDAP_APPROVE = "gdap.approve"
    PARTNERS_REMOVE_DAP = "partners.remove_dap"
    GDAP_REMOVE_ROLES = "gdap.remove_roles"
    SERVICE_REQUESTS_VIEW = "service_requests.view"
    SERVICE_REQUESTS_MANAGE = "service_requests.manage"
    AZURE_ELEVATE = "azure.elevate"
    DEVICES_VIEW = "devices.view"
    DEVICES_MANAGE = "devices.manage"
    ROOMS_ASSIGN_MANAGERS = "rooms.assign_managers"
    AUDIT_VIEW = "audit.view"
    ORGANISATION_EDIT = "organisation.edit"
    DOMAINS_MANAGE = "domains.manage"
    PARTNER_PROFILE_MANAGE = "partner_profile.manage"
    ELEVATED_REVIEW = "elevated.review"
    # at a scope: an Azure subscription, a resource group or a resource (DOMAIN §8)
    AZURE_VIEW = "azure.view"
    AZURE_MANAGE_RESOURCES = "azure.manage_resources"
    AZURE_MANAGE_SUBSCRIPTION = "azure.manage_subscription"
    AZURE_ASSIGN_ROLES = "azure.assign_roles"
    AZURE_SERVICE_REQUESTS = "azure.service_requests"
    # for a partner: data/partner_capabilities.csv
    CUSTOMERS_VIEW = "customers.view"
    CUSTOMERS_ANNOTATE = "customers.annotate"
    CUSTOMERS_EXPORT = "customers.export"
    CUSTOMERS_LIMIT_GROUPS = "customers.limit_groups"
    INVITATIONS_VIEW = "invitations.view"
    INVITATIONS_SEND = "invitations.send"
    INVITATIONS_CANCEL = "invitations.cancel"
    RELATIONSHIPS_END = "relationships.end"
    DAP_GIVE_UP = "dap.give_up"
    GDAP_VIEW = "gdap.view"
    GDAP_REQUEST = "gdap.request"
    GDAP_ASSIGN = "gdap.assign"
    GDAP_EXTEND = "gdap.extend"
    GDAP_TERMINATE = "gdap.terminate"
    GDAP_TEMPLATES = "gdap.templates"
    DELEGATING_GROUPS_MANAGE = "delegating_groups.manage"
    ACCESS_REVIEW = "access.review"
    SUBSCRIPTIONS_PROVISION = "subscriptions.provision"
    ORDERS_PLACE = "orders.place"
    DEVICES_ADD = "devices.add"
    DEVICES_PROFILES = "devices.profiles"
    LEADS_MANAGE = "leads.manage"
    PARTNER_PROFILE_EDIT = "partner_profile.edit"
    INDIRECT_MANAGE = "indirect.manage"
    PARTNER_AUDIT_VIEW = "partner_audit.view"


@dataclass(frozen=True)
class Role:
    """One built-in directory role."""

    id: str
    name: str
    is_privileged: bool
    is_gdap_requestable: bool
    description: str
    hint: str

    @property
    def label(self) -> str:
        """Its name in the reader's language; the texts are marked in `portal/role_words.py`."""
        return gettext(self.name)

    @property
    def about(self) -> str:
        """Its description in the reader's language."""
        return gettext(self.description)

    @property
    def hint_text(self) -> str:
        """Its least-privilege hint in the reader's language."""
        return gettext(self.hint)

    @property
    def codename(self) -> str:
        """Codename of the permission on `Tenant` that stands for holding the role."""
        return f"role_{self.id}"


@dataclass(frozen=True)
class AzureRole:
    """One built-in Azure role."""

    id: str
    name: str
    category: str

    @property
    def label(self) -> str:
        """Its name; those that the portal acts on are translated, the others are product names."""
        return gettext(self.name)

    @property
    def is_privileged(self) -> bool:
        """Its category in the role table says so."""
        return self.category == "Privileged"

    @property
    def earns_credit(self) -> bool:
        """Counts for a partner's earned credit: all but the ones that only read (facts, §D4)."""
        return "Reader" not in self.name and self.name not in _NO_CREDIT

    @property
    def codename(self) -> str:
        """Codename of the permission on `Scope` that stands for holding the role."""
        return f"azure_{self.id}"


@dataclass(frozen=True)
class Rule:
    """Who may use one capability: codenames of permissions on a tenant, any one of which is enough."""

    capability: Capability
    is_partner_side: bool
    on_behalf: bool
    meaning: str
    codenames: tuple[str, ...]
    is_scope_side: bool = False


AGENT_CODENAMES = {"admin_agents": "agent_admin", "helpdesk_agents": "agent_helpdesk", "sales_agents": "agent_sales"}
AGENT_NAMES = {"agent_admin": "Admin agent", "agent_helpdesk": "Helpdesk agent", "agent_sales": "Sales agent"}
#: Holders count as privileged people beside those of roles marked so (DOMAIN §2).
ALSO_PRIVILEGED = ("Billing Administrator", "Customer Delegated Admin Relationship Administrator")


#: What Azure's roles allow in the portal (DOMAIN §8); every role shows its scope and what is below.
AZURE_OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
AZURE_USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
_AZURE = {
    Capability.AZURE_MANAGE_RESOURCES: (
        "create, tag, move and delete resource groups and resources",
        ("Owner", "Contributor"),
    ),
    Capability.AZURE_MANAGE_SUBSCRIPTION: ("rename and cancel the subscription", ("Owner",)),
    Capability.AZURE_ASSIGN_ROLES: (
        "add and remove Azure role assignments",
        ("Owner", "User Access Administrator", "Role Based Access Control Administrator"),
    ),
    Capability.AZURE_SERVICE_REQUESTS: (
        "open service requests about the subscription",
        ("Owner", "Contributor", "Support Request Contributor"),
    ),
}
#: Roles that only read, though their names don't say so.
_NO_CREDIT = ("Cognitive Services User",)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def roles() -> dict[str, Role]:
    """All directory roles by template id, in the order of the table (by name)."""
    return {
        row["template_id"]: Role(
            id=row["template_id"],
            name=row["display_name"],
            is_privileged=row["is_privileged"] == "true",
            is_gdap_requestable=row["gdap_requestable"] == "true",
            description=row["description"],
            hint=row["least_privilege_hint"],
        )
        for row in _rows("entra_builtin_roles.csv")
    }


@cache
def roles_by_name() -> dict[str, Role]:
    """The same by display name."""
    return {role.name: role for role in roles().values()}


def role_of(codename: str) -> Role | AzureRole | None:
    """The role that holding the permission stands for; None for an agent kind."""
    kind, _, role_id = codename.partition("_")
    return azure_roles().get(role_id) if kind == "azure" else roles().get(role_id)


@cache
def privileged_role_ids() -> frozenset[str]:
    """Ids of the roles whose holders count as privileged people (DOMAIN §2)."""
    return frozenset(role.id for role in roles().values() if role.is_privileged or role.name in ALSO_PRIVILEGED)


@cache
def azure_roles() -> dict[str, AzureRole]:
    """All built-in Azure roles by id, in the order of the table (by category)."""
    rows = _rows("azure_builtin_roles.csv")
    return {row["role_id"]: AzureRole(row["role_id"], row["name"], row["category"]) for row in rows}


@cache
def azure_roles_by_name() -> dict[str, AzureRole]:
    """The same by name."""
    return {role.name: role for role in azure_roles().values()}


def _azure_rules() -> Iterator[Rule]:
    every = tuple(role.codename for role in azure_roles().values())
    yield Rule(Capability.AZURE_VIEW, False, True, "see an Azure scope and what is below it", every, True)
    for capability, (meaning, names) in _AZURE.items():
        codenames = tuple(azure_roles_by_name()[name].codename for name in names)
        yield Rule(capability, False, True, meaning, codenames, True)


@cache
def rules() -> dict[Capability, Rule]:
    """The two tables as one; `account.view` (DOMAIN §5: any role there) completes them."""
    everything = tuple(role.codename for role in roles().values())
    found = {
        Capability.ACCOUNT_VIEW: Rule(
            Capability.ACCOUNT_VIEW, False, True, "see the organisation's profile", everything
        )
    }
    for row in _rows("role_capabilities.csv"):
        names = tuple(roles_by_name()[name].codename for name in row["roles"].split(";"))
        capability = Capability(row["capability"])
        found[capability] = Rule(capability, False, row["on_behalf"] == "yes", row["meaning"], names)
    for row in _rows("partner_capabilities.csv"):
        capability = Capability(row["capability"])
        found[capability] = Rule(capability, True, False, row["meaning"], _partner_codenames(row))
    return found | {rule.capability: rule for rule in _azure_rules()}


def _partner_codenames(row: dict[str, str]) -> tuple[str, ...]:
    columns = {
        "global_administrator": roles()[GLOBAL_ADMINISTRATOR].codename,
        "admin_agent": "agent_admin",
        "sales_agent": "agent_sales",
        "helpdesk_agent": "agent_helpdesk",
    }
    names = [codename for column, codename in columns.items() if row[column] == "yes"]
    if row["capability"] == Capability.GDAP_ASSIGN:  # "User Administrators of the partner too"
        names.append(roles_by_name()["User Administrator"].codename)
    return tuple(names)


@cache
def tenant_permissions() -> tuple[tuple[str, str], ...]:
    """(codename, name) of every permission that can be granted on a tenant."""
    held = tuple((role.codename, f"Holds {role.name}") for role in roles().values())
    return held + tuple((codename, f"Is {name}") for codename, name in AGENT_NAMES.items())


@cache
def scope_permissions() -> tuple[tuple[str, str], ...]:
    """(codename, name) of every permission that can be granted at a scope."""
    return tuple((role.codename, f"Holds {role.name}"[:255]) for role in azure_roles().values())
