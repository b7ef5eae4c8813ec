"""GDAP at 100,000 relationships of one partner: a decision, the lists, the sweeps, auto-extend in bulk."""

from __future__ import annotations

import hmac
import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.test.utils import override_settings
from django.urls import reverse

from delegation import bulk, gdap_analytics, services
from delegation.benchmarks import gdap_population as population
from delegation.models import GdapRelationship, GdapReminder
from portal import catalogue, jobs, statics
from portal.benchmarks import access, lists, scratch
from portal.benchmarks.access import Question
from portal.benchmarks.figures import Figure, Memory, Report, elapsed, interleaved, p50
from portal.benchmarks.population import Size, customer_id, home_of, pair_id, partner_id, user_id
from portal.catalogue import Capability as Can
from portal.models import AuditEntry, Job, OutboxMessage, Pair, Tenant, User
from portal.services import jobs as job_services

RELATIONSHIPS = 100_000
_QUESTIONS, _ROUNDS, _PAGE_ROUNDS = 2_000, 5, 30
_AT_ONCE = 10  # a tenth of them at once
_ASKED = (Can.SERVICE_REQUESTS_VIEW, Can.USERS_VIEW, Can.USERS_RESET_PASSWORD, Can.AUDIT_VIEW)


def run(scale: float) -> Report:
    """Measure at this size, and count the queries of a page at a hundredth of it too."""
    if statics.are_stale():
        statics.collect()
    size, small = population.size_of(max(400, round(RELATIONSHIPS * scale))), population.size_of(40)
    with scratch.database("few") as database:
        with database.connect("owner") as owner:
            population.build(owner, small)
        few = {page.name: page.queries() for page in lists.warm(_pages())}
    with scratch.database("many") as database:
        with database.connect("owner") as owner:
            population.build(owner, size)
        results = [*_decisions(size, database), *_lists(few), *_extension(size)]
        results += [*_reminders(size, database), *_expiry(size, database)]
    data = {
        "relationships": size.largest_partner,
        "roles_each": population.ROLES,
        "assignments_each": population.ASSIGNMENTS,
        "groups": population.GROUPS,
        "users": population.USERS,
        "at_once": size.largest_partner // _AT_ONCE,
    }
    return Report("gdap", data, results)


# ── one decision ──


def _decisions(size: Size, database: scratch.Scratch) -> list[Figure]:
    asked = _questions(size, min(_QUESTIONS, 10 * size.largest_partner))
    with database.connect() as bare:
        ask = access.bare_question(bare)
        access.compare(asked, ask)
        decision, by_sql = interleaved([access.decide, ask], asked, _ROUNDS)
    return [
        Figure("decision_vs_sql", p50(decision) / p50(by_sql), "ratio", 2.0),
        Figure("decision_p50", p50(decision) * 1000, "ms"),
        Figure("sql_p50", p50(by_sql) * 1000, "ms"),
    ]


def _questions(size: Size, count: int) -> list[Question]:
    """People of the partner about a customer's tenant, and about the customer on the partner's own side."""
    chance, found = random.Random(3), []
    agents = [number for number in range(size.users) if home_of(number, size)[0] == "agent"]
    people = User.objects.select_related("tenant").in_bulk([user_id(number) for number in agents])
    for place in range(count):
        user, customer = people[user_id(chance.choice(agents))], chance.randrange(size.largest_partner)
        tenant = Tenant(pk=customer_id(customer))
        if place % 4:
            found.append(Question(user, chance.choice(_ASKED), tenant, None))
        else:
            pair = Pair(pk=pair_id(0, customer), partner_id=partner_id(0), customer_id=tenant.pk)
            found.append(Question(user, Can.GDAP_VIEW, pair, True))
    return found


# ── pages ──


