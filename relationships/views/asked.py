"""What all requests have in common that customers answer: the personal link, the inbox, *you need permission*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portal import access, limits, links, requests
from portal.catalogue import Capability as Can
from portal.errors import BadLink, PermissionDenied
from portal.models import Tenant, User
from relationships import offers
from relationships.forms import ForwardForm
from relationships.services import Closed

Done = TypeVar("Done")

_HOUR = 3600
#: An answer that can't change any more is gone; anything else may work later or elsewhere.
_GONE = ("expired", "cancelled", "declined", "accepted", "terminated", "replaced")


@dataclass(frozen=True)
class Kind:
    """One kind of requests. Its rows have `partner`, `link_version` and `forwards`.

    `purpose` is what its links are signed for, `route` the clean address; `addressed_to` finds a customer's inbox;
    `obstacle` says why a row can't be answered now (by this organisation); `approvers` who of it may answer.
    """

    purpose: str
    route: str
    rows: Callable[[], QuerySet[Any]]
    addressed_to: Callable[[Tenant], QuerySet[Any]]
    obstacle: Callable[..., offers.Obstacle | None]
    needed: Callable[[Any], Can]
    approvers: Callable[[Any, Tenant], list[User]]
    forward: Callable[..., Any]


def follow_link(request: HttpRequest, token: str, kind: Kind) -> HttpResponse:
    """Swap the link's secret for the session and go on at a clean address; changes nothing else (mail scanners).

    Raises TooMany after too many wrong tries from one address.
    """
    address = requests.present().address
    limits.count("link", address, most=settings.MANDATE_LINK_TRIES_PER_HOUR, seconds=_HOUR)
    try:
        pk, version = links.read(kind.purpose, token)
    except BadLink:
        return bad_link(request)
    found = kind.rows().filter(pk=pk).first()
    if found is None:
        return bad_link(request)
    limits.give_back("link", address, seconds=_HOUR)
    if found.link_version != version:
        return replaced(request)
    obstacle = kind.obstacle(found)
    if obstacle is not None and not request.user.is_authenticated:
        return closed(request, obstacle)
    links.keep(request, kind.purpose, pk, version)
    return redirect(kind.route, pk)


def opened(request: Any, pk: UUID, kind: Kind) -> tuple[Any, int] | HttpResponse:
    """The request and the link version that stands for it here, or the page that says why there is none.

    It is there for the browser that opened its present link, and for those who may see partners of the organisation
    that it is addressed to (the inbox).
    """
    version = links.kept_version(request, kind.purpose, pk)
    found = kind.rows().filter(pk=pk).first()
    if found is not None and (version == found.link_version or is_in_inbox(request.user, found, kind)):
        return found, found.link_version
    return bad_link(request) if found is None or version is None else replaced(request)


def is_in_inbox(user: User, row: Any, kind: Kind) -> bool:
    """Whether this person finds it on *Requests* of the own organisation."""
    home = user.tenant
    if home is None or not kind.addressed_to(home).filter(pk=row.pk).exists():
        return False
    return access.decide(user, Can.PARTNERS_VIEW, home).allowed


def closed(
    request: HttpRequest,
    obstacle: offers.Obstacle,
    pair_url: str = "",
    *,
    template: str = "relationships/closed.html",
    **context: Any,
) -> HttpResponse:
    """Why it can't be answered, as a page of its own; a kind's `template` says more."""
    context |= {"obstacle": obstacle, "pair_url": pair_url}
    return render(request, template, context, status=410 if obstacle.kind in _GONE else 409)


def bad_link(request: HttpRequest) -> HttpResponse:
    """No such link: the same for one that was never made and for somebody else's clean address."""
    obstacle = offers.Obstacle(
        "bad",
        _("This link doesn't work"),
        _("Open the whole link from the message, in this browser. Or ask for a new one."),
    )
    return render(request, "relationships/closed.html", {"obstacle": obstacle}, status=404)


def replaced(request: HttpRequest) -> HttpResponse:
    """*Replace link* has killed it."""
    obstacle = offers.Obstacle(
        "replaced", _("This link has been replaced"), _("Use the latest one that you were sent, or ask for a new one.")
    )
    return closed(request, obstacle)


def no_organisation() -> offers.Obstacle:
    """The operator answers nothing."""
    text = _("Requests are answered by people of an organisation. You are signed in as the operator.")
    return offers.Obstacle("operator", _("You have no organisation"), text)


def need_permission(
    request: Any, row: Any, kind: Kind, form: ForwardForm | None = None, *, template: str, **context: Any
) -> HttpResponse:
    """*You need permission*: what is asked (the template's own), which roles can answer, and who holds them here."""
    home = request.user.tenant
    approvers = kind.approvers(row, home)
    known = set(row.forwards.filter(by=request.user).values_list("to_id", flat=True))
    context |= {
        "tenant": home,
        "roles": access.role_names(kind.needed(row)),
        "approvers": approvers,
        "forwarded": [person for person in approvers if person.pk in known],
        "form": form or ForwardForm(approvers=approvers),
        "is_made_by_partner": request.user.made_by_partner_id == row.partner_id,
    }
    return render(request, template, context, status=403)


def forward_on(
    request: Any, pk: UUID, kind: Kind, again: Callable[..., HttpResponse], shut: Callable[..., HttpResponse]
) -> HttpResponse:
    """*Forward to an approver*; `again` shows *you need permission* with the form's errors, `shut` an obstacle."""
    found = opened(request, pk, kind)
    if isinstance(found, HttpResponse):
        return found
    row, version = found
    home = request.user.tenant
    if home is None:
        return closed(request, no_organisation())
    form = ForwardForm(request.POST, approvers=kind.approvers(row, home))
    if not form.is_valid():
        return again(request, row, form)
    approver = form.cleaned_data["to"]
    done = attempt(
        request,
        lambda: kind.forward(row, actor=request.user, version=version, to=approver),
        shut=lambda obstacle: shut(request, obstacle, row),
        forbidden=lambda: again(request, row),
    )
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, _("The request was mailed to %(person)s.") % {"person": approver.display_name})
    return redirect(kind.route, row.pk)


def attempt(
    request: HttpRequest,
    act: Callable[[], Done],
    *,
    shut: Callable[[offers.Obstacle], HttpResponse],
    forbidden: Callable[[], HttpResponse],
) -> Done | HttpResponse:
    """What an answer led to, or the page that says why there is none: closed, replaced, *you need permission*."""
    try:
        return act()
    except Closed as refused:
        return shut(refused.obstacle)
    except BadLink:
        return replaced(request)
    except PermissionDenied:
        return forbidden()
