"""Audit rows in the reader's words: names of actions and fields, and what one row says on a page or in an export."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from portal import audit
from portal.meanings import MEANINGS
from portal.models import AuditEntry, ServiceRequest, Tenant

#: What each action is called; an action that isn't here is shown by its code.
ACTIONS: dict[str, Any] = {
    "azure.assigned": _("Azure role given"),
    "azure.assigned_elevated": _("Azure role given while elevated"),
    "azure.assignment_described": _("Azure role assignment described"),
    "azure.assignment_end_set": _("End of an Azure role changed"),
    "azure.assignment_ended": _("Azure role ended by itself"),
    "azure.assignment_removed": _("Azure role taken away"),
    "azure.elevated": _("Elevated to all Azure subscriptions"),
    "azure.elevation_ended": _("Elevation ended"),
    "azure.scope_created": _("Azure resource or group created"),
    "azure.scope_deleted": _("Azure resource or group deleted"),
    "azure.scope_moved": _("Azure resource moved"),
    "azure.scope_tagged": _("Azure tags changed"),
    "azure.scopes_imported": _("Azure resources imported"),
    "azure.subscription_cancelled": _("Azure subscription cancelled"),
    "azure.subscription_created": _("Azure subscription created"),
    "azure.subscription_provisioned": _("Azure subscription provisioned"),
    "azure.subscription_renamed": _("Azure subscription renamed"),
    "certificate.issued": _("Certificate issued"),
    "contact_address.change_started": _("Change of contact address started"),
    "contact_address.changed": _("Contact address changed"),
    "dap.given_up": _("Delegated admin given up"),
    "dap.granted": _("Delegated admin granted"),
    "dap.removed": _("Delegated admin removed"),
    "device_consent.asked": _("Device registration consent asked for"),
    "device_consent.ended": _("Device registration consent ended"),
    "device_consent.given": _("Device registration consent given"),
    "domain.verified": _("Domain verified"),
    "gdap.approved": _("GDAP request approved"),
    "gdap.assigned": _("GDAP roles given to a group"),
    "gdap.assignment_edited": _("GDAP roles of a group changed"),
    "gdap.assignment_removed": _("GDAP roles taken from a group"),
    "gdap.counter_offer_withdrawn": _("GDAP counter-offer taken back"),
    "gdap.counter_offered": _("GDAP counter-offer made"),
    "gdap.created": _("GDAP request drafted"),
    "gdap.declined": _("GDAP request declined"),
    "gdap.deleted": _("GDAP draft deleted"),
    "gdap.edited": _("GDAP draft changed"),
    "gdap.ended_by_partner": _("GDAP relationship ended by the partner"),
    "gdap.expired": _("GDAP relationship expired"),
    "gdap.extended": _("GDAP relationship extended by 180 days"),
    "gdap.extension_off": _("GDAP auto-extend switched off"),
    "gdap.extension_on": _("GDAP auto-extend switched on"),
    "gdap.forwarded": _("GDAP request forwarded to an approver"),
    "gdap.lapsed": _("GDAP request lapsed"),
    "gdap.link_replaced": _("GDAP request: link replaced"),
    "gdap.locked": _("GDAP request locked for approval"),
    "gdap.planned": _("GDAP roles planned for a group"),
    "gdap.removed_by_customer": _("GDAP roles removed by the customer"),
    "gdap.replaced": _("GDAP relationship replaced"),
    "gdap.reseller_approved": _("GDAP request approved by the reseller"),
    "gdap.reseller_rejected": _("GDAP request rejected by the reseller"),
    "gdap.resent": _("GDAP request sent again"),
    "gdap.roles_removed": _("GDAP roles given back"),
    "gdap.sent": _("GDAP request sent"),
    "gdap.text_edited": _("GDAP message edited"),
    "gdap.withdrawn": _("GDAP request withdrawn"),
    "gdap_template.created": _("Role template made"),
    "gdap_template.edited": _("Role template changed"),
    "gdap_template.restored": _("Role template taken back into use"),
    "gdap_template.retired": _("Role template retired"),
    "group.created": _("Group created"),
    "group.deleted": _("Group deleted"),
    "group.member_added": _("Group member added"),
    "group.member_removed": _("Group member removed"),
    "group.renamed": _("Group renamed"),
    "invitation.accepted": _("Invitation accepted"),
    "invitation.already_in_place": _("Invitation accepted: already in place"),
    "invitation.cancelled": _("Invitation cancelled"),
    "invitation.created": _("Invitation drafted"),
    "invitation.declined": _("Invitation declined"),
    "invitation.edited": _("Invitation draft changed"),
    "invitation.expired": _("Invitation expired"),
    "invitation.forwarded": _("Invitation forwarded to an approver"),
    "invitation.link_replaced": _("Invitation link replaced"),
    "invitation.opened": _("Invitation opened"),
    "invitation.resent": _("Invitation sent again"),
    "invitation.sent": _("Invitation sent"),
    "job.cancelled": _("Bulk job cancelled"),
    "job.resumed": _("Bulk job resumed"),
    "job.started": _("Bulk job started"),
    "mail.resent": _("Message sent again"),
    "on_behalf.first_of_day": _("First sign-in on behalf of a day"),
    "organisation.created": _("Organisation founded"),
    "organisation.on_behalf_notice_off": _("Notice of sign-ins on behalf switched off"),
    "organisation.on_behalf_notice_on": _("Notice of sign-ins on behalf switched on"),
    "partner.blocked": _("Partner blocked from inviting"),
    "partner.unblocked": _("Partner allowed to invite again"),
    "partner_profile.created": _("Partner profile filled in"),
    "partner.clean_exit": _("Everything with a partner ended"),
    "password.changed": _("Password changed"),
    "password.reset": _("Password reset"),
    "password.reset_started": _("Password reset started"),
    "relationship.began": _("Relationship began"),
    "relationship.ended": _("Relationship ended"),
    "relationship.groups_limited": _("Groups that work for a customer changed"),
    "role.assigned": _("Role assigned"),
    "role.removed": _("Role removed"),
    "service_request.closed": _("Service request closed"),
    "service_request.commented": _("Service request commented"),
    "service_request.opened": _("Service request opened"),
    "service_request.reopened": _("Service request reopened"),
    "service_request.resolved": _("Service request resolved"),
    "service_request.started": _("Service request started"),
    "sessions.ended": _("Sessions ended"),
    "user.activated": _("User activated"),
    "user.blocked": _("User blocked"),
    "user.created": _("User invited"),
    "user.deleted": _("User deleted"),
    "user.renamed": _("User renamed"),
    "user.unblocked": _("User unblocked"),
    "user.welcome_resent": _("User invited again"),
}
_FIELDS: dict[str, Any] = {
    "auto_extend": _("Auto-extend"),
    "capability": _("Right that was used"),
    "complete": pgettext_lazy("certificate", "Complete"),
    "contact_address": _("Contact address"),
    "country": _("Country"),
    "customer": _("Customer"),
    "days": _("Days"),
    "display_name": _("Display name"),
    "group": _("Group"),
    "groups": _("Groups"),
    "language": _("Language"),
    "member": _("Member"),
    "members": _("Members"),
    "name": _("Name"),
    "note": _("Note"),
    "number": _("Number"),
    "partner": _("Partner"),
    "reason": _("Reason"),
    "role": _("Role"),
    "roles": _("Roles"),
    "offer": _("Offer"),
    "refused": _("Refused"),
    "resources": _("Resources"),
    "rows": _("Rows"),
    "scope": _("Scope"),
    "severity": _("Severity"),
    "sign_in_name": _("Sign-in name"),
    "state": _("State"),
    "tags": _("Tags"),
    "title": _("Title"),
    "until": _("Until"),
    "version": _("Version"),
}
_VALUES: dict[str, dict[str, Any]] = {
    "severity": dict(ServiceRequest.Severity.choices),
    "state": dict(ServiceRequest.State.choices),
}
_MEANINGS: dict[str, Any] = {str(capability): meaning for capability, meaning in MEANINGS.items()}
#: May name a person of another partner: left out for readers on behalf (DOMAIN §5).
_ABOUT_OTHERS = ("by", "by_name")
_NOWHERE = UUID(int=0)


@dataclass(frozen=True)
class Detail:
    """One field of a row, before and after; `before` is None for what has no before."""

    label: Any
    before: str | None
    after: str


@dataclass(frozen=True)
class Shown:
    """What one row says."""

    actor: str
    home: str
    behalf: str
    path: str
    action: Any
    target: str
    details: tuple[Detail, ...]
    content: dict[str, Any]
    digest: str

    @property
    def details_text(self) -> str:
        """All that is known beside the fixed fields, as JSON."""
        return audit.canonical(self.content) if self.content else ""


def attach(entries: Iterable[AuditEntry], *, reader: UUID | None, chain: UUID) -> None:
    """Give each row its `shown`; names of tenants are looked up in one query.

    A reader whose home tenant isn't the chain's reads on behalf.
    """
    rows = list(entries)
    wanted = {pk for row in rows for pk in (row.actor_tenant_id, row.on_behalf_tenant_id) if pk}
    names = dict(Tenant.objects.filter(pk__in=wanted).values_list("pk", "display_name")) if wanted else {}
    for row in rows:
        row.shown = _read(row, names, hidden=_ABOUT_OTHERS if reader != chain else ())  # type: ignore[attr-defined]


def shown(entry: AuditEntry) -> Shown:
    """What `attach` gave the row."""
    return entry.shown  # type: ignore[attr-defined, no-any-return]


def _read(entry: AuditEntry, names: dict[UUID, str], hidden: tuple[str, ...]) -> Shown:
    content = {key: value for key, value in json.loads(entry.data).items() if key not in hidden}
    actor, target = str(content.pop("actor", "")), str(content.pop("target", ""))
    return Shown(
        actor=actor,
        home=names.get(entry.actor_tenant_id or _NOWHERE, ""),
        behalf=names.get(entry.on_behalf_tenant_id or _NOWHERE, ""),
        path=entry.path.partition(":")[0].upper(),
        action=ACTIONS.get(entry.action, entry.action),
        target=target,
        details=tuple(_details(content)),
        content=content,
        digest=bytes(entry.hash).hex(),
    )


def _details(content: dict[str, Any]) -> Iterable[Detail]:
    before, after = _fields(content.get("before")), _fields(content.get("after"))
    for key in sorted({*before, *after}):
        yield Detail(_FIELDS.get(key, key), _value(key, before), _value(key, after))
    for key in content:
        if key not in ("before", "after"):
            yield Detail(_FIELDS.get(key, key), None, _value(key, content))


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _value(key: str, fields: dict[str, Any]) -> str:
    """One field's value; roles, severities and states in the reader's language."""
    text = _text(fields.get(key, ""))
    if key == "capability":
        return str(_MEANINGS.get(text, text))
    return gettext(text) if key == "role" else str(_VALUES.get(key, {}).get(text, text))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return audit.canonical(value)
    return "" if value is None else str(value)
