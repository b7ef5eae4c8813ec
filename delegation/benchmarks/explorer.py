"""*Who has access* with 500 people from outside, the same on a date, and *Our access* with 100,000 customers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import override_settings
from django.urls import reverse

from delegation import outside
from delegation.benchmarks import explain
from delegation.benchmarks import explorer_population as population
from portal import clock, statics
from portal.benchmarks import lists, scratch
from portal.benchmarks.figures import Figure, Report, interleaved, p50
from portal.benchmarks.population import Size, customer_id, user_id
from portal.catalogue import Capability as Can
from portal.models import Tenant, User

_ROUNDS, _QUESTIONS = 20, 200
_MOST_MS, _MOST_QUERIES, _MOST_FOR_THE_PAST = 200.0, 15, 2.0


def run(scale: float) -> Report:
    """Measure at this size, and count the queries of a page at a tenth of it too."""
    if statics.are_stale():
        statics.collect()
    people = max(10, round(population.PEOPLE * scale))
    grants = people * (population.GRANTS // population.PEOPLE)
    size = population.size_of(max(40, round(population.CUSTOMERS * scale)), people)
    with scratch.database("few") as database:
        with database.connect("owner") as owner:
            population.build(owner, population.size_of(40, 10), 10, 200)
        few = {page.name: page.queries() for page in lists.warm(_pages())}
    with scratch.database("many") as database:
        with database.connect("owner") as owner:
            population.build(owner, size, people, grants)
        results = [*_measured(few), *_answers(), *explain.figures(_questions(size))]
    data = {"people": people, "grants": grants, "customers": size.largest_partner, "rounds": _ROUNDS}
    return Report("explorer", data, results)


@override_settings(ROOT_URLCONF="portal.benchmarks.urls")
def _measured(few: dict[str, int]) -> list[Figure]:
    """The pages, and each against one signed-in page with nothing on it and against the bare statement."""
    empty, *pages = lists.warm([lists.empty_page(), *_pages()])
    statement = _bare(None)
    works: list[Callable[[Any], Any]] = [lambda _turn, page=page: page.get() for page in (empty, *pages)]
    beside, *samples, bare = interleaved([*works, lambda _turn: statement()], range(_ROUNDS))
    times = {page.name: p50(seconds) for page, seconds in zip(pages, samples, strict=True)}
    results = []
    for page in pages:
        count = page.queries()
        results += [
            Figure(f"{page.name}_p50", times[page.name] * 1000, "ms", _MOST_MS),
            Figure(f"{page.name}_queries", count, "queries", _MOST_QUERIES),
            Figure(f"{page.name}_queries_added_by_rows", max(0, count - few[page.name]), "queries", 0),
        ]
    results += [
        Figure("who_has_access_vs_sql", times["who_has_access"] / p50(bare), "ratio"),
        Figure("access_on_a_date_vs_present", times["access_on_a_date"] / times["who_has_access"], "ratio", 2.0),
        Figure("empty_page_p50", p50(beside) * 1000, "ms"),
    ]
    return results


def _answers() -> list[Figure]:
    """The one statement through the portal, and the same text over bare psycopg, now and for the past."""
    customer, then = customer_id(0), clock.now()
    now, past = _bare(None), _bare(then)
    works: list[Callable[[Any], Any]] = [
        lambda _turn: outside.paths([customer]),
        lambda _turn: now(),
        lambda _turn: outside.paths([customer], at=then),
        lambda _turn: past(),
    ]
    present, bare, at_moment, bare_past = (p50(seconds) for seconds in interleaved(works, range(_ROUNDS)))
    return [
        Figure("answer_vs_sql", present / bare, "ratio", 2.0),
        Figure("answer_at_a_moment_vs_present", at_moment / present, "ratio", _MOST_FOR_THE_PAST),
        Figure("answer_at_a_moment_vs_sql", at_moment / bare_past, "ratio"),
        Figure("answer_p50", present * 1000, "ms"),
        Figure("sql_p50", bare * 1000, "ms"),
        Figure("paths", len(outside.paths([customer])), "paths"),
    ]


def _questions(size: Size) -> Iterator[tuple[User, Can, Tenant]]:
    """Agents and customers' administrators about customers' tenants: allowed, refused, strangers."""
    chance = random.Random(5)
    asked = (Can.USERS_VIEW, Can.USERS_EDIT, Can.AUDIT_VIEW, Can.ROLES_ASSIGN, Can.ORGANISATION_EDIT)
    people = User.objects.select_related("tenant").in_bulk([user_id(number) for number in range(30)])
    for _number in range(_QUESTIONS):
        tenant = Tenant.objects.get(pk=customer_id(chance.randrange(size.customers)))
        yield chance.choice([*people.values()]), chance.choice(asked), tenant


def _bare(at: Any) -> Callable[[], int]:
    """The statement's rows by a driver's cursor, without anything of the portal."""
    text = outside.PRESENT if at is None else outside.PAST
    values = outside.parameters([customer_id(0)], at=at)

    def ask() -> int:
        connection.ensure_connection()
        with connection.connection.cursor() as cursor:
            return len(cursor.execute(text, values).fetchall())

    return ask


def _pages() -> list[lists.Page]:
    """As a Global Administrator of the customer and an Admin agent of the partner open them."""
    administrator, agent = lists.signed_in(6), lists.signed_in(0)
    slug = User.objects.select_related("tenant").get(pk=user_id(6)).home.slug
    yesterday = (clock.now() - timedelta(days=1)).date().isoformat()
    who = reverse("who-has-access", args=[slug])
    return [
        lists.Page("who_has_access", administrator, who),
        lists.Page("access_on_a_date", administrator, f"{who}?on={yesterday}"),
        lists.Page("who_has_access_search", administrator, f"{who}?q=owner"),
        lists.Page("our_access", agent, reverse("our-access", args=["partner0"])),
        lists.Page("our_access_person", agent, reverse("our-access-person", args=["partner0", user_id(0)])),
    ]
