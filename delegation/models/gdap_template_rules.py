"""What the database itself refuses about role templates, whoever writes (DOMAIN §6)."""

from __future__ import annotations

import pgtrigger

from delegation import catalogue


def _list(names: frozenset[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


TEMPLATE = [
    pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
    pgtrigger.Trigger(
        name="of_one_partner",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("partner_id", "latest", "created_at", "created_by_id"),
        func="""
            IF (OLD.partner_id, OLD.created_at, OLD.created_by_id) IS DISTINCT FROM
               (NEW.partner_id, NEW.created_at, NEW.created_by_id) OR NEW.latest < OLD.latest THEN
                RAISE EXCEPTION 'a template stays its partner''s, and its versions only follow each other'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
    # Looked at when the transaction commits: `latest` is the number of a version that is there, and the highest one.
    pgtrigger.Trigger(
        name="says_something",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("latest"),
        timing=pgtrigger.Deferred,
        func="""
            IF EXISTS (SELECT 1 FROM delegation_gdaptemplate t WHERE t.id = NEW.id AND t.latest IS DISTINCT FROM
                       (SELECT max(v.number) FROM delegation_gdaptemplateversion v WHERE v.template_id = t.id)) THEN
                RAISE EXCEPTION 'the present version of a template is its last one' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,
    ),
]

VERSION = [
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    pgtrigger.Trigger(
        name="fits",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF jsonb_typeof(NEW.roles) <> 'object' OR NEW.roles = '{{}}'::jsonb
               OR jsonb_typeof(NEW.plans) <> 'array' THEN
                RAISE EXCEPTION 'a template has roles' USING ERRCODE = 'check_violation';
            END IF;
            IF EXISTS (SELECT 1 FROM jsonb_object_keys(NEW.roles) AS r(id)
                       WHERE r.id NOT IN ({_list(frozenset(catalogue.requestable()))})
                          OR (NEW.auto_extend AND r.id IN ({_list(catalogue.never_lasting())}))) THEN
                RAISE EXCEPTION 'a template names roles that can be asked for' USING ERRCODE = 'check_violation';
            END IF;
            IF EXISTS (SELECT 1 FROM jsonb_array_elements(NEW.plans) AS p(plan)
                       WHERE jsonb_typeof(p.plan -> 'roles') IS DISTINCT FROM 'array'
                          OR p.plan -> 'roles' = '[]'::jsonb
                          OR EXISTS (SELECT 1 FROM jsonb_array_elements_text(p.plan -> 'roles') AS x(id)
                                     WHERE NOT NEW.roles ? x.id)
                          OR NOT EXISTS (
                              SELECT 1 FROM portal_securitygroup s JOIN delegation_gdaptemplate t
                                ON t.id = NEW.template_id AND t.partner_id = s.tenant_id
                              WHERE s.group_id = (p.plan ->> 'group')::int
                                AND s.kind NOT IN ('everyone', 'person'))) THEN
                RAISE EXCEPTION 'a template plans its partner''s groups with its own roles'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.number <> 1 + (SELECT coalesce(max(v.number), 0) FROM delegation_gdaptemplateversion v
                                  WHERE v.template_id = NEW.template_id) THEN
                RAISE EXCEPTION 'versions are numbered without gaps' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - our own words
    ),
]
