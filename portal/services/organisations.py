"""Organisations: founding, partner profiles, domains, names; pairs of a partner and a customer."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.conf import settings
from django.db.models import Func, Q
from django.utils.translation import gettext_lazy as _

from portal import access, audit, catalogue, clock, search
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Domain, Pair, PartnerProfile, SecurityGroup, Tenant, User
from portal.services import people
from portal.writes import writes

RESERVED_LABELS = frozenset(
    """
    admin administrator api app assets billing cloud help id login mail mandate operator portal postmaster root
    security signin sign-in static status support system www
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_FOLD = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z", "-": ""})


def skeleton(label: str) -> str:
    """What a label looks like at a glance: two labels with one skeleton are confusable (DOMAIN §2)."""
    return label.lower().replace("rn", "m").replace("vv", "w").replace("cl", "d").translate(_FOLD)


def check_label(label: str) -> str:
    """The first part of a new default domain, checked; raises Refused with the reason."""
    label = label.strip().lower()
    if not _LABEL.fullmatch(label) or label.startswith("xn--"):
        raise Refused(_("Use letters a–z, digits and hyphens, at most 63."), field="label")
    if label in RESERVED_LABELS:
        raise Refused(_("This name is reserved. Choose another one."), field="label")
    folded = skeleton(label)
    for taken in Tenant.objects.values_list("slug", flat=True).iterator():
        if skeleton(taken) == folded:
            raise Refused(_("This name is taken, or looks too much like one that is."), field="label")
    return label


@writes
def create_organisation(
    *,
    display_name: str,
    label: str,
    country: str,
    language: str,
    administrator: dict[str, Any],
    is_demo: bool = False,
) -> tuple[Tenant, User]:
    """Found a tenant with its first user, who is its Global Administrator (DOMAIN §2).

    `administrator` holds display_name, contact_address (confirmed by the caller), and local_part or sign_in_name,
    optionally password. Raises Refused for a name that is reserved, taken or confusable.
    """
    label = check_label(label)
    now = clock.now()
    tenant = Tenant.objects.create(
        slug=label,
        display_name=display_name,
        default_domain=f"{label}.{settings.MANDATE_PLATFORM_SUFFIX}",
        country=country,
        language=language,
        is_demo=is_demo,
        created_at=now,
    )
    people.create_group(tenant, SecurityGroup.Kind.EVERYONE, "Everyone")
    person = people.add_person(
        tenant,
        sign_in_name=administrator.get("sign_in_name") or f"{administrator['local_part']}@{tenant.default_domain}",
        display_name=administrator["display_name"],
        contact_address=administrator["contact_address"],
        language=language,
        password=administrator.get("password"),
        is_activated=True,
    )
    audit.record("organisation.created", actor=person, tenant=tenant, target=tenant, after={"name": display_name})
    people.give_role(person, catalogue.GLOBAL_ADMINISTRATOR, actor=person)
    return tenant, person


@writes
def become_partner(*, tenant: Tenant, actor: User, channel_role: str, is_oem: bool = False) -> PartnerProfile:
    """Fill in a partner profile; it counts once an operator approved it (at once where the setting says so).

    Raises PermissionDenied without `partner_profile.manage`, Refused if there is one already.
    """
    Tenant.objects.select_for_update().get(pk=tenant.pk)  # before the path, as everywhere: no deadlock
    decision = access.require(actor, Capability.PARTNER_PROFILE_MANAGE, tenant)
    if PartnerProfile.objects.filter(tenant=tenant).exists():
        raise Refused(_("This organisation has a partner profile already."))
    now = clock.now()
    profile = PartnerProfile.objects.create(
        tenant=tenant,
        partner_number=_free_partner_number(),
        channel_role=channel_role,
        is_oem=is_oem,
        created_at=now,
        approved_at=None if settings.MANDATE_PARTNERS_APPROVED_BY_OPERATOR else now,
    )
    for kind in SecurityGroup.DELEGATING:
        people.create_group(tenant, kind, str(SecurityGroup.Kind(kind).label))
    audit.record(
        "partner_profile.created",
        actor=actor,
        tenant=tenant,
        target=profile,
        decision=decision,
        after={"channel_role": channel_role, "is_oem": is_oem, "approved": profile.approved_at is not None},
    )
    return profile


