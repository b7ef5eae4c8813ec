"""What removing an Azure role, or deleting what it is held at, ends, and what remains (DOMAIN §8, §9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from delegation.azure_pages import MOST_LISTED, is_found, knows, principal_name
from delegation.azure_queries import is_last_that_earns
from delegation.models import AzureAssignment
from portal import catalogue
from portal.access import Rights
from portal.models import Membership, Scope, User

_MOST_NAMES = 5


def may_take_last_owner(user: User, rights: Rights) -> bool:
    """A Global Administrator of the customer's own may remove the last Owner (DOMAIN §8)."""
    own = catalogue.roles()[catalogue.GLOBAL_ADMINISTRATOR].codename
    return any(path.codename == own and not path.is_outside for path in rights.paths)


@dataclass(frozen=True)
class Ending:
    """What the page of a removal says beforehand."""

    ends: list[dict[str, str]]
    remains: list[dict[str, str]]
    is_last_owner: bool
    is_last_own_owner: bool
    is_last_credit: bool


def ending(row: AzureAssignment, user: User) -> Ending:
    """What removing this assignment ends, what its holder keeps, and whether a rule is in its way."""
    in_force = AzureAssignment.objects.filter(AzureAssignment.in_force(), subscription=row.subscription_id)
    others = in_force.exclude(pk=row.pk)
    owners = others.filter(role_id=catalogue.AZURE_OWNER, scope=row.subscription_id, principal__kind__isnull=False)
    owners = owners.exclude(principal__person__deleted_at__isnull=False)
    if row.until is None:  # one that lasts is followed by one that lasts
        owners = owners.filter(until__isnull=True)
    is_owner = (row.role_id, row.scope_id) == (catalogue.AZURE_OWNER, row.subscription_id) and is_found(row)
    is_last = is_owner and not owners.exists()
    is_own = is_owner and row.pair_id is None
    return Ending(
        ends=_ends(row, user),
        remains=_remains(row, user),
        is_last_owner=is_last,
        is_last_own_owner=is_own and not is_last and not owners.filter(pair__isnull=True).exists(),
        is_last_credit=is_last_that_earns(row),
    )


def _ends(row: AzureAssignment, user: User) -> list[dict[str, str]]:
    count = Scope.objects.filter(lineage__contains=[row.scope_id], deleted_at__isnull=True).count() - 1
    where = f"{row.scope.get_kind_display()} {row.scope.name}"
    if count:
        where = _("%(scope)s and what is below it (%(count)d)") % {"scope": where, "count": count}
    items = [{"label": row.role.label, "detail": where}]
    if not is_found(row):
        return [*items, {"label": _("Nobody loses anything"), "detail": _("Identity not found: it gives nothing.")}]
    people = Membership.objects.filter(group=row.principal_id, user__blocked_at__isnull=True)
    names = list(people.order_by("user__sign_in_name").values_list("user__sign_in_name", flat=True)[:_MOST_NAMES])
    number = people.count()
    if not knows(row, user):  # on behalf, another partner's people have no names (DOMAIN §5)
        names = [_("another partner")]
    text = ", ".join(names)
    if number > len(names) and knows(row, user):
        text = _("%(names)s and %(count)d more") % {"names": text, "count": number - len(names)}
    refused = _("They are refused with the next request, also where they are signed in now.")
    return [*items, {"label": _("Who loses it: %(count)d") % {"count": number}, "detail": f"{text}. {refused}"}]


def _remains(row: AzureAssignment, user: User) -> list[dict[str, str]]:
    """Other Azure roles of the same principal, and of the same partner, each with the link that ends it."""
    same = Q(principal=row.principal_id) if row.pair_id is None else Q(pair=row.pair_id)
    rows = AzureAssignment.objects.filter(AzureAssignment.in_force(), same, tenant=row.tenant_id).exclude(pk=row.pk)
    rows = rows.select_related("scope__tenant", "principal__person", "pair").order_by("started_at", "pk")
    items = []
    for other in rows[:MOST_LISTED]:
        detail = f"{other.scope.name} · {principal_name(other, user)}"
        url = reverse("azure-assignment-remove", args=[other.scope.tenant.slug, other.pk])
        items.append({"label": other.role.label, "detail": detail, "url": url, "link": pgettext("verb", "Open")})
    return items


def deletion(scope: Scope, user: User) -> dict[str, Any]:
    """What deleting a scope ends: what is in it, and every role that is assigned there."""
    inside = Scope.objects.filter(lineage__contains=[scope.pk], deleted_at__isnull=True)
    number = inside.count() - 1
    ends = [{"label": scope.name, "detail": str(scope.get_kind_display())}]
    if number:
        text = ngettext("%(count)d resource", "%(count)d resources", number) % {"count": number}
        ends.append({"label": text, "detail": _("Everything that is in it.")})
    rows = AzureAssignment.objects.filter(AzureAssignment.in_force(), scope__lineage__contains=[scope.pk])
    rows = rows.select_related("scope", "pair").order_by("started_at", "pk")
    ends += [
        {"label": row.role.label, "detail": f"{principal_name(row, user)} · {row.scope.name}"}
        for row in rows[:MOST_LISTED]
    ]
    remains = [{"label": _("Roles inherited from above"), "detail": _("They go on reaching what else is there.")}]
    return {"ends": ends, "remains": remains}
