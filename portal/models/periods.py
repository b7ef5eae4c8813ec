"""The past of access: what was granted, and who and what counted, from when until when.

Written by triggers only (the run-time role can't), so that *access on a date* (DOMAIN §14) asks the question of the
present of tables of the same shape. What stood before these tables were made is known from that moment on.
"""

from __future__ import annotations

from collections.abc import Iterable

import pgtrigger
from django.db import models


class GrantPeriod(models.Model):
    """A path as it was from `started_at` until `ended_at` (null: it still is); another end of it is another period."""

    grant_id = models.BigIntegerField()
    content_object_id = models.UUIDField()
    group_id = models.IntegerField()
    permission_id = models.IntegerField()
    source = models.CharField(max_length=80)
    until = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        default_permissions = ()


class TenantGrantPeriod(GrantPeriod):
    """The past of `TenantGrant`."""

    kind = models.CharField(max_length=10)
    pair_id = models.UUIDField(null=True)

    class Meta(GrantPeriod.Meta):
        indexes = [
            models.Index(fields=["grant_id"], condition=models.Q(ended_at__isnull=True), name="tenant_grant_now"),
            models.Index(fields=["content_object_id", "started_at"], name="tenant_grant_past"),
        ]


class ScopeGrantPeriod(GrantPeriod):
    """The past of `ScopeGrant`."""

    kind = models.CharField(max_length=10)
    pair_id = models.UUIDField(null=True)

    class Meta(GrantPeriod.Meta):
        indexes = [
            models.Index(fields=["grant_id"], condition=models.Q(ended_at__isnull=True), name="scope_grant_now"),
            models.Index(fields=["content_object_id", "started_at"], name="scope_grant_past"),
        ]


class PairGrantPeriod(GrantPeriod):
    """The past of `PairGrant`."""

    class Meta(GrantPeriod.Meta):
        indexes = [
            models.Index(fields=["grant_id"], condition=models.Q(ended_at__isnull=True), name="pair_grant_now"),
            models.Index(fields=["content_object_id", "started_at"], name="pair_grant_past"),
        ]


class StandingPeriod(models.Model):
    """When a person was able to act, a tenant enabled, a partner approved and enabled, a pair in force."""

    class What(models.TextChoices):
        PERSON = "person", "person"
        TENANT = "tenant", "tenant"
        PARTNER = "partner", "partner"
        PAIR = "pair", "pair"

    what = models.CharField(max_length=8, choices=What)
    subject_id = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["subject_id", "what", "started_at"], name="standing_past")]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "what"], condition=models.Q(ended_at__isnull=True), name="standing_once_now"
            )
        ]


def history_of(table: str, columns: Iterable[str]) -> list[pgtrigger.Trigger]:
    """Triggers that keep the periods of a table of paths: one statement each, however many rows it touched."""
    names = ", ".join(columns)
    add = f"""
        INSERT INTO {table}period (grant_id, {names}, started_at)
        SELECT id, {names}, portal_now() FROM new_rows;
    """  # noqa: S608 - constants of the models
    end = f"""
        UPDATE {table}period p SET ended_at = GREATEST(p.started_at, portal_now()) FROM old_rows o
        WHERE p.grant_id = o.id AND p.ended_at IS NULL;
    """  # noqa: S608
    shapes = {
        "history_added": (pgtrigger.Insert, {"new": "new_rows"}, add),
        "history_changed": (pgtrigger.Update, {"old": "old_rows", "new": "new_rows"}, end + add),
        "history_ended": (pgtrigger.Delete, {"old": "old_rows"}, end),
    }
    return [
        pgtrigger.Trigger(
            name=name,
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(**rows),
            func=f"{body} RETURN NULL;",
        )
        for name, (operation, rows, body) in shapes.items()
    ]


def standing_of(what: str, key: str, counts: str, *columns: str) -> pgtrigger.Trigger:
    """A trigger that keeps when a row counted; `counts` is the condition, over a row called `{r}`."""
    periods = "portal_standingperiod"
    return pgtrigger.Trigger(
        name="history_of_standing",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf(*columns),
        declare=[("is_now", "boolean"), ("was", "boolean := false")],
        func=f"""
            is_now := {counts.format(r="NEW")};
            IF TG_OP = 'UPDATE' THEN was := {counts.format(r="OLD")}; END IF;
            IF is_now AND NOT was THEN
                INSERT INTO {periods} (what, subject_id, started_at) VALUES ('{what}', NEW.{key}, portal_now());
            ELSIF was AND NOT is_now THEN
                UPDATE {periods} SET ended_at = GREATEST(started_at, portal_now())
                WHERE subject_id = NEW.{key} AND what = '{what}' AND ended_at IS NULL;
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - constants of the models
    )