def _free_partner_number() -> str:
    while True:
        number = str(1_000_000 + secrets.randbelow(9_000_000))
        if not PartnerProfile.objects.filter(partner_number=number).exists():
            return number


@writes
def add_verified_domain(*, tenant: Tenant, name: str) -> Domain:
    """Record a domain as verified, by the operator or after a proof. Raises Refused if another tenant has it."""
    name = name.strip().lower()
    if Domain.objects.filter(name__iexact=name, verified_at__isnull=False).exclude(tenant=tenant).exists():
        raise Refused(_("Another organisation has verified this domain."), field="name")
    domain, _created = Domain.objects.update_or_create(
        tenant=tenant,
        name=name,
        defaults={"verified_at": clock.now()},
        create_defaults={"verified_at": clock.now(), "added_at": clock.now()},
    )
    audit.record("domain.verified", actor=None, tenant=tenant, target=domain)
    return domain


def domains_of(tenant: Tenant) -> list[str]:
    """The default domain and the verified ones: the only domains that count (DOMAIN §1)."""
    verified = Domain.objects.filter(tenant=tenant, verified_at__isnull=False).order_by("name")
    return [tenant.default_domain, *verified.values_list("name", flat=True)]


def tenant_of_domain(name: str) -> Tenant | None:
    """The tenant whose default or verified domain this is."""
    name = name.strip().lower()
    return Tenant.objects.filter(
        Q(default_domain=name) | Q(domains__name__iexact=name, domains__verified_at__isnull=False)
    ).first()


# ── pairs: callers are inside a write and have checked the right ──


def lock_pair(partner: Tenant, customer: Tenant) -> Pair:
    """The pair's row, locked until the commit; made if there is none (two at once get one)."""
    Pair.objects.bulk_create(
        [
            Pair(
                partner=partner,
                customer=customer,
                customer_name=customer.display_name,
                customer_key=search.key(customer.display_name),
                customer_domain=customer.default_domain,
                partner_name=partner.display_name,
                partner_key=search.key(partner.display_name),
                search=_pair_vector(partner, customer),
            )
        ],
        ignore_conflicts=True,
    )
    return (
        Pair.objects.select_for_update(of=("self",))
        .select_related("partner", "customer")
        .get(partner=partner, customer=customer)
    )


def _pair_vector(partner: Tenant, customer: Tenant) -> Func:
    return search.vector(
        search.lexemes(partner.pk, customer.display_name, *domains_of(customer))
        + search.lexemes(customer.pk, partner.display_name)
    )


def start_pair(pair: Pair) -> None:
    """A first relationship is in force: by default all of the partner's groups work for this customer.

    A limit from an earlier time stays: nothing widens by itself (DOMAIN §2).
    """
    if pair.is_in_force:
        return
    pair.started_at, pair.ended_at = clock.now(), None
    pair.save(update_fields=["started_at", "ended_at"])
    if not pair.grants.exists():
        everyone = SecurityGroup.objects.get(tenant_id=pair.partner_id, kind=SecurityGroup.Kind.EVERYONE)
        access.grant_pair(pair, [everyone.pk], source="default")


def end_pair(pair: Pair) -> None:
    """The last relationship ended: the partner's people are strangers from here on."""
    pair.ended_at = max(clock.now(), pair.started_at or clock.now())
    pair.save(update_fields=["ended_at"])


def rename_copies(tenant: Tenant) -> None:
    """Bring the copies of a tenant's name in its pairs up to date, in sets."""
    name, sort_key = tenant.display_name, search.key(tenant.display_name)
    Pair.objects.filter(customer=tenant).update(
        customer_name=name, customer_key=sort_key, customer_domain=tenant.default_domain
    )
    Pair.objects.filter(partner=tenant).update(partner_name=name, partner_key=sort_key)
    for pair in Pair.objects.filter(Q(customer=tenant) | Q(partner=tenant)).select_related("partner", "customer"):
        Pair.objects.filter(pk=pair.pk).update(search=_pair_vector(pair.partner, pair.customer))
