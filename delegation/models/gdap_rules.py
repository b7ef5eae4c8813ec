"""What the database itself refuses about GDAP, whoever writes (DOMAIN §6)."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from delegation import catalogue, states
from portal.models.transitions import legal_moves


def _list(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_NEVER_LASTING = _list(sorted(catalogue.never_lasting()))
_FROZEN = (
    "partner_id", "display_name", "name_key", "duration_days", "customer_name", "customer_address",
    "limited_to_domain", "language", "subject", "body", "replaces_id", "template_version_id", "reseller_id",
    "created_at", "created_by_id", "locked_at", "locked_by_id", "lapses_at",
)  # fmt: skip
#: Set once, then never changed.
_ONCE = ("customer_id", "pair_id", "granted_days", "approved_at", "approved_by_id", "activated_at")


def _row(name: str) -> str:
    return "(" + ", ".join(f"{name}.{field}" for field in _FROZEN) + ")"


_SET_ONCE = " OR ".join(f"(OLD.{field} IS NOT NULL AND NEW.{field} IS DISTINCT FROM OLD.{field})" for field in _ONCE)

#: A sub-state of approvalPending: an answer only of a reseller, a rejection ends it, the customer's answer comes later.
RESELLER_CONSTRAINTS = [
    models.CheckConstraint(
        condition=Q(reseller__isnull=True, reseller_answer="") | (Q(reseller__isnull=False) & ~Q(reseller_answer="")),
        name="gdap_reseller_answers",
    ),
    models.CheckConstraint(
        condition=Q(reseller__isnull=True)
        | (Q(customer__isnull=False) & ~Q(reseller=F("customer")) & ~Q(reseller=F("partner"))),
        name="gdap_of_three",
    ),
    models.CheckConstraint(
        condition=Q(
            reseller_answer__in=["approved", "rejected"],
            reseller_answered_at__isnull=False,
            reseller_answered_by__isnull=False,
        )
        | Q(reseller_answer__in=["", "pending"], reseller_answered_at__isnull=True, reseller_answered_by__isnull=True),
        name="gdap_reseller_answer_has_a_date",
    ),
    models.CheckConstraint(
        condition=Q(reseller_answer__in=["", "approved"])
        | Q(reseller_answer="pending", status__in=["created", "approvalPending"])
        | Q(reseller_answer="pending", status="terminated", end_reason__in=["withdrawn", "lapsed"])
        | Q(reseller_answer="rejected", status="terminated", end_reason="declined"),
        name="gdap_reseller_answers_first",
    ),
]

RELATIONSHIP = [
    legal_moves(states.GDAP, "status"),
    legal_moves(states.RESELLER_ANSWER, "reseller_answer", name="legal_answers"),
    pgtrigger.Trigger(
        name="reseller_asked_first",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("reseller_id", "reseller_answer"),
        condition=pgtrigger.Q(new__reseller_id__isnull=False),
        func="""
            IF NEW.reseller_answer IN ('approved', 'rejected')
               AND (TG_OP = 'INSERT' OR OLD.status <> 'approvalPending') THEN
                RAISE EXCEPTION 'a reseller answers a request that waits' USING ERRCODE = 'check_violation';
            END IF;
            IF (TG_OP = 'INSERT' OR NEW.reseller_id IS DISTINCT FROM OLD.reseller_id) AND NOT EXISTS (
                SELECT 1 FROM portal_partnerprofile p JOIN portal_partnerprofile r ON r.tenant_id = NEW.reseller_id
                WHERE p.tenant_id = NEW.partner_id AND p.channel_role = 'indirect_provider'
                AND r.channel_role = 'indirect_reseller') THEN
                RAISE EXCEPTION 'an indirect provider asks through an indirect reseller'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
    pgtrigger.Trigger(
        name="starts_as_draft",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Q(new__status__df="created"),
        func="RAISE EXCEPTION 'a GDAP relationship starts as created' USING ERRCODE = 'check_violation';",
    ),
    pgtrigger.Protect(
        name="only_drafts_deleted", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__status__df="created")
    ),
    pgtrigger.Protect(
        name="ended_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__status__in=list(states.FINAL))
    ),
    pgtrigger.Trigger(
        name="frozen_once_locked",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Q(old__status__df="created"),
        func=f"""
            IF {_row("OLD")} IS DISTINCT FROM {_row("NEW")} OR {_SET_ONCE}
               OR (OLD.status = 'approvalPending' AND NEW.status IN ('approvalPending', 'terminated')
                   AND (OLD.auto_extend, OLD.ends_at) IS DISTINCT FROM (NEW.auto_extend, NEW.ends_at)) THEN
                RAISE EXCEPTION 'a locked GDAP request is frozen' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
    pgtrigger.Trigger(
        name="no_lasting_full_control",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("auto_extend"),
        condition=pgtrigger.Q(new__auto_extend=True),
        func=f"""
            IF EXISTS (SELECT 1 FROM delegation_gdaprole r WHERE r.relationship_id = NEW.id AND r.removed_at IS NULL
                       AND r.is_granted IS NOT FALSE AND r.role_id IN ({_NEVER_LASTING})) THEN
                RAISE EXCEPTION 'this role never extends by itself' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - our own words
    ),
    pgtrigger.Trigger(
        name="template_of_the_partner",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("template_version_id", "partner_id"),
        condition=pgtrigger.Q(new__template_version_id__isnull=False),
        func="""
            IF NOT EXISTS (SELECT 1 FROM delegation_gdaptemplateversion v
                           JOIN delegation_gdaptemplate t ON t.id = v.template_id AND t.partner_id = NEW.partner_id
                           WHERE v.id = NEW.template_version_id) THEN
                RAISE EXCEPTION 'a template is one of the partner''s own' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
    # Looked at when the transaction commits: the row as it is then.
    pgtrigger.Trigger(
        name="nothing_in_between",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("status"),
        timing=pgtrigger.Deferred,
        func=f"""
            IF EXISTS (SELECT 1 FROM delegation_gdaprelationship g
                       WHERE g.id = NEW.id AND g.status IN ({_list(states.IN_BETWEEN)})) THEN
                RAISE EXCEPTION 'no transaction leaves a GDAP relationship in between'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF EXISTS (SELECT 1 FROM delegation_gdaprelationship g WHERE g.id = NEW.id AND g.status = 'active')
               AND (EXISTS (SELECT 1 FROM delegation_gdaprole r
                            WHERE r.relationship_id = NEW.id AND r.is_granted IS NULL)
                    OR NOT EXISTS (SELECT 1 FROM delegation_gdaprole r WHERE r.relationship_id = NEW.id
                                   AND r.is_granted AND r.removed_at IS NULL)) THEN
                RAISE EXCEPTION 'an active GDAP relationship has its roles decided, and at least one in force'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - our own words
    ),
]

