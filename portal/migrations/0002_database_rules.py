"""Rules that live in the database: run-time role, append-only audit, last Global Administrator, cache table."""

from django.conf import settings
from django.db import migrations

ROLE = settings.APP_ROLE  # a constant of the settings

PRIVILEGES = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
        RAISE EXCEPTION 'the run-time role {ROLE} is missing: create it first (docs/operations.md)';
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO {ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {ROLE};
REVOKE UPDATE, DELETE, TRUNCATE ON portal_auditentry, portal_auditcheckpoint FROM {ROLE};
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON portal_membershipperiod FROM {ROLE};
"""

# DOMAIN §2: a tenant keeps at least one activated, enabled Global Administrator of its own. The tenant's row is locked
# first, so that of two who remove each other the second sees what the first did. Guests don't count.
LAST_ADMINISTRATOR = """
CREATE FUNCTION portal_keep_global_administrator(tenant uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM 1 FROM portal_tenant WHERE id = tenant FOR NO KEY UPDATE;
    IF NOT EXISTS (
        SELECT 1 FROM portal_roleassignment a JOIN portal_user u ON u.id = a.user_id
        WHERE a.tenant_id = tenant AND a.role_id = '62e90394-69f5-4237-9190-012177145e10' AND a.ended_at IS NULL
          AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL AND u.kind = 'member'
    ) AND EXISTS (
        SELECT 1 FROM portal_roleassignment a
        WHERE a.tenant_id = tenant AND a.role_id = '62e90394-69f5-4237-9190-012177145e10'
    ) THEN
        RAISE EXCEPTION 'a tenant keeps at least one activated, enabled Global Administrator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'last_global_administrator';
    END IF;
END $$;
"""

# The history of memberships is written by its trigger only, with the owner's rights.
HISTORY_AS_OWNER = """
DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             WHERE t.tgrelid = 'portal_membership'::regclass AND t.tgname LIKE 'pgtrigger_history%' LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', f);
    END LOOP;
END $$;
"""

CACHE_TABLE = """
CREATE TABLE portal_cache (
    cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
);
CREATE INDEX portal_cache_expires ON portal_cache (expires);
"""


class Migration(migrations.Migration):
    """Runs as the owner of the database."""

    dependencies = [("portal", "0001_initial")]

    operations = [
        migrations.RunSQL(CACHE_TABLE, "DROP TABLE portal_cache"),
        migrations.RunSQL(LAST_ADMINISTRATOR, "DROP FUNCTION portal_keep_global_administrator(uuid)"),
        migrations.RunSQL(HISTORY_AS_OWNER, migrations.RunSQL.noop),
        migrations.RunSQL(PRIVILEGES, migrations.RunSQL.noop),
    ]
