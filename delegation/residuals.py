"""What a partner keeps in a customer's tenant, kind by kind: shown before and after removals, ended by the clean exit.

DOMAIN §4, §5, §9. Links lead to the customer's page that ends it. Each finder returns the first ones and how many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from delegation import gdap_pairs
from delegation.models import DapGrant, GdapRelationship
from portal import clock
from portal.hooks import Residual
from portal.models import AuditEntry, Pair, RoleAssignment, User
from relationships.models import DeviceConsent, Relationship

Found = tuple[list[Residual], int]


def _first(rows: QuerySet[Any], most: int | None, one: Callable[[Any], Residual]) -> Found:
    found = [one(row) for row in (rows if most is None else rows[: most + 1])]
    if most is None or len(found) <= most:
        return found, len(found)
    return found[:most], rows.count()


def dap(pair: Pair, most: int | None) -> Found:
    """DAP in force."""
    url = reverse("partner-relationship", args=[pair.customer.slug, pair.pk])
    rows = DapGrant.objects.filter(pair=pair, ended_at__isnull=True)
    return _first(
        rows,
        most,
        lambda row: Residual("dap", _("Delegated admin (DAP)"), "AdminAgents, HelpdeskAgents", url, str(row.pk)),
    )


def gdap(pair: Pair, most: int | None) -> Found:
    """GDAP relationships in force, each with its roles and its end."""
    rows = gdap_pairs.in_force(pair).prefetch_related("roles").order_by("activated_at", "id")
    return _first(rows, most, lambda row: gdap_residual(row, pair.customer.slug))


def gdap_residual(row: GdapRelationship, slug: str) -> Residual:
    """One relationship in force; with the customer's slug it has the page that ends it."""
    names = sorted(role.role.label for role in row.roles.all() if role.is_in_force)
    label = _("Roles by GDAP: %(name)s") % {"name": row.display_name}
    url = reverse("customer-gdap", args=[slug, row.pair_id, row.pk]) if slug else ""
    return Residual("gdap", label, f"{', '.join(names)} · {gdap_pairs.end_words(row)}", url, str(row.pk))


def gdap_requests(pair: Pair, most: int | None) -> Found:
    """Requests for roles by GDAP that wait for this customer's answer."""
    rows = GdapRelationship.objects.pending(clock.now()).filter(partner=pair.partner_id, customer=pair.customer_id)

    def one(row: GdapRelationship) -> Residual:
        until = date_format(localtime(row.lapses_at), "DATE_FORMAT")
        detail = _("to be answered until %(day)s") % {"day": until}
        label = _("Request for admin roles: %(name)s") % {"name": row.display_name}
        return Residual("request", label, detail, reverse("answer-gdap", args=[row.pk]), str(row.pk))

    return _first(rows.order_by("locked_at", "id"), most, one)


def accounts(pair: Pair, most: int | None) -> Found:
    """Accounts and guests that the partner's people made and that can still sign in."""
    rows = User.objects.filter(tenant=pair.customer_id, made_by_partner=pair.partner_id, blocked_at__isnull=True)

    def one(person: User) -> Residual:
        is_guest = person.kind == User.Kind.GUEST
        label = _("Guest account they made") if is_guest else _("Account they made")
        url = reverse("user", args=[pair.customer.slug, person.pk])
        return Residual("guest" if is_guest else "account", label, person.sign_in_name, url, str(person.pk))

    return _first(rows.order_by("sign_in_name"), most, one)


def roles(pair: Pair, most: int | None) -> Found:
    """Explicit roles that the partner's people assigned."""
    rows = RoleAssignment.objects.filter(
        tenant=pair.customer_id, assigned_by_partner=pair.partner_id, ended_at__isnull=True
    ).select_related("user")

    def one(row: RoleAssignment) -> Residual:
        url = reverse("user", args=[pair.customer.slug, row.user_id])
        detail = f"{row.role.label} · {row.user.sign_in_name}"
        return Residual("role", _("Role they assigned"), detail, url, str(row.pk))

    return _first(rows.order_by("started_at", "id"), most, one)


#: Acts after which nothing of the partner's reset is left.
_SET_ANEW = ("password.reset_started", "password.changed")


def resets(pair: Pair, most: int | None) -> Found:
    """People whose password the partner's people had reset last, and when."""
    acts = AuditEntry.objects.filter(tenant=pair.customer_id)
    theirs = acts.filter(action="password.reset_started", actor_tenant_id=pair.partner_id).values("target_id")
    last = acts.filter(action__in=_SET_ANEW, target_id__in=theirs).order_by("target_id", "-seq").distinct("target_id")
    reset_at = {entry.target_id: entry.at for entry in last if entry.actor_tenant_id == pair.partner_id}
    people = User.objects.filter(pk__in=reset_at, tenant=pair.customer_id, blocked_at__isnull=True)

    def one(person: User) -> Residual:
        day = date_format(localtime(reset_at[str(person.pk)]), "DATE_FORMAT")
        detail = _("%(person)s, on %(day)s") % {"person": person.sign_in_name, "day": day}
        url = reverse("user", args=[pair.customer.slug, person.pk])
        return Residual("reset", _("Password reset they started"), detail, url, str(person.pk))

    return _first(people.order_by("sign_in_name"), most, one)


def consents(pair: Pair, most: int | None) -> Found:
    """The consent to register devices for Windows Autopilot."""
    rows = DeviceConsent.objects.filter(pair=pair, state=DeviceConsent.State.GIVEN)
    text = _("They may go on registering devices for Windows Autopilot. It ends with the relationship.")
    return _first(rows, most, lambda row: Residual("consent", _("Device registration consent"), text, key=str(row.pk)))


def relationships(pair: Pair, most: int | None) -> Found:
    """The relationships in force: what lets the partner sell, and its people be insiders."""
    rows = pair.relationships.filter(ended_at__isnull=True).order_by("started_at", "id")
    url = reverse("partner-relationship", args=[pair.customer.slug, pair.pk])

    def one(row: Relationship) -> Residual:
        day = date_format(localtime(row.started_at), "DATE_FORMAT")
        label = _("Relationship: %(type)s") % {"type": row.type_name}
        return Residual("relationship", label, _("since %(day)s") % {"day": day}, url, str(row.pk))

    return _first(rows, most, one)
