"""What each capability means, in the reader's language: the sentences of the two tables, marked for translation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.catalogue import Capability

#: The texts are those of `data/*.csv` (a test compares them), which message catalogues can't be made from.
MEANINGS = {
    Capability.ACCOUNT_VIEW: _("see the organisation's profile"),
    Capability.USERS_VIEW: _("see users and explicit role holders"),
    Capability.USERS_CREATE: _("create a user or invite a colleague"),
    Capability.USERS_EDIT: _("edit or block a user who holds no privileged role"),
    Capability.USERS_EDIT_PRIVILEGED: _("edit or block a user who holds a privileged role"),
    Capability.USERS_RESET_PASSWORD: _("reset the password of a user who holds no privileged role"),
    Capability.USERS_RESET_PASSWORD_PRIVILEGED: _("reset the password of a user who holds a privileged role"),
    Capability.ROLES_ASSIGN: _("assign or remove directory roles"),
    Capability.LICENCES_ASSIGN: _("assign licences to users"),
    Capability.GROUPS_MANAGE: _("manage security groups and their members"),
    Capability.GUESTS_INVITE: _("invite a guest account"),
    Capability.SUBSCRIPTIONS_VIEW: _("see licence subscriptions and orders"),
    Capability.SUBSCRIPTIONS_MANAGE: _("buy and change and renew and cancel as the customer"),
    Capability.AGREEMENT_ACCEPT: _("accept the customer agreement"),
    Capability.PARTNERS_VIEW: _("see Partner relationships and effective access"),
    Capability.PARTNERS_ACCEPT_WITHOUT_ROLES: _("accept a relationship that grants no admin role"),
    Capability.PARTNERS_ACCEPT_WITH_ROLES: _("accept DAP or device registration or an OEM"),
    Capability.GDAP_APPROVE: _("approve or decline or counter-offer a GDAP request"),
    Capability.PARTNERS_REMOVE_DAP: _("remove DAP"),
    Capability.GDAP_REMOVE_ROLES: _("remove GDAP roles"),
    Capability.SERVICE_REQUESTS_VIEW: _("see service requests"),
    Capability.SERVICE_REQUESTS_MANAGE: _("open and comment and resolve service requests"),
    Capability.AZURE_ELEVATE: _("make oneself User Access Administrator on all of the tenant's Azure subscriptions"),
    Capability.DEVICES_VIEW: _("see Autopilot devices and profiles"),
    Capability.DEVICES_MANAGE: _("register and remove devices and manage profiles as the customer"),
    Capability.ROOMS_ASSIGN_MANAGERS: _("make someone Teams Rooms Pro Manager"),
    Capability.AUDIT_VIEW: _("read the tenant's audit log"),
    Capability.ORGANISATION_EDIT: _("edit name and country and language and contacts and policies of the tenant"),
    Capability.DOMAINS_MANAGE: _("add and verify and remove domains"),
    Capability.PARTNER_PROFILE_MANAGE: _("become a partner and edit the partner profile"),
    Capability.ELEVATED_REVIEW: _("see who elevated or was given a privileged role"),
    Capability.CUSTOMERS_VIEW: _("see Customers and the history of a relationship"),
    Capability.CUSTOMERS_ANNOTATE: _("own notes and tags and account manager per customer"),
    Capability.CUSTOMERS_EXPORT: _("CSV of customers"),
    Capability.CUSTOMERS_LIMIT_GROUPS: _("choose which groups work for which customer"),
    Capability.INVITATIONS_VIEW: _("see invitations and their delivery"),
    Capability.INVITATIONS_SEND: _("write and send an invitation with or without DAP"),
    Capability.INVITATIONS_CANCEL: _("cancel or resend or replace the link of any invitation"),
    Capability.RELATIONSHIPS_END: _("end a relationship with a customer"),
    Capability.DAP_GIVE_UP: _("give up delegated admin privileges"),
    Capability.GDAP_VIEW: _("see GDAP relationships and Expiring and analytics"),
    Capability.GDAP_REQUEST: _("create and lock and withdraw a GDAP request; answer a counter-offer"),
    Capability.GDAP_ASSIGN: _("manage access assignments (User Administrators of the partner too)"),
    Capability.GDAP_EXTEND: _("switch auto-extend and ask for renewals and amendments"),
    Capability.GDAP_TERMINATE: _("end a GDAP relationship or remove roles from it"),
    Capability.GDAP_TEMPLATES: _("manage role templates"),
    Capability.DELEGATING_GROUPS_MANAGE: _(
        "edit members of the three built-in groups and of every group with an assignment"
    ),
    Capability.ACCESS_REVIEW: _("see Our access and the leaver's page"),
    Capability.SUBSCRIPTIONS_PROVISION: _("provision an Azure subscription for a customer"),
    Capability.ORDERS_PLACE: _("order and change and renew and cancel subscriptions"),
    Capability.DEVICES_ADD: _("upload device batches"),
    Capability.DEVICES_PROFILES: _("create and change and apply profiles"),
    Capability.LEADS_MANAGE: _("answer leads"),
    Capability.PARTNER_PROFILE_EDIT: _("edit the directory profile"),
    Capability.INDIRECT_MANAGE: _("make and end provider and reseller partnerships"),
    Capability.PARTNER_AUDIT_VIEW: _("read the partner's own audit log"),
}
