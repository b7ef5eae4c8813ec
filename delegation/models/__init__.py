"""What partners are given in customers' tenants: DAP, GDAP, Azure roles."""

from delegation.models.azure import ELEVATED_FOR, AzureAssignment, AzureElevation, AzureSubscription
from delegation.models.dap import DapGrant
from delegation.models.gdap import GdapRelationship, GdapRole
from delegation.models.gdap_answers import GdapAssignment, GdapCounterOffer, GdapForward, GdapReminder
from delegation.models.gdap_templates import GdapTemplate, GdapTemplateVersion

__all__ = [
    "ELEVATED_FOR",
    "AzureAssignment",
    "AzureElevation",
    "AzureSubscription",
    "DapGrant",
    "GdapAssignment",
    "GdapCounterOffer",
    "GdapForward",
    "GdapRelationship",
    "GdapReminder",
    "GdapRole",
    "GdapTemplate",
    "GdapTemplateVersion",
]
