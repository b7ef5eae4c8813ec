"""What an audit row costs the smallest write that changes a grant, and how quickly chains of a million rows verify."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
from django.apps import apps
from django.db import transaction

from portal import audit, catalogue
from portal.benchmarks import population, scratch
from portal.benchmarks.figures import Figure, Report, interleaved, p50
from portal.benchmarks.population import Size
from portal.models import RoleAssignment, User
from portal.services import people

ROWS = 1_000_000
_BATCH = 5_000
_RELATIONSHIPS = 1_000
_CALLS = 240
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)

#: Does something to an object: what is timed, with its audit row and without it.
Act = Callable[[Any], Any]


def run(scale: float, remove_dap: Callable[..., Any]) -> Report:
    """Writes first, in a small installation; then the chains grow to their size and are read."""
    calls = max(10, round(_CALLS * min(1.0, scale * 10)))
    with scratch.database("audit") as database:
        size = Size.of(_RELATIONSHIPS)
        with database.connect("owner") as owner:
            population.build(owner, size)
        writes = {name: _costs(database, *work) for name, work in _works(size, calls, remove_dap).items()}
        smallest = min(writes, key=lambda name: writes[name][0])
        chains = _fill(database, size, max(2 * size.customers, round(ROWS * scale)))
        verified, bare = _read(database, chains)
    return Report(
        "audit",
        {"rows": sum(chains.values()), "chains": len(chains), "calls": calls, "smallest_write": smallest},
        [*_write_figures(writes[smallest]), *_verify_figures(sum(chains.values()), verified, bare)]
        + [Figure(f"{name}_p50", times[0] * 1000, "ms") for name, times in writes.items()],
    )


def _write_figures(times: tuple[float, float, float]) -> list[Figure]:
    whole, without, bare = times
    return [
        Figure("audit_row_share", (whole - without) / whole, "ratio", 0.25),
        Figure("audit_row_vs_sql", (whole - without) / bare, "ratio"),
        Figure("audit_row", (whole - without) * 1000, "ms"),
        Figure("sql_insert", bare * 1000, "ms"),
    ]


def _verify_figures(rows: int, verified: float, bare: float) -> list[Figure]:
    return [
        Figure("verified_per_second", rows / verified, "rows/s", 200_000, "higher"),
        Figure("verify_vs_sql", verified / bare, "ratio"),
        Figure("sql_read_per_second", rows / bare, "rows/s", better="higher"),
    ]


# ── writes ──


def _works(size: Size, calls: int, remove_dap: Callable[..., Any]) -> dict[str, tuple[Act, list[Any]]]:
    """Each write that changes a grant, with twice as many objects as calls: half of them go without the audit."""
    administrators = _administrators(size)
    readers = catalogue.roles_by_name()["Directory Readers"].id
    targets = [
        (person, actor)
        for colleagues in administrators.values()
        for person, actor in zip(colleagues, [*colleagues[1:], colleagues[0]], strict=True)
    ][: 2 * calls]
    dap_grant = apps.get_model("delegation", "DapGrant")
    grants = [
        (grant, administrators[grant.customer_id][0])
        for grant in dap_grant.objects.filter(customer_id__in=administrators).order_by("pk")[: 2 * calls]
    ]

    def assign(target: tuple[User, User]) -> None:
        people.assign_role(person=target[0], actor=target[1], role_id=readers)

    def remove(target: tuple[User, User]) -> None:
        assignment = RoleAssignment.objects.get(user=target[0], role_id=readers, ended_at__isnull=True)
        people.remove_role(assignment=assignment, actor=target[1])

    def end(target: tuple[Any, User]) -> None:
        remove_dap(grant=target[0], actor=target[1])

    return {"assign_role": (assign, targets), "remove_role": (remove, targets), "remove_dap": (end, grants)}


def _administrators(size: Size) -> dict[uuid.UUID, list[User]]:
    found: dict[uuid.UUID, list[User]] = {}
    users = User.objects.select_related("tenant").in_bulk([population.user_id(n) for n in range(size.users)])
    for number in range(size.users):
        job, home = population.home_of(number, size)
        if job == "customer":
            found.setdefault(population.customer_id(home), []).append(users[population.user_id(number)])
    return {tenant: colleagues for tenant, colleagues in found.items() if len(colleagues) > 1}


def _costs(database: scratch.Scratch, act: Act, targets: list[Any]) -> tuple[float, float, float]:
    """Medians: a call, one without its audit row, and the bare insert of such a row into an open transaction."""
    both = list(zip(targets[::2], targets[1::2], strict=False))
    with database.connect(autocommit=False) as connection:
        bare = _inserting(connection)

        def without(pair: tuple[Any, Any]) -> None:
            act(pair[1])

        works: list[Act] = [lambda pair: act(pair[0]), _unaudited(without), bare]
        for work in works:  # warm: imports, plans, pages
            work(both[0])
        samples = interleaved(works, both[1:])
        connection.rollback()
    whole, less, insert = (p50(times) for times in samples)
    return whole, less, insert


def _unaudited(act: Act) -> Act:
    """The same write, and its audit row is thrown away."""

    def work(question: Any) -> None:
        with mock.patch.object(audit, "append", return_value=None):
            act(question)

    return work


_INSERT = """
INSERT INTO portal_auditentry (seq, hash, tenant_id, at, action, actor_id, actor_tenant_id, on_behalf_tenant_id,
    path, role, target_type, target_id, request_id, address, data)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def _inserting(connection: psycopg.Connection[Any]) -> Act:
    tenant = population.customer_id(0)
    numbers = iter(range(1_000_000_000, 2_000_000_000))

    def work(_question: Any) -> None:
        line = _line(tenant, 1)
        values = [getattr(line, name) for name in audit.Line.__dataclass_fields__]
        connection.execute(_INSERT, [next(numbers), b"x" * 32, *values], prepare=True)

    return work


