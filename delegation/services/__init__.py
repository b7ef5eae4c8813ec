"""Every write about delegated access: DAP, GDAP, and which groups work for a customer."""

from delegation.services.dap import (
    end_with_relationship,
    give_up_dap,
    grant_with_acceptance,
    limit_groups,
    remove_dap,
)

__all__ = [
    "end_with_relationship",
    "give_up_dap",
    "grant_with_acceptance",
    "limit_groups",
    "remove_dap",
]
