"""First page, search and last page of the long lists, against an empty signed-in page in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote_plus

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from portal import statics
from portal.benchmarks import population, scratch
from portal.benchmarks.figures import Figure, Report, interleaved, p50
from portal.benchmarks.population import Size
from portal.keyset import Place
from portal.models import User

RELATIONSHIPS = 1_000_000
_ROUNDS = 40
_LAST = Place("before", None, None).encoded()


@dataclass(frozen=True)
class Page:
    """One page as one person opens it."""

    name: str
    client: Client
    url: str

    def get(self) -> bytes:
        """The page's content. Raises RuntimeError for any other answer."""
        response = self.client.get(self.url, headers={"host": settings.ALLOWED_HOSTS[0], "accept-encoding": "gzip"})
        if response.status_code != 200:
            raise RuntimeError(f"{self.url} answered {response.status_code}")
        return response.content

    def queries(self) -> int:
        """How many statements it takes, once everything is warm."""
        with CaptureQueriesContext(connection) as captured:
            self.get()
        return len(captured)


def run(scale: float) -> Report:
    """Measure at this size, and count the queries at a thousandth of it too: rows must not add any."""
    if statics.are_stale():
        statics.collect()
    size, small = Size.of(round(RELATIONSHIPS * scale)), Size.of(10)
    with scratch.database("few") as database:
        with database.connect("owner") as owner:
            population.build(owner, small)
        few = {page.name: page.queries() for page in warm(_pages())}
    with scratch.database("many") as database:
        with database.connect("owner") as owner:
            population.build(owner, size)
        return _measure(size, few)


@override_settings(ROOT_URLCONF="portal.benchmarks.urls")
def _measure(size: Size, few: dict[str, int]) -> Report:
    empty, *pages = warm([empty_page(), *_pages()])
    results = []
    works = [lambda page=page: page.get() for page in (empty, *pages)]
    beside, *samples = interleaved([lambda _turn, work=work: work() for work in works], range(_ROUNDS))
    for page, seconds in zip(pages, samples, strict=True):
        count = page.queries()
        results += [
            Figure(f"{page.name}_time", p50(seconds) / p50(beside), "ratio", 3.0),
            Figure(f"{page.name}_queries", count, "queries", 12),
            Figure(f"{page.name}_queries_added_by_rows", count - few[page.name], "queries", 0),
            Figure(f"{page.name}_p50", p50(seconds) * 1000, "ms"),
        ]
    results.append(Figure("empty_page_p50", p50(beside) * 1000, "ms"))
    return Report("lists", size.as_data() | {"samples": _ROUNDS}, results)


def warm(pages: list[Page]) -> list[Page]:
    """Templates compiled, statements prepared."""
    for _time in range(6):
        for page in pages:
            page.get()
    return pages


def signed_in(number: int) -> Client:
    """Somebody's browser."""
    client = Client()
    client.force_login(User.objects.get(pk=population.user_id(number)))
    return client


def empty_page() -> Page:
    """The frame of an Admin agent of the largest partner."""
    return Page("empty", signed_in(0), reverse("empty", "portal.benchmarks.urls", args=["partner0"]))


def _pages() -> list[Page]:
    """An Admin agent of the largest partner, and a Global Administrator of the customer that has every partner."""
    agent, administrator = signed_in(0), signed_in(6)
    lists = (
        ("customers", agent, reverse("customers", args=["partner0"]), "contoso clinic 7", "contoso"),
        (
            "partner_relationships",
            administrator,
            reverse("partner-relationships", args=["customer0"]),
            "partner 7",
            "partner",
        ),
        ("invitations", agent, reverse("invitations", args=["partner0"]), "contoso clinic 7", "contoso"),
    )
    found = []
    for name, client, url, words, broad in lists:
        found += [
            Page(f"{name}_first", client, url),
            Page(f"{name}_search", client, f"{url}?q={quote_plus(words)}"),
            Page(f"{name}_broad_search", client, f"{url}?q={broad}"),
            Page(f"{name}_last", client, f"{url}?at={_LAST}"),
        ]
    return found