@override_settings(ROOT_URLCONF="portal.benchmarks.urls")
def _lists(few: dict[str, int]) -> list[Figure]:
    empty, *pages = lists.warm([lists.empty_page(), *_pages()])
    works = [lambda _turn, page=page: page.get() for page in (empty, *pages)]
    beside, *samples = interleaved(works, range(_PAGE_ROUNDS))
    results = []
    for page, seconds in zip(pages, samples, strict=True):
        count = page.queries()
        results += [
            Figure(f"{page.name}_time", p50(seconds) / p50(beside), "ratio", 10.0 if page.name == "analytics" else 3.0),
            Figure(f"{page.name}_queries", count, "queries", 15),
            Figure(f"{page.name}_queries_added_by_rows", max(0, count - few[page.name]), "queries", 0),
            Figure(f"{page.name}_p50", p50(seconds) * 1000, "ms"),
        ]
    agent = User.objects.select_related("tenant").get(pk=user_id(0))
    counted = [elapsed(lambda: gdap_analytics.count(agent.home, agent)) for _turn in range(5)]
    results.append(Figure("analytics_counted_anew", p50(counted) * 1000, "ms"))
    results.append(Figure("empty_page_p50", p50(beside) * 1000, "ms"))
    return results


def _pages() -> list[lists.Page]:
    """As an Admin agent of the partner opens them."""
    agent = lists.signed_in(0)
    routes = {"list": "gdap-list", "expiring": "gdap-expiring", "analytics": "gdap-analytics"}
    return [lists.Page(name, agent, reverse(route, args=["partner0"])) for name, route in routes.items()]


# ── auto-extend in bulk ──


def _extension(size: Size) -> list[Figure]:
    agent = User.objects.select_related("tenant").get(pk=user_id(0))
    count = size.largest_partner // _AT_ONCE
    rows = GdapRelationship.objects.filter(partner=agent.home, status="active", auto_extend=False).order_by("pk")

    def extend(first: int, last: int) -> Job:
        """As the page does it: the job is started, then a worker runs it."""
        job = job_services.start_job(
            tenant=agent.home, actor=agent, kind=bulk.EXTEND_ON, subjects=jobs.subjects_of(rows[first:last])
        )
        job_services.run_due(seconds=3_600)
        job.refresh_from_db()
        return job

    extend(0, 10)  # warm
    with Memory() as memory:
        found: list[Job] = []
        seconds = elapsed(lambda: found.append(extend(0, count)))
    (job,) = found
    if job.state != Job.State.DONE or job.failed_count or job.done_count < job.total * 9 // 10:
        raise RuntimeError(f"{job.done_count} done, {job.refused_count} refused, {job.failed_count} failed")
    return [
        Figure("bulk_extend", seconds, "s", 30.0),
        Figure("bulk_extend_memory_growth", memory.grown, "MB", 100),
        Figure("bulk_extended_per_second", job.total / seconds, "relationships/s", better="higher"),
    ]


# ── sweeps, against the same rows written by bare SQL ──

_FREE = """
WITH chosen AS (
    SELECT id FROM delegation_gdaprelationship
    WHERE status = 'active' AND NOT auto_extend AND ends_at > now() + interval '60 days' ORDER BY id LIMIT %(most)s
)
UPDATE delegation_gdaprelationship r SET ends_at = %(at)s, activated_at = %(at)s - interval '365 days'
FROM chosen WHERE r.id = chosen.id
"""


def _make_due(database: scratch.Scratch, most: int, at: datetime) -> None:
    """So many active ones end at a moment."""
    with database.connect("owner") as owner:
        owner.execute("ALTER TABLE delegation_gdaprelationship DISABLE TRIGGER USER")  # the activation is frozen
        owner.execute(_FREE, {"most": most, "at": at})
        owner.execute("ALTER TABLE delegation_gdaprelationship ENABLE TRIGGER USER")
        owner.execute("VACUUM ANALYZE delegation_gdaprelationship")


