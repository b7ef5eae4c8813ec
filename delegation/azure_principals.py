"""To whom a role can be given, and what a partner's person opens of a customer's Azure (DOMAIN §8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from delegation.models import AzureAssignment
from portal import access, catalogue, hooks
from portal.access import Rights
from portal.models import Pair, Scope, SecurityGroup, Tenant, User
from relationships import catalogue as types

_MOST_WORDS = 5
MOST_HITS = 10


@dataclass(frozen=True)
class Principal:
    """Somebody to whom a role can be given: a group, or a person by the group of one."""

    uid: str
    name: str
    note: str


def principals_of(user: User, tenant: Tenant) -> QuerySet[SecurityGroup]:
    """Whom one may choose: the tenant's own people and groups, and those of partners in a relationship with it."""
    pairs = Pair.objects.filter(customer=tenant, started_at__isnull=False, ended_at__isnull=True)
    of_some = Q(tenant=tenant) | Q(tenant__in=pairs.values("partner"))
    rows = SecurityGroup.objects.filter(of_some).exclude(kind=SecurityGroup.Kind.EVERYONE)
    return rows.filter(Q(person__isnull=True) | Q(person__deleted_at__isnull=True)).select_related("tenant", "person")


def principals(user: User, tenant: Tenant, words: str, *, sees_people: bool) -> list[Principal]:
    """The first few that some words find: by name, sign-in name or the partner's name; without words the agents.

    On behalf, other partners are found by their whole name only (DOMAIN §5), and who doesn't see the tenant's people
    (`sees_people`) finds one by the whole sign-in name.
    """
    text = words.strip()
    rows = principals_of(user, tenant)
    if user.tenant_id != tenant.pk:
        rows = rows.filter(Q(tenant__in=[tenant.pk, user.tenant_id]) | Q(tenant__display_name__iexact=text))
    if not sees_people:
        rows = rows.exclude(Q(tenant=tenant, person__isnull=False) & ~Q(person__sign_in_name__iexact=text))
    if not text:
        rows = rows.filter(kind=SecurityGroup.Kind.ADMIN_AGENTS).exclude(tenant=tenant)
    for word in text.split()[:_MOST_WORDS]:
        person = Q(person__display_name__icontains=word) | Q(person__sign_in_name__icontains=word)
        named = Q(person__isnull=True, name__icontains=word)
        rows = rows.filter(person | named | Q(person__isnull=True, tenant__display_name__icontains=word))
    order = rows.order_by("person_id", "tenant__display_name", "name")
    return [described(group, tenant) for group in order[:MOST_HITS]]


def described(group: SecurityGroup, tenant: Tenant) -> Principal:
    """A principal as one chooses it."""
    name = group.person.display_name if group.person else group.name
    kind = group.person.sign_in_name if group.person else _("Group")
    note = kind if group.tenant_id == tenant.pk else f"{kind} · {group.tenant.display_name}"
    return Principal(str(group.uid), name, note)


def to_reinstate(scope: Scope, user: User) -> QuerySet[Pair]:
    """Partners in a relationship whose AdminAgents isn't Owner here or above; on behalf the own one only."""
    pairs = Pair.objects.filter(customer=scope.tenant_id, started_at__isnull=False, ended_at__isnull=True)
    if user.tenant_id != scope.tenant_id:
        pairs = pairs.filter(partner=user.tenant_id)
    held = AzureAssignment.objects.filter(
        AzureAssignment.in_force(),
        scope__in=scope.lineage,
        role_id=catalogue.AZURE_OWNER,
        pair=OuterRef("pk"),
        principal__kind=SecurityGroup.Kind.ADMIN_AGENTS,
    )
    return pairs.filter(~Exists(held)).order_by("partner_key", "pk")


def services(user: User, pair: Pair, _rights: Rights) -> Iterator[hooks.Service]:
    """*Azure subscriptions* of a customer, for whoever holds an Azure role there; accepting gives none (DOMAIN §8)."""
    held = access.scope_rights(user, pair.customer).paths
    name = _("Azure subscriptions")
    if held:
        roles = ", ".join(sorted({path.role_label for path in held}))
        yield hooks.Service(name, reverse("azure", args=[pair.customer.slug]), True, _("as %(role)s") % {"role": roles})
    else:
        yield hooks.Service(name, "", False, _("Needs an Azure role at one of their subscriptions."))


def resells(pair: Pair) -> bool:
    """Whether the partner may provision subscriptions for this customer: it has a reseller relationship with it."""
    kinds = (types.RESELLER, types.INDIRECT_RESELLER)
    return pair.is_in_force and pair.relationships.filter(ended_at__isnull=True, partner_type__in=kinds).exists()
