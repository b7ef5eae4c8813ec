"""What stands in the way of answering a GDAP request (DOMAIN §6): the same for its page and for the services."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship
from portal.catalogue import Capability
from portal.models import Pair, PartnerProfile, Tenant, User
from portal.services import organisations
from relationships.offers import Obstacle, approvers_of

Status = GdapRelationship.Status
#: One message each; an organisation with more approvers has them tell each other.
MOST_RECIPIENTS = 10


def is_partner_in_force(partner_id: object) -> bool:
    """Approved by the operator, neither its profile nor its tenant disabled."""
    return PartnerProfile.objects.filter(
        tenant=partner_id, approved_at__isnull=False, disabled_at__isnull=True, tenant__disabled_at__isnull=True
    ).exists()


def is_blocked(partner_id: object, customer_id: object) -> bool:
    """Whether the customer takes no requests from this partner (DOMAIN §4)."""
    return Pair.objects.filter(partner=partner_id, customer=customer_id, blocked_at__isnull=False).exists()


def obstacle(relationship: GdapRelationship, customer: Tenant | None = None) -> Obstacle | None:
    """Why it can't be answered now; with `customer`, also why not by this organisation. None: it can."""
    return _closed(relationship) or (_not_for(relationship, customer) if customer is not None else None)


def _closed(relationship: GdapRelationship) -> Obstacle | None:
    status = Status(relationship.status_now)
    if status == Status.CREATED:
        message = _("The sender is still writing this request. Try again later.")
        return Obstacle("created", _("Not open yet"), message)
    if status == Status.ACTIVE:
        return Obstacle("active", _("Approved already"), _("This request was approved; the roles are in force."))
    if status != Status.APPROVAL_PENDING:
        return Obstacle(str(status), _("This request is closed"), relationship.status_label)
    if not is_partner_in_force(relationship.partner_id):
        return Obstacle(
            "partner",
            _("This partner can't be accepted now"),
            _("The organisation that asks is not an approved partner at present."),
        )
    return None


def _not_for(relationship: GdapRelationship, customer: Tenant) -> Obstacle | None:
    if customer.pk == relationship.partner_id:
        return Obstacle(
            "own", _("This is your own request"), _("A partner can't accept for itself: the customer opens this link.")
        )
    domain = relationship.limited_to_domain
    known = relationship.customer_id
    domains = {name.lower() for name in organisations.domains_of(customer)} if domain else set()
    if (known is not None and known != customer.pk) or (domain and domain not in domains):
        return Obstacle(
            "other",
            _("This request is for another organisation"),
            _("Only the organisation that it was sent to, or that answered it first, can answer it."),
        )
    if is_blocked(relationship.partner_id, customer.pk):
        return Obstacle(
            "blocked",
            _("Your organisation has blocked this partner"),
            _("Its requests can't be accepted until a Global Administrator lifts the block on Partner relationships."),
        )
    return None


def recipients(relationship: GdapRelationship) -> list[str | User]:
    """Whom the portal can send the request to: the address it names, else the known customer's approvers."""
    if relationship.customer_address:
        return [relationship.customer_address]
    if relationship.customer is None:
        return []
    people = approvers_of(Capability.GDAP_APPROVE, relationship.partner_id, relationship.customer)
    return [person for person in people if person.contact_confirmed_at is not None][:MOST_RECIPIENTS]