# ── chains ──


def _line(tenant: uuid.UUID, number: int) -> audit.Line:
    """A row as an act on behalf leaves it."""
    person = population.user_id(number % 500)
    content = {
        "actor": f"user{number % 500}@people.example",
        "capability": "users.edit",
        "before": {"display_name": f"Ada Größe {number}"},
        "after": {"display_name": f"Ada Größe-Meier {number}"},
        "target": f"user{number % 300}@customer.example",
    }
    return audit.Line(
        tenant_id=tenant,
        at=_STARTED + timedelta(seconds=number, microseconds=number % 999_983),
        action="user.renamed",
        actor_id=person,
        actor_tenant_id=population.partner_id(0),
        on_behalf_tenant_id=tenant,
        path=f"dap:{person}",
        role="Global Administrator",
        target_type="portal.user",
        target_id=str(population.user_id(number % 300)),
        request_id=person.hex,
        address="2001:db8::17",
        data=audit.canonical(content),
    )


def _fill(database: scratch.Scratch, size: Size, rows: int) -> dict[uuid.UUID, int]:
    """Half of the rows in one partner's chain, the others evenly in those of its customers; how many each has now."""
    sizes = {population.partner_id(0): rows // 2}
    sizes |= {population.customer_id(number): rows // 2 // size.customers for number in range(size.customers)}
    for tenant, count in sizes.items():
        for start in range(0, count, _BATCH):
            with transaction.atomic():
                audit.append([_line(tenant, number) for number in range(start, min(count, start + _BATCH))])
    with database.connect("owner") as owner:
        owner.execute("VACUUM ANALYZE portal_auditentry")
        counted = "SELECT tenant_id, count(*) FROM portal_auditentry GROUP BY 1"
        return dict(owner.execute(counted).fetchall())


_ROWS = """
SELECT seq, hash, tenant_id, at, action, actor_id, actor_tenant_id, on_behalf_tenant_id, path, role, target_type,
    target_id, request_id, address, data
FROM portal_auditentry WHERE tenant_id = %s ORDER BY seq
"""


def _read(database: scratch.Scratch, chains: dict[uuid.UUID, int]) -> tuple[float, float]:
    """Seconds to verify all chains, and to read the same rows over a bare connection, chain by chain in turns."""
    found: list[Any] = []

    def verify(tenant: uuid.UUID) -> None:
        found.append(audit.verify(tenant))

    with database.connect() as connection:

        def read(tenant: uuid.UUID) -> None:
            with contextlib.ExitStack() as stack:
                stack.enter_context(connection.transaction())
                cursor = stack.enter_context(connection.cursor("rows"))
                cursor.itersize = _BATCH
                count = sum(1 for _row in cursor.execute(_ROWS, [tenant]))
            if count != chains[tenant]:
                raise RuntimeError(f"{count} rows read of {chains[tenant]}")

        interleaved([verify, read], list(chains)[:2])
        verified, bare = interleaved([verify, read], chains)
    if any(found):
        raise RuntimeError(f"a chain is broken: {next(filter(None, found))}")
    _tampering_is_found(database, next(iter(chains)))
    return sum(verified), sum(bare)


def _tampering_is_found(database: scratch.Scratch, tenant: uuid.UUID) -> None:
    """A quick wrong answer is none."""
    seq, _digest = audit.head(tenant)
    with database.connect("owner") as owner:
        owner.execute("ALTER TABLE portal_auditentry DISABLE TRIGGER USER")
        owner.execute(
            "UPDATE portal_auditentry SET address = '2001:db8::18' WHERE tenant_id = %s AND seq = %s", [tenant, seq]
        )
        owner.execute("ALTER TABLE portal_auditentry ENABLE TRIGGER USER")
    finding = audit.verify(tenant)
    if finding != audit.Finding(tenant, seq, "row was changed"):
        raise RuntimeError(f"a changed row was not found: {finding}")
