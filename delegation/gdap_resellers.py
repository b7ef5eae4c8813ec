"""Requests that an indirect provider makes through a reseller: who is asked, and what waits there (DOMAIN §6, §13)."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship
from portal import access, clock, hooks
from portal.catalogue import Capability as Can
from portal.models import ChannelRole, Pair, PartnerProfile, Tenant, User
from portal.services import organisations
from relationships.models import Relationship
from relationships.offers import Obstacle

Answer = GdapRelationship.ResellerAnswer
#: Types of relationship by which a reseller sells to a customer.
_SELLING = ("reseller", "indirect_reseller")
_MOST_COUNTED = 100


def is_provider(partner: Tenant) -> bool:
    """Whether it may ask through resellers."""
    return _plays(partner, ChannelRole.INDIRECT_PROVIDER)


def is_reseller(partner: Tenant) -> bool:
    """Whether providers may ask through it."""
    return _plays(partner, ChannelRole.INDIRECT_RESELLER)


def _plays(partner: Tenant, role: ChannelRole) -> bool:
    profile = partner.partner_profile
    return profile is not None and profile.channel_role == role


def sells_to(reseller: Tenant, customer: Tenant) -> bool:
    """Whether an approved indirect reseller has a reseller relationship in force with the customer."""
    profiles = PartnerProfile.objects.filter(
        tenant=reseller, channel_role=ChannelRole.INDIRECT_RESELLER, approved_at__isnull=False, disabled_at=None
    )
    sold = Relationship.objects.filter(
        partner=reseller, customer=customer, partner_type__in=_SELLING, ended_at=None, partner__disabled_at=None
    )
    return profiles.exists() and sold.exists()


def find(number: str, domain: str) -> tuple[Tenant, Tenant] | None:
    """The reseller with this partner ID and its customer with this domain; None where the two don't belong together.

    One answer for whatever is wrong: nobody learns from it who is whose customer.
    """
    reseller = Tenant.objects.filter(profile__partner_number=number).first()
    customer = organisations.tenant_of_domain(domain)
    if reseller is None or customer is None or not sells_to(reseller, customer):
        return None
    return reseller, customer


def obstacle(relationship: GdapRelationship) -> Obstacle | None:
    """Why the customer can't answer a pending request through a reseller, if it can't."""
    reseller, customer = relationship.reseller, relationship.customer
    if reseller is None or customer is None:
        return None
    if relationship.reseller_answer == Answer.PENDING:
        message = _("Your reseller %(reseller)s decides first whether it is asked of you.")
        return Obstacle("reseller", _("Not open yet"), message % {"reseller": reseller.display_name})
    if not sells_to(reseller, customer):
        message = _("%(reseller)s, through which the partner asked, is not your reseller any more.")
        return Obstacle("reseller", _("This can’t be approved now"), message % {"reseller": reseller.display_name})
    return None


# ── the reseller's side ──


def asked_of(reseller: Tenant) -> QuerySet[GdapRelationship]:
    """Every request through it, open and past; drafts are the provider's own."""
    return GdapRelationship.objects.filter(reseller=reseller, locked_at__isnull=False)


def visible_to(user: User, reseller: Tenant) -> QuerySet[GdapRelationship]:
    """Those for the customers that this person works for."""
    ours = access.allowing(Pair.objects.filter(partner=reseller), user, Can.GDAP_VIEW)
    return asked_of(reseller).filter(customer__in=ours.values("customer"))


def pair_of(relationship: GdapRelationship) -> Pair:
    """The reseller and the customer: it decides who of the reseller may answer. Raises Pair.DoesNotExist."""
    return Pair.objects.select_related("partner", "customer").get(
        partner=relationship.reseller, customer=relationship.customer
    )


def waiting(user: User, tenant: Tenant, rights: access.Rights) -> list[hooks.Waiting]:
    """Requests that this person may approve for customers, for the start page."""
    if not is_reseller(tenant) or not rights.allows(Can.GDAP_REQUEST):
        return []
    rows = visible_to(user, tenant).filter(
        status="approvalPending", lapses_at__gt=clock.now(), reseller_answer=Answer.PENDING
    )
    count = rows[:_MOST_COUNTED].count()
    url = f"{reverse('gdap-for-customers', args=[tenant.slug])}?status=approvalPending"
    return [hooks.Waiting(_("requests to approve for your customers"), count, url)] if count else []
