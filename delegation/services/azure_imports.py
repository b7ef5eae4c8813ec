"""Resource groups and resources from a CSV file: a verdict for each row, read as a stream (DOMAIN §8)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from delegation import azure_names
from delegation.services import azure_rows as rows
from delegation.services.azure_scopes import drafted
from portal import access
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Scope, User
from portal.writes import writes

Kind = Scope.Kind
COLUMNS = ("name", "type", "group", "tags")
MOST_ROWS = 5_000
_CHUNK = 500
CREATED, EXISTS, REFUSED = "created", "exists", "refused"
_TEXTS = {CREATED: _("Created"), EXISTS: _("There is one with this name here already."), REFUSED: ""}


@dataclass
class Imported:
    """What became of one row of the file: created, exists or refused."""

    line: int
    name: str
    verdict: str
    message: Any = ""


@writes
def import_scopes(*, scope: Scope, actor: User, lines: Iterable[str]) -> list[Imported]:
    """Make what the lines of a CSV file name, row by row; a row that can't be made leaves the others alone.

    Columns: name, type, group, tags (`name=value; name=value`). Without a type it is a resource group, else a resource
    in the group, which is there or made further up. `scope` is a subscription, or the one group that all rows are in.
    Raises PermissionDenied without `azure.manage_resources` there, Refused for what is no such file, for more than
    5,000 rows, and in a cancelled subscription.
    """
    subscription, row = rows.locked(scope)
    decision = access.require(actor, Capability.AZURE_MANAGE_RESOURCES, row)
    rows.require_active(subscription)
    if row.kind == Kind.RESOURCE:
        raise Refused(_("Nothing can be made below a resource."))
    work = _Import(row)
    stream = _read(lines)
    while chunk := list(islice(stream, _CHUNK)):
        work.take(chunk)
        if len(work.found) > MOST_ROWS:
            raise Refused(_("At most %(count)d rows at once.") % {"count": MOST_ROWS}, field="file")
    if not work.found:
        raise Refused(_("There are no rows in this file."), field="file")
    created = sum(one.verdict == CREATED for one in work.found)
    rows.record(
        "azure.scopes_imported",
        actor=actor,
        tenant=row.tenant_id,
        target=row,
        decision=decision,
        scope=rows.place(row),
        rows=created,
        refused=len(work.found) - created or None,
    )
    return work.found


def _read(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields of each row. Raises Refused for what is no such file."""
    stream = iter(lines)
    head = next(stream, "").removeprefix("\ufeff")
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(chain([head], stream), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if "name" not in names or len(set(names)) < len(names) or not set(names) <= set(COLUMNS):
            raise Refused(_("The first line names the columns: name, type, group, tags."), field="file")
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) > len(names):
                yield reader.line_num, {}
            else:
                yield reader.line_num, dict.fromkeys(COLUMNS, "") | dict(zip(names, fields, strict=False))
    except csv.Error as error:
        raise Refused(
            _("This is no CSV file, from line %(line)d on.") % {"line": reader.line_num}, field="file"
        ) from error


class _Import:
    """Rows as they come, in sets: the groups that are known, and what became of each row."""

    def __init__(self, below: Scope) -> None:
        self.below = below
        self.found: list[Imported] = []
        above = below if below.kind == Kind.SUBSCRIPTION else below.parent
        inside = Scope.objects.filter(parent=above, deleted_at__isnull=True)
        known = inside if below.kind == Kind.SUBSCRIPTION else [below]
        self.groups = {group.name.lower(): group for group in known}

    def take(self, chunk: list[tuple[int, dict[str, str]]]) -> None:
        """The next rows of the file."""
        drafts: list[tuple[Imported, Scope]] = []
        for line, fields in chunk:
            entry = Imported(line, fields.get("name", "").strip(), REFUSED)
            self.found.append(entry)
            try:
                scope = self._drafted(fields)
            except Refused as refused:
                entry.message = refused.message
                continue
            if scope is None:
                self._settle(entry, EXISTS)
            else:
                drafts.append((entry, scope))
        for kind in (Kind.RESOURCE_GROUP, Kind.RESOURCE):  # a group comes before what is in it
            made = [scope for _entry, scope in drafts if scope.kind == kind]
            Scope.objects.bulk_create(made, ignore_conflicts=True)
        kept = set(Scope.objects.filter(pk__in=[scope.pk for _entry, scope in drafts]).values_list("pk", flat=True))
        for entry, scope in drafts:
            self._settle(entry, CREATED if scope.pk in kept else EXISTS)

    def _drafted(self, fields: dict[str, str]) -> Scope | None:
        """The scope that a row names; None for a group that is there. Raises Refused."""
        if not fields:
            raise Refused(_("This row has more fields than columns."))
        tags, group = azure_names.parsed_tags(fields["tags"]), fields["group"].strip()
        if not fields["type"].strip():
            return self._group(fields["name"], group, tags)
        if not group and self.below.kind == Kind.RESOURCE_GROUP:
            group = self.below.name
        above = self.groups.get(group.lower())
        if above is None:
            raise Refused(_("There is no such resource group here: %(name)s") % {"name": group[:80]})
        return drafted(above, fields["name"], fields["type"], tags)

    def _group(self, name: str, group: str, tags: dict[str, str]) -> Scope | None:
        if group or self.below.kind != Kind.SUBSCRIPTION:
            raise Refused(_("A resource needs its type; a resource group is in no other one."))
        if name.strip().lower() in self.groups:
            return None
        scope = drafted(self.below, name, "", tags)
        self.groups[scope.name.lower()] = scope
        return scope

    @staticmethod
    def _settle(entry: Imported, verdict: str) -> None:
        entry.verdict, entry.message = verdict, _TEXTS[verdict]
