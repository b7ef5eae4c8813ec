"""The partner's side of a GDAP request: draft, edit, delete, lock, withdraw (DOMAIN §6)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from delegation import catalogue, gdap_offers, gdap_resellers, gdap_texts
from delegation.models import GdapAssignment, GdapCounterOffer, GdapRelationship, GdapRole
from delegation.services import gdap_notices
from delegation.services import gdap_rows as rows
from delegation.services.gdap_rows import Reason, Status
from portal import access, clock, search
from portal import catalogue as roles_table
from portal.catalogue import Capability
from portal.errors import Conflict, Refused
from portal.models import Pair, Tenant, User
from portal.services import organisations
from portal.writes import writes
from relationships.letters import check_text
from relationships.models import LANGUAGES

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_LONGEST_REASON = 500
_DEFAULTS: dict[str, Any] = {
    "display_name": "",
    "duration_days": catalogue.MOST_DAYS,
    "auto_extend": False,
    "roles": {},
    "customer": None,
    "customer_name": "",
    "customer_address": "",
    "limited_to_domain": "",
    "language": "en",
    "template_version": None,
    "reseller": None,
}


def capability_for(row: GdapRelationship) -> Capability:
    """Who asks: for renewals and amendments whoever may extend, else whoever may request."""
    return Capability.GDAP_EXTEND if row.replaces_id else Capability.GDAP_REQUEST


@writes
def create_request(
    *, partner: Tenant, actor: User, replaces: GdapRelationship | None = None, **options: Any
) -> GdapRelationship:
    """A draft, which only the partner sees.

    Options: display_name (1–50, unique over all of the partner's, ignoring case), duration_days (1–730), auto_extend,
    roles (id → reason, which a privileged one needs), language, template_version (of the partner's own, from which
    it is made), and for whom: customer (a tenant the partner has, or had, a relationship with), limited_to_domain
    (whoever has verified it), customer_name and customer_address (for the message), or nothing: whoever opens the link
    first. `replaces` makes it an amendment or renewal of that one. With `reseller` an indirect provider asks through
    that one, whose customer it is and which answers first.
    Raises PermissionDenied without `gdap.request` (`gdap.extend` with `replaces`), Refused with the field that doesn't
    fit, and where the partner isn't approved or the customer takes no requests.
    """
    row = GdapRelationship(partner=partner, created_by=actor, created_at=clock.now(), replaces=replaces)
    asked = replaces if replaces is not None else partner
    decision = access.require(actor, capability_for(row), asked)
    require_approved(partner)
    if replaces is not None:
        options["customer"], options["reseller"] = _replaced(partner, replaces), replaces.reseller
    chosen = _set_options(row, {**_DEFAULTS, **options})
    _require_for_customer(row, actor)
    _save(row, chosen)
    rows.record("gdap.created", row, actor, decision, after=_seen(row))
    return row


@writes
def edit_request(*, relationship: GdapRelationship, actor: User, version: int, **options: Any) -> GdapRelationship:
    """Change a draft's options; roles are given as a whole. Planned assignments lose the roles no longer asked for.

    `version` is that of the page. Raises Conflict where somebody changed it since, else as `create_request`.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    rows.require_status(row, Status.CREATED)
    if row.version != version:
        raise Conflict(_("Somebody changed this draft since you opened it. Look at it again."))
    before = _seen(row)
    if row.replaces_id:
        options["customer"], options["reseller"] = row.customer, row.reseller
    chosen = _set_options(row, {**_present(row), **options})
    _require_for_customer(row, actor)
    row.version += 1
    row.roles.all().delete()
    _save(row, chosen)
    _trim_plans(row, set(chosen))
    rows.record("gdap.edited", row, actor, decision, before=before, after=_seen(row))
    return row


@writes
def delete_request(*, relationship: GdapRelationship, actor: User) -> None:
    """Delete a draft; its name is free again. Raises PermissionDenied, Refused for anything but a draft."""
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    rows.require_status(row, Status.CREATED)
    rows.record("gdap.deleted", row, actor, decision, before=_seen(row))
    row.assignments.all().delete()
    row.roles.all().delete()
    row.delete()


@writes
def lock_request(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """*Lock for approval*: frozen with its text from here on, its link works, it lapses 90 × 24 hours later.
    Repeating changes nothing.

    Raises PermissionDenied, Refused where it has ended, for a text that may not go out, and where the partner isn't
    approved or the customer has blocked it.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    if row.status_now == Status.APPROVAL_PENDING:
        return row
    rows.require_status(row, Status.CREATED)
    require_approved(row.partner)
    require_unblocked(row)
    require_reseller(row)
    gdap_texts.with_text(row)
    check_text(row, row.subject, row.body)
    row.status = Status.APPROVAL_PENDING
    row.locked_at, row.locked_by = clock.now(), actor
    row.lapses_at = row.locked_at + catalogue.PENDING
    row.save(update_fields=["status", "subject", "body", "locked_at", "locked_by", "lapses_at"])
    rows.record("gdap.locked", row, actor, decision, until=row.lapses_at)
    gdap_notices.tell_reseller("gdap_reseller_asked", row, by=gdap_notices.who(actor), until=row.lapses_at)
    return row


@writes
def withdraw_request(*, relationship: GdapRelationship, actor: User) -> GdapRelationship:
    """Take a pending request back, now. Withdrawing a withdrawn one changes nothing.

    Raises PermissionDenied, Refused where it was answered or has lapsed.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, capability_for(row), row)
    if row.end_reason == Reason.WITHDRAWN:
        return row
    rows.require_status(row, Status.APPROVAL_PENDING)
    close_pending(row, actor, Reason.WITHDRAWN)
    rows.record("gdap.withdrawn", row, actor, decision)
    return row


def close_pending(row: GdapRelationship, actor: User, reason: Reason, note: str = "") -> None:
    """Part of a withdrawal, a decline or a reseller's rejection: an open counter-offer lapses with the request."""
    row.counter_offers.filter(state=GdapCounterOffer.State.OPEN).update(state=GdapCounterOffer.State.LAPSED)
    row.status, row.end_reason, row.end_note = Status.TERMINATED, reason, note[:_LONGEST_REASON]
    row.ended_at, row.ended_by = clock.now(), actor
    answered = ("reseller_answer", "reseller_answered_at", "reseller_answered_by")
    row.save(update_fields=["status", "end_reason", "end_note", "ended_at", "ended_by", "customer", "pair", *answered])


# ── rules ──


def require_approved(partner: Tenant) -> None:
    """Raises Refused for a partner that isn't approved, or is disabled."""
    if not gdap_offers.is_partner_in_force(partner.pk):
        raise Refused(_("Your partner profile is not approved. Requests can be made once an operator approves it."))


def require_unblocked(row: GdapRelationship) -> None:
    """DOMAIN §4: raises Refused for a customer that takes no requests from this partner."""
    domain = row.limited_to_domain or row.customer_address.rpartition("@")[2].lower()
    customer = row.customer or (organisations.tenant_of_domain(domain) if domain else None)
    if customer and gdap_offers.is_blocked(row.partner_id, customer.pk):
        raise Refused(_("This customer doesn't accept requests from your organisation."), field="customer")


def require_reseller(row: GdapRelationship) -> None:
    """Raises Refused where it is asked through another than the customer's reseller, or not by an indirect provider."""
    if row.reseller is None:
        return
    if not gdap_resellers.is_provider(row.partner):
        raise Refused(_("Only indirect providers ask through a reseller."), field="reseller")
    if row.customer is None or row.customer == row.partner or not gdap_resellers.sells_to(row.reseller, row.customer):
        message = _("No indirect reseller with this partner ID has a customer with this domain.")
        raise Refused(message, field="reseller")


def _require_for_customer(row: GdapRelationship, actor: User) -> None:
    """Raises PermissionDenied where none of the actor's groups works for the customer that was chosen."""
    if row.pair is not None:
        access.require(actor, capability_for(row), row.pair)


def _replaced(partner: Tenant, replaces: GdapRelationship) -> Tenant | None:
    old = GdapRelationship.objects.select_related("customer").get(pk=replaces.pk)
    if old.partner_id != partner.pk or old.status_now not in (Status.ACTIVE, Status.EXPIRED):
        raise Refused(_("Only a relationship that is active or has expired can be amended or renewed."))
    return old.customer


def _set_options(row: GdapRelationship, options: dict[str, Any]) -> dict[str, str]:
    """Take over options, checked; the roles with their reasons. Raises Refused with the field that doesn't fit."""
    unknown = set(options) - set(_DEFAULTS)
    if unknown:
        raise TypeError(f"no such options: {sorted(unknown)}")
    chosen = checked_roles(options.pop("roles"))
    for name, value in options.items():
        setattr(row, name, value)
    row.display_name, row.name_key = check_name(row.partner, row.display_name, row.pk)
    days = row.duration_days
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= catalogue.MOST_DAYS:
        raise Refused(_("Choose a whole number of days from 1 to 730."), field="duration_days")
    if row.auto_extend:
        rows.refuse_lasting_full_control(list(chosen))
    if row.language not in dict(LANGUAGES):
        raise Refused(_("Choose one of the languages."), field="language")
    if row.template_version is not None and row.template_version.template.partner_id != row.partner_id:
        raise Refused(_("Choose one of your own templates."), field="template")
    _check_customer(row)
    return chosen


def check_name(partner: Tenant, text: str, own: UUID | None = None) -> tuple[str, str]:
    """A name as it is kept, and its key; `own` is the relationship that may have it. Raises Refused."""
    name = " ".join(str(text).split())
    if not 1 <= len(name) <= catalogue.MOST_NAME or any(unicodedata.category(char)[0] == "C" for char in name):
        raise Refused(_("Give it a name of 1 to 50 characters."), field="display_name")
    key = search.key(name)
    taken = GdapRelationship.objects.filter(partner=partner, name_key=key)
    if own is not None:
        taken = taken.exclude(pk=own)
    if taken.exists():
        raise _taken()
    return name, key


def _taken() -> Refused:
    message = _("Another of your relationships has, or had, this name. Names stay taken, whatever their letter case.")
    return Refused(message, field="display_name")


def checked_roles(chosen: Mapping[str, str]) -> dict[str, str]:
    """Roles with their reasons, tidied. Raises Refused for none, for what can't be asked for, for a missing reason."""
    if not chosen:
        raise Refused(_("Choose at least one role."), field="roles")
    found = {}
    for role_id, reason in chosen.items():
        role = catalogue.requestable().get(role_id)
        if role is None:
            known = roles_table.roles().get(role_id)
            message = _("This role can't be asked for: %(role)s.")
            raise Refused(message, field="roles", role=[known.name] if known else role_id)
        text = " ".join(str(reason).split())
        if role.is_privileged and not text:
            raise Refused(_("Say why you need the privileged role %(role)s."), field="roles", role=[role.name])
        if len(text) > _LONGEST_REASON:
            raise Refused(_("A reason has 500 characters at most."), field="roles")
        found[role_id] = text
    return found


def _check_customer(row: GdapRelationship) -> None:
    answers = GdapRelationship.ResellerAnswer
    row.reseller_answer = answers.NONE if row.reseller is None else answers.PENDING
    require_reseller(row)
    row.limited_to_domain = row.limited_to_domain.strip().lower()
    row.pair = None
    if row.customer is not None:
        row.pair = Pair.objects.filter(partner=row.partner, customer=row.customer, started_at__isnull=False).first()
        if row.pair is None and row.reseller is None:
            raise Refused(_("Choose one of your customers, or name the domain."), field="customer")
        row.customer_name = row.customer.display_name
    domain = row.limited_to_domain
    if len(domain) > 253 or (domain and not _DOMAIN.fullmatch(domain)):
        raise Refused(_("This is not a domain."), field="limited_to_domain")
    if row.customer_address:
        try:
            validate_email(row.customer_address)
        except ValidationError:
            raise Refused(_("This is not an e-mail address."), field="customer_address") from None
    require_unblocked(row)


def _save(row: GdapRelationship, chosen: Mapping[str, str]) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as taken:
        if "gdap_name_once_per_partner" not in str(taken):
            raise
        raise _taken() from taken
    GdapRole.objects.bulk_create(
        [GdapRole(relationship=row, role_id=role_id, reason=reason) for role_id, reason in chosen.items()]
    )
    search.store(row, row.partner_id, row.display_name, row.customer_name)


def _trim_plans(row: GdapRelationship, role_ids: set[str]) -> None:
    for plan in row.assignments.exclude(state=GdapAssignment.State.DELETED):
        kept = [role_id for role_id in plan.role_ids if role_id in role_ids]
        if not kept:
            plan.delete()
        elif kept != plan.role_ids:
            plan.role_ids, plan.version = kept, plan.version + 1
            plan.save(update_fields=["role_ids", "version"])


def _present(row: GdapRelationship) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in _DEFAULTS if name != "roles"}
    return {**found, "roles": dict(row.roles.values_list("role_id", "reason"))}


def _seen(row: GdapRelationship) -> dict[str, Any]:
    """A draft as its audit rows show it."""
    return {
        "name": row.display_name,
        "days": row.duration_days,
        "auto_extend": row.auto_extend,
        "customer": row.customer_name or row.limited_to_domain,
        **({"reseller": row.reseller.display_name} if row.reseller else {}),
        "roles": rows.names_of(row.roles.values_list("role_id", flat=True)),
    }
