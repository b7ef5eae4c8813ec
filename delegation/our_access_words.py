"""The leaver's page in words: what disabling a person ends, and what stays (DOMAIN §14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from delegation.our_access import MOST_NAMED, Leaving
from portal import lists
from portal.models import Tenant

Item = dict[str, Any]


def ends(found: Leaving, partner: Tenant) -> list[Item]:
    """Customers with their roles, roles and groups of our own organisation, sessions."""
    items: list[Item] = []
    for pair in found.examples:
        roles = ", ".join(dict.fromkeys(line.row.role_label for line in pair.lines))
        url = reverse("customer", args=[partner.slug, pair.pk])
        items.append({"label": pair.customer_name, "detail": roles, "url": url, "link": _("Open")})
    if found.customers > len(found.examples):
        more = min(found.customers, lists.COUNT_UP_TO) - len(found.examples)
        text = _("and more than %(count)d more") if found.customers > lists.COUNT_UP_TO else _("and %(count)d more")
        items.append({"label": _("Further customers"), "detail": text % {"count": more}})
    items += [{"label": row.role.label, "detail": _("Directory role of our organisation")} for row in found.roles]
    items += [
        {"label": group.name, "detail": _("Group: what it holds no longer reaches them")} for group in found.groups
    ]
    items.append({"label": _("Every session"), "detail": _("They are refused with the next request.")})
    return items


def remains(found: Leaving) -> list[Item]:
    """What the person made at customers, and what is held in person: it gives nothing while they are blocked."""
    items: list[Item] = []
    for person in found.accounts:
        detail = _("Account they made at %(customer)s") % {"customer": person.tenant}
        items.append({"label": person.sign_in_name, "detail": detail})
    for row in found.assigned:
        detail = _("Role they assigned to %(person)s at %(customer)s") % {"person": row.user, "customer": row.tenant}
        items.append({"label": row.role.label, "detail": detail})
    for azure in found.azure_made:
        where = {"scope": azure.scope, "customer": azure.tenant}
        detail = _("Azure role they assigned: %(scope)s at %(customer)s") % where
        items.append({"label": f"{azure.role.label}: {azure.principal_name}", "detail": detail})
    for azure in found.azure_held:
        where = {"scope": azure.scope, "customer": azure.tenant}
        detail = _("Azure role in their own name: %(scope)s at %(customer)s. It gives nothing while they are blocked.")
        items.append({"label": azure.role.label, "detail": detail % where})
    kinds: tuple[Sequence[Any], ...] = (found.accounts, found.assigned, found.azure_made, found.azure_held)
    if any(len(rows) == MOST_NAMED for rows in kinds):
        items.append({"label": _("There may be more"), "detail": _("The audit log has everything that they did.")})
    items.append({"label": _("Audit log"), "detail": _("Everything that was done stays on record.")})
    return items