def _swept(
    name: str,
    database: scratch.Scratch,
    make_due: Callable[[], None],
    sweep: Callable[[], int],
    bare: Callable[[psycopg.Connection[Any], int], None],
    due: int,
) -> list[Figure]:
    """The sweep over its due rows, then bare SQL over as many others with as many messages to each agent.

    Few customers have people, so the others may have some more administrators, or some less: a fifth in a small run.
    """
    sweep()  # nothing, or little: warm
    make_due()
    before, to_partner = OutboxMessage.objects.count(), OutboxMessage.objects.filter(tenant=partner_id(0))
    to_agents = to_partner.count()
    with Memory() as memory:
        seconds = elapsed(lambda: _check(name, sweep(), due))
    messages, to_agents = OutboxMessage.objects.count() - before, to_partner.count() - to_agents
    make_due()
    with database.connect(autocommit=False) as connection:
        by_sql = elapsed(lambda: bare(connection, to_agents))
    by_bare = OutboxMessage.objects.count() - before - messages
    if abs(by_bare - messages) > messages // 5:
        raise RuntimeError(f"{name}: {messages} messages, {by_bare} by bare SQL")
    return [
        Figure(f"{name}_vs_sql", seconds / by_sql, "ratio", 3.0),
        Figure(f"{name}_memory_growth", memory.grown, "MB", 150),
        Figure(name, seconds, "s"),
        Figure(f"{name}_sql", by_sql, "s"),
    ]


def _check(name: str, found: int, due: int) -> None:
    if found != due:
        raise RuntimeError(f"{name}: {found} of {due} that were due")


_REMIND = """
WITH due AS (
    SELECT r.id, r.ends_at FROM delegation_gdaprelationship r
    WHERE r.status = 'active' AND NOT r.auto_extend
      AND r.ends_at > %(now)s AND r.ends_at <= %(now)s + interval '30 days' AND NOT EXISTS (
        SELECT 1 FROM delegation_gdapreminder m WHERE m.relationship_id = r.id AND m.ends_at = r.ends_at)
)
INSERT INTO delegation_gdapreminder (relationship_id, ends_at, days, at) SELECT id, ends_at, 30, %(now)s FROM due
RETURNING relationship_id
"""


def _reminders(size: Size, database: scratch.Scratch) -> list[Figure]:
    due = size.largest_partner // _AT_ONCE

    def make_due() -> None:
        _make_due(database, due, datetime.now(UTC) + timedelta(days=29))

    def remind(connection: psycopg.Connection[Any], messages: int) -> None:
        now = datetime.now(UTC)
        ids = [key for (key,) in connection.execute(_REMIND, {"now": now})]
        _check("bare reminders", len(ids), due)
        _messages(connection, "gdap_ending", ids, messages, now)
        connection.commit()

    figures = _swept("reminders", database, make_due, services.remind_gdap, remind, due)
    if GdapReminder.objects.count() < 2 * due:
        raise RuntimeError("the two ways left different reminders")
    return figures


_EXPIRE = """
UPDATE delegation_gdaprelationship SET status = 'expiring'
WHERE status = 'active' AND NOT auto_extend AND ends_at <= %s RETURNING id
"""
_EXPIRED = """
UPDATE delegation_gdaprelationship SET status = 'expired', ended_at = ends_at
WHERE id = ANY(%s) RETURNING id, partner_id, customer_id, display_name
"""
_PATHS = """
DELETE FROM portal_tenantgrant WHERE source IN (
    SELECT 'gdap:' || id FROM delegation_gdapassignment WHERE relationship_id = ANY(%s) AND state = 'active')
"""
_HEADS = """
SELECT DISTINCT ON (tenant_id) tenant_id, seq, hash FROM portal_auditentry WHERE tenant_id = ANY(%s)
ORDER BY tenant_id, seq DESC
"""
_ENTRIES = """
COPY portal_auditentry (seq, hash, tenant_id, at, action, path, role, target_type, target_id, request_id, address, data)
FROM STDIN
"""


def _expiry(size: Size, database: scratch.Scratch) -> list[Figure]:
    due = size.largest_partner // _AT_ONCE

    def make_due() -> None:
        _make_due(database, due, datetime.now(UTC) - timedelta(minutes=1))

    def expire(connection: psycopg.Connection[Any], messages: int) -> None:
        now = datetime.now(UTC)
        ids = [key for (key,) in connection.execute(_EXPIRE, [now])]
        _check("bare expiry", len(ids), due)
        rows = connection.execute(_EXPIRED, [ids]).fetchall()
        connection.execute(_PATHS, [ids])
        _entries(connection, rows, now)
        _messages(connection, "gdap_expired", ids, messages, now)
        connection.commit()

    before = AuditEntry.objects.filter(action="gdap.expired").count()
    figures = _swept("expiry", database, make_due, services.expire_gdap, expire, due)
    written = AuditEntry.objects.filter(action="gdap.expired").count() - before
    if written != 4 * due:
        raise RuntimeError(f"{written} audit rows of {4 * due}")
    return figures


