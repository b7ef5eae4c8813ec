"""What the database itself refuses about Azure role assignments, whoever writes (DOMAIN §8)."""

from __future__ import annotations

import pgtrigger

from portal import catalogue

_FROZEN = (
    "tenant_id", "subscription_id", "scope_id", "role_id", "principal_type", "principal_id", "principal_name",
    "pair_id", "started_at", "created_by_id", "created_by_partner_id", "is_made_elevated",
)  # fmt: skip


def _row(name: str) -> str:
    return "(" + ", ".join(f"{name}.{field}" for field in _FROZEN) + ")"


ASSIGNMENT = [
    pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
    pgtrigger.Protect(
        name="ended_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__ended_at__isnull=False)
    ),
    pgtrigger.Trigger(
        name="principal_role_and_scope_never_change",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f"({_row('OLD')} IS DISTINCT FROM {_row('NEW')})"),
        func="RAISE EXCEPTION 'an assignment is deleted and added, never changed' USING ERRCODE = 'check_violation';",
    ),
    pgtrigger.Trigger(
        name="belongs_together",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func="""
            IF NOT EXISTS (
                SELECT 1 FROM portal_scope s
                JOIN delegation_azuresubscription a ON a.scope_id = NEW.subscription_id AND a.state = 'active'
                WHERE s.id = NEW.scope_id AND s.tenant_id = NEW.tenant_id
                  AND s.deleted_at IS NULL AND NEW.subscription_id = ANY(s.lineage)
            ) OR NOT EXISTS (
                SELECT 1 FROM portal_securitygroup g LEFT JOIN portal_pair p ON p.id = NEW.pair_id
                LEFT JOIN portal_user u ON u.id = g.person_id
                WHERE g.group_id = NEW.principal_id AND g.kind <> 'everyone' AND u.deleted_at IS NULL
                  AND (g.kind = 'person') = (NEW.principal_type IN ('user', 'foreign_user'))
                  AND ((NEW.pair_id IS NULL AND g.tenant_id = NEW.tenant_id) OR (
                       g.tenant_id = p.partner_id AND p.customer_id = NEW.tenant_id
                       AND p.started_at IS NOT NULL AND p.ended_at IS NULL))
            ) THEN
                RAISE EXCEPTION 'scope, principal and relationship of an assignment belong to one customer'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'azure_belongs_together';
            END IF;
            RETURN NEW;
        """,
    ),
    # One that ends by itself is guarded by any other in force, one that lasts only by others that last; whose principal
    # is gone counts for nothing. The subscription's row is locked first, so that of two who remove each other the
    # second sees what the first did.
    pgtrigger.Trigger(
        name="last_owner",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("ended_at", "until"),
        condition=pgtrigger.Condition(
            "OLD.ended_at IS NULL AND OLD.scope_id = OLD.subscription_id"
            f" AND OLD.role_id = '{catalogue.AZURE_OWNER}'"
            " AND ((NEW.ended_at IS NOT NULL AND NEW.end_reason <> 'ended')"
            " OR (OLD.until IS NULL AND NEW.until IS NOT NULL))"
        ),
        declare=[("found", "boolean"), ("is_left", "boolean"), ("is_own_left", "boolean")],
        func=f"""
            PERFORM 1 FROM delegation_azuresubscription WHERE scope_id = OLD.subscription_id FOR NO KEY UPDATE;
            found := EXISTS (
                SELECT 1 FROM portal_securitygroup g LEFT JOIN portal_user u ON u.id = g.person_id
                WHERE g.group_id = OLD.principal_id AND u.deleted_at IS NULL);
            IF NOT found OR OLD.until <= portal_now() THEN
                RETURN NULL;
            END IF;
            SELECT count(*) > 0, count(*) FILTER (WHERE o.pair_id IS NULL) > 0 INTO is_left, is_own_left
            FROM delegation_azureassignment o
            JOIN portal_securitygroup g ON g.group_id = o.principal_id
            LEFT JOIN portal_user u ON u.id = g.person_id
            WHERE o.scope_id = OLD.subscription_id AND o.role_id = OLD.role_id AND o.ended_at IS NULL
              AND u.deleted_at IS NULL AND (o.until IS NULL OR (OLD.until IS NOT NULL AND o.until > portal_now()));
            IF (NOT is_left OR (OLD.pair_id IS NULL AND NOT is_own_left)) AND NOT EXISTS (
                SELECT 1 FROM portal_roleassignment r JOIN portal_user u ON u.id = r.user_id AND u.blocked_at IS NULL
                WHERE r.user_id = NEW.changed_by_id AND r.tenant_id = OLD.tenant_id AND r.ended_at IS NULL
                  AND r.role_id = '{catalogue.GLOBAL_ADMINISTRATOR}'
            ) THEN
                RAISE EXCEPTION 'the last Owner of a subscription stays'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'azure_last_owner';
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - constants of the role tables
    ),
]