ROLE = [
    pgtrigger.Trigger(
        name="asked_in_a_draft",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Delete,
        declare=[("asked", "record")],
        func=f"""
            SELECT status, auto_extend INTO asked FROM delegation_gdaprelationship
            WHERE id = COALESCE(NEW.relationship_id, OLD.relationship_id);
            IF asked.status <> 'created' THEN
                RAISE EXCEPTION 'the roles of a locked GDAP request are frozen' USING ERRCODE = 'check_violation';
            END IF;
            IF TG_OP = 'INSERT' AND asked.auto_extend AND NEW.role_id IN ({_NEVER_LASTING}) THEN
                RAISE EXCEPTION 'this role never extends by itself' USING ERRCODE = 'check_violation';
            END IF;
            RETURN COALESCE(NEW, OLD);
        """,  # noqa: S608 - our own words
    ),
    pgtrigger.Trigger(
        name="decided_once_then_removed",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        declare=[("stands", "text")],
        func="""
            SELECT status INTO stands FROM delegation_gdaprelationship WHERE id = OLD.relationship_id;
            IF (OLD.relationship_id, OLD.role_id, OLD.reason) IS DISTINCT FROM
               (NEW.relationship_id, NEW.role_id, NEW.reason)
               OR (OLD.is_granted IS DISTINCT FROM NEW.is_granted
                   AND (OLD.is_granted IS NOT NULL OR stands NOT IN ('approved', 'activating')))
               OR (OLD.removed_at IS DISTINCT FROM NEW.removed_at
                   AND (OLD.removed_at IS NOT NULL OR stands <> 'active')) THEN
                RAISE EXCEPTION 'a role is granted once, with the approval, and only ever removed'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.removed_at IS NOT NULL AND EXISTS (
                SELECT 1 FROM delegation_gdapassignment a WHERE a.relationship_id = NEW.relationship_id
                AND a.state <> 'deleted' AND NEW.role_id = ANY(a.role_ids)) THEN
                RAISE EXCEPTION 'a group still holds this role' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
]

COUNTER_OFFER = [
    legal_moves(states.COUNTER_OFFER),
    pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
    pgtrigger.Trigger(
        name="within_the_request",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("relationship_id", "role_ids", "duration_days"),
        func="""
            IF TG_OP = 'UPDATE' OR NOT EXISTS (
                SELECT 1 FROM delegation_gdaprelationship g WHERE g.id = NEW.relationship_id
                AND g.status = 'approvalPending' AND g.reseller_answer IN ('', 'approved')
                AND NEW.duration_days BETWEEN 1 AND g.duration_days
                AND NEW.role_ids::text[] <@ ARRAY(
                    SELECT r.role_id::text FROM delegation_gdaprole r WHERE r.relationship_id = g.id)) THEN
                RAISE EXCEPTION 'a counter-offer stays within the pending request and is never changed'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
]

ASSIGNMENT = [
    legal_moves(states.ASSIGNMENT),
    pgtrigger.Protect(name="deleted_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="deleted")),
    pgtrigger.Trigger(
        name="only_drafts_deleted",
        when=pgtrigger.Before,
        operation=pgtrigger.Delete,
        func="""
            IF EXISTS (SELECT 1 FROM delegation_gdaprelationship g
                       WHERE g.id = OLD.relationship_id AND g.status <> 'created') THEN
                RAISE EXCEPTION 'assignments of a locked request are kept' USING ERRCODE = 'check_violation';
            END IF;
            RETURN OLD;
        """,
    ),
    pgtrigger.Trigger(
        name="within_the_relationship",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("relationship_id", "group_id", "role_ids", "state"),
        func="""
            IF NEW.state = 'deleted' THEN
                RETURN NEW;
            END IF;
            IF NOT EXISTS (
                SELECT 1 FROM delegation_gdaprelationship g WHERE g.id = NEW.relationship_id
                AND (g.status = 'active' OR (NEW.state = 'planned' AND g.status IN ('created', 'approvalPending')))
                AND NEW.role_ids::text[] <@ ARRAY(
                    SELECT r.role_id::text FROM delegation_gdaprole r WHERE r.relationship_id = g.id
                    AND r.removed_at IS NULL AND (r.is_granted OR g.status <> 'active'))
                AND EXISTS (SELECT 1 FROM portal_securitygroup s WHERE s.group_id = NEW.group_id
                            AND s.tenant_id = g.partner_id AND s.kind NOT IN ('everyone', 'person'))) THEN
                RAISE EXCEPTION 'an assignment is one of the partner''s groups with roles of the relationship'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    ),
]
