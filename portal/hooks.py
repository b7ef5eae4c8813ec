"""What higher apps plug in (filled in their `AppConfig.ready`), so that imports go one way only.

Lists of functions with the documented signature: they run in order, inside the caller's write where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from portal.catalogue import Capability

#: So many of one kind are named where something is removed; the clean exit names all.
MOST_RESIDUALS = 20


@dataclass(frozen=True)
class Residual:
    """Something that a partner keeps in a customer's tenant (DOMAIN §9): shown before and after a removal.

    `key` names it for the clean exit; what stands for several others (*and more*) has none.
    """

    kind: str
    label: str
    detail: str = ""
    url: str = ""
    key: str = ""


@dataclass(frozen=True)
class ResidualKind:
    """One kind of what a partner may keep: found for every page that says what remains, ended by the clean exit.

    `find`: (pair, at most so many or None for all) -> what there is and how much in all. `refusals`: (pair, user,
    residuals) -> by key, why this person can't end it. `end`: (pair, keys, user, reason) inside the caller's write;
    None where nobody of the customer's can end it. `outcome`: what has become of one that was ended.
    """

    kind: str
    title: Any
    find: Callable[[Any, int | None], tuple[list[Residual], int]]
    refusals: Callable[[Any, Any, list[Residual]], dict[str, Any]]
    end: Callable[[Any, list[str], Any, str], None] | None = None
    outcome: Any = ""


@dataclass(frozen=True)
class Service:
    """A service of a customer as one person sees it: a link, or what is missing."""

    name: str
    url: str
    is_enabled: bool
    detail: str


@dataclass(frozen=True)
class Origin:
    """What gives a path: in words, and since when."""

    label: str
    since: datetime | None = None


class Section(StrEnum):
    """A part of the main navigation."""

    CUSTOMERS = "customers"  # a partner's own pages
    TENANT = "tenant"
    SETTINGS = "settings"


@dataclass(frozen=True)
class Page:
    """A page of the main navigation, for those who hold `capability` or one of `others`; the least `place` comes first.

    Its route takes the partner's slug in the section of customers, else the tenant's. `note`: a few words for the
    start page. `own`: rights that open it only for the tenant's own people.
    """

    section: Section
    place: int
    route: str
    label: Any
    capability: Capability
    icon: str
    note: Any
    others: tuple[Capability, ...] = ()
    own: tuple[Capability, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """Something on the start page that waits for the person: a page and how much is there."""

    label: str
    count: int
    url: str


@dataclass(frozen=True)
class RequestTab:
    """A kind of requests in a customer's inbox: a page of its own, reached by the tabs above *Requests*.

    `count`: (tenant, partner or None for all) -> how many wait for an answer.
    """

    route: str
    label: Any
    count: Callable[[Any, Any], int]


#: what the pair's partner may hold in the customer's tenant: in the order in which pages list it
residual_kinds: list[ResidualKind] = []
#: (user, pair, rights in the customer's tenant) -> Services for the expanded row of *Customers*
services: list[Callable[[Any, Any, Any], Iterable[Service]]] = []
#: (tenant, paths of one person in it) -> by source, the end as it stands of paths that prolong themselves
forecasts: list[Callable[[Any, Any], dict[str, Any]]] = []
#: (sources of paths) -> by source, what gives them, for those of this app
origins: list[Callable[[Any], dict[str, Origin]]] = []
#: (facts of `portal.why`) -> Ways in which this app could allow what they are about
ways: list[Callable[[Any], Iterable[Any]]] = []
#: the app's pages in the main navigation and on the start page
navigation: list[Page] = []
#: (user, tenant, rights in it) -> what waits for this person on the start page; cheap, by index
waiting: list[Callable[[Any, Any, Any], Iterable[Waiting]]] = []
#: kinds of requests in a customer's inbox, in the order of their tabs
request_tabs: list[RequestTab] = []
#: (tenant, words) -> the app's objects in this tenant's audit log whose name begins with the words, as a queryset
objects_named: list[Callable[[Any, str], Any]] = []
#: (assignment, actor) inside the write that took an explicit directory role
on_role_taken: list[Callable[[Any, Any], None]] = []
#: () -> sign-in names of the demo's cast in the order of the persona picker (demo mode only)
personas: list[Callable[[], Iterable[str]]] = []


def forecasts_of(tenant: Any, paths: Any) -> dict[str, Any]:
    """The ends as they stand, over all apps."""
    return {source: end for look in forecasts for source, end in look(tenant, paths).items()}


def origins_of(sources: Any) -> dict[str, Origin]:
    """What gives these paths, over all apps."""
    return {source: origin for look in origins for source, origin in look(sources).items()}


def residuals_of(pair: Any) -> list[Residual]:
    """Everything that remains to the pair's partner, over all apps; of each kind the first ones, and how many more."""
    everything = []
    for kind in residual_kinds:
        found, total = kind.find(pair, MOST_RESIDUALS)
        everything += found
        if total > len(found):
            detail = gettext("and %(count)d more") % {"count": total - len(found)}
            everything.append(Residual(kind.kind, str(kind.title), detail))
    return everything
