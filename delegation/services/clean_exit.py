"""*End everything with this partner*, in one transaction, with a certificate (DOMAIN §4, §9)."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal import access, audit, hooks
from portal.catalogue import Capability
from portal.certificates import Content, Line, Section
from portal.errors import Refused
from portal.hooks import Residual
from portal.models import Certificate, Pair, User
from portal.services import people
from portal.services.certificates import issue_certificate
from portal.writes import writes
from relationships import services as relationship_services

#: Kinds of people first: whoever writes about people locks the tenant before the paths that allow it.
_PEOPLE_FIRST = ("account", "role", "reset")
#: Found in the audit log, whose rows go in last: what was reset in this very write can't be seen yet.
_LATE = "reset:"


@writes
def end_everything(
    *, pair: Pair, actor: User, chosen: Collection[str], reason: str = "", blocks: bool = False
) -> Certificate:
    """End what was chosen (`kind:key`) of what the partner has in the customer's tenant; all of it or nothing.

    What ended meanwhile is passed over; the certificate names what was ended here and, as left, everything else of
    every kind that the portal knows. With `blocks` the partner can't invite or ask any more.
    Raises PermissionDenied without the right to any of it or on behalf, Refused where one of them can't end.
    """
    people.lock_people(pair.customer_id)
    access.require(actor, Capability.PARTNERS_VIEW, pair)
    if actor.tenant_id != pair.customer_id:
        raise Refused(_("Only the organisation's own people can end everything with a partner."))
    before = _everything(pair)
    ended = {name: item for name, item in before.items() if name in set(chosen)}
    for kind in sorted(hooks.residual_kinds, key=lambda found: found.kind not in _PEOPLE_FIRST):
        keys = [item.key for item in _of(kind, ended)]
        if keys and kind.end is None:
            raise Refused(_("This can't be ended here: %(what)s.") % {"what": kind.title})
        if keys and kind.end is not None:
            kind.end(pair, keys, actor, reason)
    if blocks:
        relationship_services.block_partner(pair=pair, actor=actor)
    left = {name: item for name, item in _everything(pair).items() if name not in ended or not name.startswith(_LATE)}
    still = [str(item.detail) for name, item in ended.items() if name in left]
    if still:
        raise Refused(_("This did not end, so nothing did: %(names)s.") % {"names": ", ".join(still)})
    content = _content(pair, ended, left, blocks=blocks)
    audit.record(
        "partner.clean_exit",
        actor=actor,
        tenant=pair.customer_id,
        target=pair,
        reason=reason,
        ended=sorted(ended),
        left=sorted(left),
    )
    return issue_certificate(
        tenant=pair.customer, partner=pair.partner, actor=actor, kind="clean_exit", content=content
    )


def _everything(pair: Pair) -> dict[str, Residual]:
    """All of it, under the name of its kind (two sorts of accounts are one kind) and key."""
    return {f"{kind.kind}:{item.key}": item for kind in hooks.residual_kinds for item in kind.find(pair, None)[0]}


def _content(pair: Pair, ended: dict[str, Residual], left: dict[str, Residual], *, blocks: bool) -> Content:
    sections: list[Section] = []
    for kind in hooks.residual_kinds:
        lines = [_line(item, str(kind.outcome), is_left=False) for item in _of(kind, ended)]
        lines += [_line(item, pgettext("certificate", "left"), is_left=True) for item in _of(kind, left)]
        if lines:
            sections.append({"title": str(kind.title), "lines": lines})
    values = {"partner": pair.partner_name, "customer": pair.customer_name}
    summary = _("Nothing that the portal knows of is left to %(partner)s in the tenant of %(customer)s.") % values
    if left:
        summary = _("Incomplete: what is named as left remains to %(partner)s in the tenant of %(customer)s.") % values
    if blocks:
        summary += " " + _("The partner was blocked: no further invitations or requests.")
    return {
        "title": _("End of everything with a partner"),
        "summary": summary,
        "is_complete": not left,
        "sections": sections,
    }


def _of(kind: hooks.ResidualKind, items: dict[str, Residual]) -> list[Residual]:
    return [item for name, item in items.items() if name.startswith(f"{kind.kind}:")]


def _line(item: Residual, outcome: str, *, is_left: bool) -> Line:
    return {"label": str(item.label), "detail": str(item.detail), "outcome": outcome, "is_left": is_left}
