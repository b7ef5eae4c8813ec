"""What an ending ends and what remains, in words for its page (DOMAIN §4, §9)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from delegation import queries, reach, sources
from portal import hooks
from portal.models import Pair, PathKind, Tenant
from relationships import catalogue as types
from relationships.catalogue import partner_types
from relationships.models import DeviceConsent, Relationship

Item = dict[str, str]


def request_url(pair: Pair) -> str:
    """*Request delegated admin*: an invitation prefilled for this customer."""
    return f"{reverse('invitation-new', args=[pair.partner.slug])}?pair={pair.pk}"


def _people(count: int) -> str:
    return ngettext("%(count)d person", "%(count)d people", count) % {"count": count}


def _role_items(pair: Pair, kind: PathKind) -> list[Item]:
    return [
        {"label": held.role, "detail": f"{held.group} · {_people(held.people)} · {held.kind}"}
        for held in reach.reach_of(pair, kind)
    ]


def residual_items(residuals: list[hooks.Residual], *, with_links: bool) -> list[Item]:
    """What remains, each with the page that ends it where `with_links`."""
    items = []
    for residual in residuals:
        item = {"label": str(residual.label), "detail": str(residual.detail)}
        if with_links and residual.url:
            item |= {"url": residual.url, "link": pgettext("verb", "Open")}
        items.append(item)
    return items


#: What pages of an ending show apart: the relationships, and requests that give nothing yet.
_APART = {"relationship", "request"}


def remaining(pair: Pair, but: Collection[str] = ()) -> list[hooks.Residual]:
    """What remains to the pair's partner by everything but the kinds `but`."""
    return [item for item in hooks.residuals_of(pair) if item.kind not in _APART.union(but)]


def kept(pair: Pair, *, with_links: bool, but: Collection[str] = ("dap",)) -> list[Item]:
    """What no ending of DAP or GDAP touches, without what is of the kinds `but`; others are named where none is."""
    residuals = remaining(pair, but)
    kinds = {item.kind for item in residuals}
    items = residual_items(residuals, with_links=with_links)
    none = _("None recorded.")
    if not kinds & {"account", "guest"}:
        items.append({"label": _("Accounts and guests they made"), "detail": none})
    if "role" not in kinds:
        items.append({"label": _("Roles they assigned"), "detail": none})
    if "azure" not in kinds:
        items.append({"label": _("Azure role assignments"), "detail": none})
    if not kinds & {"consent", "device"}:
        items.append({"label": _("Windows Autopilot rights"), "detail": none})
    return items


def of_dap(pair: Pair, *, for_partner: bool) -> dict[str, Any]:
    """`ends` and `remains` of removing, or giving up, delegated admin."""
    roles = _role_items(pair, PathKind.DAP)
    sessions = _("Their people are refused with the next request, also where they are signed in now.")
    ends = [
        *roles,
        {"label": _("Work that is open"), "detail": sessions},
        {"label": _("Service requests on behalf"), "detail": _("They can no longer open service requests for you.")},
    ]
    if for_partner:
        ends[-2]["detail"] = _("Our people are refused with the next request, also where they are signed in now.")
        ends[-1]["detail"] = _("We can no longer open service requests for this customer.")
    relationships = [relationship_item(row) for row in pair.relationships.filter(ended_at__isnull=True)]
    return {"ends": ends, "remains": relationships + kept(pair, with_links=not for_partner)}


def of_dap_with_many(partner: Tenant, *, customers: int, with_gdap: int) -> dict[str, Any]:
    """The same of giving it up with so many customers at once, with some of which GDAP is in force."""
    sessions = _("Our people are refused with the next request, also where they are signed in now.")
    ends = [
        {"label": held.label, "detail": f"{group} · {_people(people)} · {_customers(customers)}"}
        for held, group, people in reach.agents_of(partner, sources.DAP_ROLES)
    ]
    ends.append({"label": _("Work that is open"), "detail": sessions})
    detail = _("We can no longer open service requests where no GDAP is in force.")
    ends.append({"label": _("Service requests on behalf"), "detail": detail})
    return {
        "ends": ends,
        "remains": [
            {"label": _("GDAP"), "detail": _("In force with %(customers)s.") % {"customers": _customers(with_gdap)}},
            {"label": _("Relationships"), "detail": _("They stay, for subscriptions and renewals.")},
            {"label": _("What doesn't come from DAP"), "detail": _("Accounts, guests, roles and Azure roles.")},
        ],
    }


def _customers(count: int) -> str:
    return ngettext("%(count)d customer", "%(count)d customers", count) % {"count": count}


def relationship_item(relationship: Relationship) -> Item:
    """A relationship that stays."""
    since = date_format(relationship.started_at, "DATE_FORMAT")
    detail = _("Since %(date)s. It stays, for subscriptions and renewals; the partner can end it.") % {"date": since}
    return {"label": _("Relationship: %(type)s") % {"type": relationship.type_name}, "detail": detail}


def of_relationship(relationship: Relationship) -> dict[str, Any]:
    """`ends` and `remains` of ending one relationship, for the partner's page."""
    pair = relationship.pair
    others = list(pair.relationships.filter(ended_at__isnull=True).exclude(pk=relationship.pk))
    ends: list[Item] = [
        {"label": _("Relationship: %(type)s") % {"type": relationship.type_name}, "detail": pair.customer_name}
    ]
    gone = {"consent"}
    keeps_dap = any(partner_types()[row.partner_type].may_carry_dap for row in others)
    if queries.active_dap(pair) is not None and not keeps_dap:
        ends += _role_items(pair, PathKind.DAP)
        gone.add("dap")
    if all(row.partner_type != types.GDAP for row in others):
        ends += _role_items(pair, PathKind.GDAP)
        gone.add("gdap")
    consent = DeviceConsent.objects.filter(pair=pair).exclude(state=DeviceConsent.State.ENDED).first()
    if consent is not None and not others:
        ends.append({"label": _("Device registration consent"), "detail": str(consent.get_state_display())})
    if not others:
        ends.append({"label": _("Their pages"), "detail": _("The customer's pages can't be opened any more.")})
    residuals = remaining(pair, gone)
    remains = [relationship_item(row) for row in others] + residual_items(residuals, with_links=False)
    remains.append({"label": _("History"), "detail": _("Both sides can go on reading it.")})
    return {"ends": ends, "remains": remains}


def remains_sentence(pair: Pair) -> str:
    """What the partner still has, for the message after an ending."""
    rows = pair.relationships.filter(ended_at__isnull=True)
    names = [_("Relationship: %(type)s") % {"type": row.type_name} for row in rows]
    names += dict.fromkeys(str(item.label) for item in remaining(pair))
    if not names:
        return _("Nothing remains but the history.")
    return _("What remains: %(names)s.") % {"names": "; ".join(names)}
