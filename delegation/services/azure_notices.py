"""Who is told what about Azure (DOMAIN §16): always security, always the customer's own Global Administrators."""

from __future__ import annotations

from django.urls import reverse

from delegation.models import AzureAssignment, AzureElevation
from delegation.services import azure_rows as rows
from portal import notices
from portal.models import Tenant, User


def tell_elevated(elevation: AzureElevation, tenant: Tenant) -> None:
    """Somebody made themselves User Access Administrator of all subscriptions."""
    notices.tell(
        "azure_elevated",
        notices.global_administrators(tenant.pk),
        tenant=tenant,
        about=elevation,
        path=reverse("azure", args=[tenant.slug]),
        person=elevation.user.display_name,
        person_name=str(elevation.user),
        organisation=tenant.display_name,
        until=elevation.until,
    )


def tell_given(assignment: AzureAssignment, actor: User) -> None:
    """A partner's group, or one of its people, got a privileged role at one of the customer's scopes."""
    pair = assignment.pair
    if pair is None:
        return
    customer = pair.customer
    notices.tell(
        "azure_role_given",
        notices.global_administrators(customer.pk),
        tenant=customer,
        about=assignment,
        path=reverse("partner-relationship", args=[customer.slug, pair.pk]),
        partner=pair.partner_name,
        principal=assignment.principal_name,
        role=assignment.role.name,
        place=rows.place(assignment.scope),
        by=actor.display_name,
        by_name=str(actor),
        organisation=customer.display_name,
    )
