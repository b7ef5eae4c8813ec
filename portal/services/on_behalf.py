"""The notice of a partner's first sign-in on behalf of a day, which a customer can switch on (DOMAIN §16)."""

from __future__ import annotations

from datetime import UTC

from django.db.models import Q
from django.urls import reverse

from portal import access, audit, clock, notices
from portal.access import Decision, Rights
from portal.catalogue import Capability
from portal.models import Pair, Tenant, User
from portal.writes import writes


@writes
def switch_notice(*, tenant: Tenant, actor: User, is_on: bool) -> Tenant:
    """Switch the notice on or off; as it is already changes nothing.

    Raises PermissionDenied without `organisation.edit`, which nobody has on behalf.
    """
    tenant = Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk)
    decision = access.require(actor, Capability.ORGANISATION_EDIT, tenant)
    before = tenant.has_on_behalf_notice
    if before == is_on:
        return tenant
    tenant.has_on_behalf_notice = is_on
    tenant.save(update_fields=["has_on_behalf_notice"])
    audit.record(
        "organisation.on_behalf_notice_on" if is_on else "organisation.on_behalf_notice_off",
        actor=actor,
        tenant=tenant,
        target=tenant,
        decision=decision,
    )
    return tenant


@writes
def tell_of_first(*, actor: User, customer: Tenant, rights: Rights) -> bool:
    """Tell the customer's Global Administrators that this partner's people work there today; whether it was the first.

    Once for each customer, partner and day (UTC), however many sign in at once: the pair's row is claimed.
    """
    today = clock.now().astimezone(UTC).date()
    unheard = Q(on_behalf_noticed_on__isnull=True) | Q(on_behalf_noticed_on__lt=today)
    pair = Pair.objects.filter(unheard, partner_id=actor.tenant_id, customer=customer)
    if not pair.update(on_behalf_noticed_on=today):
        return False
    row = Pair.objects.get(partner_id=actor.tenant_id, customer=customer)
    audit.record(
        "on_behalf.first_of_day",
        actor=actor,
        tenant=customer,
        target=row,
        decision=Decision(Capability.ACCOUNT_VIEW, customer.pk, rights.paths),
    )
    notices.tell(
        "on_behalf_first_of_day",
        notices.global_administrators(customer.pk),
        tenant=customer,
        about=row,
        path=reverse("audit-log", args=[customer.slug]),
        partner=row.partner_name,
        organisation=customer.display_name,
        by=actor.display_name,
        by_name=str(actor),
        roles=sorted({path.role_name for path in rights.paths}),
        at=clock.now(),
    )
    return True
