"""Retention of the audit chain: the one function that removes rows, with the owner's rights (DOMAIN §15)."""

from django.conf import settings
from django.db import migrations

ROLE = settings.APP_ROLE  # a constant of the settings

# Only the oldest stretch, never the last row, never a row younger than 30 days (whatever the caller says); the hash
# must be that of the last removed row, so that the chain goes on from the checkpoint.
RETAIN = f"""
CREATE FUNCTION portal_retain_audit(chain uuid, upto bigint, last_hash bytea, signed bytea, moment timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE removed bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM portal_auditentry e WHERE e.tenant_id = chain AND e.seq = upto AND e.hash = last_hash)
    OR NOT EXISTS (SELECT 1 FROM portal_auditentry e WHERE e.tenant_id = chain AND e.seq > upto) THEN
        RAISE EXCEPTION 'retention ends at a row of the chain that is not its last one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_retention_stretch';
    END IF;
    IF EXISTS (
        SELECT 1 FROM portal_auditentry e
        WHERE e.tenant_id = chain AND e.seq <= upto AND e.at > now() - interval '30 days'
    ) THEN
        RAISE EXCEPTION 'rows younger than 30 days are kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_retention_age';
    END IF;
    INSERT INTO portal_auditcheckpoint (tenant_id, seq, hash, signature, made_at)
    VALUES (chain, upto, last_hash, signed, moment);
    DELETE FROM portal_auditentry e WHERE e.tenant_id = chain AND e.seq <= upto;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
REVOKE ALL ON FUNCTION portal_retain_audit(uuid, bigint, bytea, bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION portal_retain_audit(uuid, bigint, bytea, bytea, timestamptz) TO {ROLE};
REVOKE INSERT ON portal_auditcheckpoint FROM {ROLE};
"""
UNDO = f"""
DROP FUNCTION portal_retain_audit(uuid, bigint, bytea, bytea, timestamptz);
GRANT INSERT ON portal_auditcheckpoint TO {ROLE};
"""


class Migration(migrations.Migration):
    """Runs as the owner of the database."""

    dependencies = [("portal", "0003_people_lists_and_deletion")]

    operations = [migrations.RunSQL(RETAIN, UNDO)]
