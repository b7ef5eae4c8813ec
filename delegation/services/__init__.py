"""Every write about delegated access: DAP, GDAP, and which groups work for a customer."""

from delegation.services.azure_assignments import (
    add_assignment,
    describe_assignment,
    reinstate,
    set_assignment_end,
)
from delegation.services.azure_assignments import remove_assignment as remove_azure_assignment
from delegation.services.azure_elevation import elevate, end_elevation, end_with_role
from delegation.services.azure_imports import import_scopes
from delegation.services.azure_scopes import create_scope, delete_scope, move_resource, tag_scope
from delegation.services.azure_subscriptions import (
    cancel_subscription,
    create_subscription,
    provision_subscription,
    rename_subscription,
)
from delegation.services.azure_sweeps import end_due_azure
from delegation.services.clean_exit import end_everything
from delegation.services.dap import (
    end_with_relationship,
    give_up_dap,
    grant_with_acceptance,
    limit_groups,
    remove_dap,
)
from delegation.services.gdap_amendments import prepare_amendment
from delegation.services.gdap_answers import (
    accept_counter_offer,
    approve_request,
    counter_offer,
    decline_request,
    forward_gdap,
    withdraw_counter_offer,
)
from delegation.services.gdap_assignments import assign_group, edit_assignment, plan_assignment, remove_assignment
from delegation.services.gdap_delivery import edit_text, open_request, replace_link, resend_request, send_request
from delegation.services.gdap_drift import Followed, follow_template
from delegation.services.gdap_endings import (
    end_gdap_with_relationship,
    remove_by_customer,
    remove_roles,
    set_auto_extend,
    terminate,
)
from delegation.services.gdap_moves import give_up_for_gdap, request_move
from delegation.services.gdap_plans import create_with_plans
from delegation.services.gdap_requests import (
    create_request,
    delete_request,
    edit_request,
    lock_request,
    withdraw_request,
)
from delegation.services.gdap_resellers import approve_for_customer, reject_for_customer
from delegation.services.gdap_sweeps import expire_gdap, extend_gdap, lapse_gdap, remind_gdap
from delegation.services.gdap_templates import (
    Content,
    create_template,
    edit_template,
    plan_template_groups,
    restore_template,
    retire_template,
)

__all__ = [
    "Content",
    "Followed",
    "accept_counter_offer",
    "add_assignment",
    "approve_for_customer",
    "approve_request",
    "assign_group",
    "cancel_subscription",
    "counter_offer",
    "create_request",
    "create_scope",
    "create_subscription",
    "create_template",
    "create_with_plans",
    "decline_request",
    "delete_request",
    "delete_scope",
    "describe_assignment",
    "edit_assignment",
    "edit_request",
    "edit_template",
    "edit_text",
    "elevate",
    "end_due_azure",
    "end_elevation",
    "end_everything",
    "end_gdap_with_relationship",
    "end_with_relationship",
    "end_with_role",
    "expire_gdap",
    "extend_gdap",
    "follow_template",
    "forward_gdap",
    "give_up_dap",
    "give_up_for_gdap",
    "grant_with_acceptance",
    "import_scopes",
    "lapse_gdap",
    "limit_groups",
    "lock_request",
    "move_resource",
    "open_request",
    "plan_assignment",
    "plan_template_groups",
    "prepare_amendment",
    "provision_subscription",
    "reinstate",
    "reject_for_customer",
    "remind_gdap",
    "remove_assignment",
    "remove_azure_assignment",
    "remove_by_customer",
    "remove_dap",
    "remove_roles",
    "rename_subscription",
    "replace_link",
    "request_move",
    "resend_request",
    "restore_template",
    "retire_template",
    "send_request",
    "set_assignment_end",
    "set_auto_extend",
    "tag_scope",
    "terminate",
    "withdraw_counter_offer",
    "withdraw_request",
]