def _entries(connection: psycopg.Connection[Any], rows: list[Any], now: datetime) -> None:
    """The rows of both sides' chains, as `portal.audit` writes them."""
    by_tenant: dict[uuid.UUID, list[Any]] = {}
    for key, partner, customer, name in rows:
        by_tenant.setdefault(partner, []).append((key, name))
        by_tenant.setdefault(customer, []).append((key, name))
    heads = {tenant: (seq, bytes(last)) for tenant, seq, last in connection.execute(_HEADS, [[*by_tenant]])}
    moment, kind = int(now.timestamp() * 1_000_000), "delegation.gdaprelationship"
    with connection.cursor() as cursor, cursor.copy(_ENTRIES) as copy:
        for tenant in sorted(by_tenant):
            seq, last = heads.get(tenant, (0, b""))
            for key, name in by_tenant[tenant]:
                seq += 1
                data = json.dumps({"actor": "system", "target": name}, separators=(",", ":"), ensure_ascii=False)
                text = f"{seq}|{moment}|{tenant}|gdap.expired||||||{kind}|{key}|||{data}"
                last = hmac.digest(settings.MANDATE_AUDIT_KEY, last + text.encode(), "sha256")
                copy.write_row((seq, last, tenant, now, "gdap.expired", "", "", kind, str(key), "", "", data))


_AGENTS = """
SELECT u.id, u.contact_address FROM portal_securitygroup g
JOIN portal_membership m ON m.group_id = g.group_id JOIN portal_user u ON u.id = m.user_id
WHERE g.tenant_id = %s AND g.kind = 'admin_agents'
"""
_ADMINISTRATORS = """
SELECT u.id, u.contact_address, u.tenant_id, g.display_name, g.ends_at, g.pair_id, t.slug
FROM delegation_gdaprelationship g JOIN portal_tenant t ON t.id = g.customer_id
JOIN portal_roleassignment r ON r.tenant_id = t.id AND r.role_id = %s AND r.ended_at IS NULL
JOIN portal_user u ON u.id = r.user_id
WHERE g.id = ANY(%s)
"""
_MESSAGES = """
COPY portal_outboxmessage (id, tenant_id, kind, to_address, to_user_id, language, context, subject, body, about_type,
    state, attempts, next_attempt_at, provider_message_id, last_error, created_at) FROM STDIN
"""


def _messages(connection: psycopg.Connection[Any], kind: str, ids: list[uuid.UUID], count: int, now: datetime) -> None:
    """One message for each administrator of a customer, and as many to the partner's agents as the sweep wrote."""
    agents = connection.execute(_AGENTS, [partner_id(0)]).fetchall()
    administrators = connection.execute(_ADMINISTRATORS, [catalogue.GLOBAL_ADMINISTRATOR, ids]).fetchall()
    rounds = count // len(agents)
    until = {"$at": now.isoformat()}
    names = [f"Support {number}" for number in range(20)]
    ours = _context("/p/partner0/customers", is_partner=True, count=len(ids) // rounds, names=names, until=until)
    with connection.cursor() as cursor, cursor.copy(_MESSAGES) as copy:
        for user, address in agents * rounds:
            copy.write_row(_message(partner_id(0), kind, address, user, ours, now))
        for user, address, tenant, name, ends_at, pair, slug in administrators:
            values = {"count": 1, "names": [name], "until": {"$at": ends_at.isoformat()}, "partner": "Partner 0"}
            theirs = _context(f"/t/{slug}/partner-relationships/{pair}", is_partner=False, **values)
            copy.write_row(_message(tenant, kind, address, user, theirs, now))


def _context(path: str, **values: Any) -> str:
    return json.dumps({"values": values, "link": None, "path": path})


def _message(
    tenant: uuid.UUID, kind: str, address: str, user: uuid.UUID, context: str, now: datetime
) -> tuple[Any, ...]:
    return (uuid.uuid4(), tenant, kind, address, user, "en", context, "", "", "", "queued", 0, now, "", "", now)
