"""Partner types and what they may carry (DOMAIN §13), read once from `data/`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext_lazy as _

DATA = Path(__file__).parent / "data"

RESELLER = "reseller"
INDIRECT_RESELLER = "indirect_reseller"
#: What the approval of a GDAP request adds.
GDAP = "gdap"

#: Stable keys for the types of the table, in its order, with their names for pages.
_KEYS = {
    "Advisor": ("advisor", _("Advisor")),
    "Independent software vendor (ISV)": ("isv", _("Independent software vendor (ISV)")),
    "Indirect reseller": (INDIRECT_RESELLER, _("Indirect reseller")),
    "Line-of-business (LOB) partner": ("lob", _("Line-of-business (LOB) partner")),
    "Microsoft Products & Services Agreement (MPSA) partner": (
        "mpsa",
        _("Microsoft Products & Services Agreement (MPSA) partner"),
    ),
    "Original equipment manufacturer (OEM)": ("oem", _("Original equipment manufacturer (OEM)")),
    "Partner": ("partner", _("Partner")),
    "Partner with GDAP access": (GDAP, _("Partner with GDAP access")),
    "Reseller": (RESELLER, _("Reseller")),
}
#: Types that can be invited now; the others come with their issues.
INVITABLE = (RESELLER,)


@dataclass(frozen=True)
class PartnerType:
    """One type of relationship and whether it may carry DAP: required, optional or never."""

    key: str
    name: str
    dap: str
    description: str

    @property
    def may_carry_dap(self) -> bool:
        """DAP ends with the last type of the pair that may carry it (DOMAIN §4)."""
        return self.dap in ("required", "optional")


@cache
def partner_types() -> dict[str, PartnerType]:
    """All types by key."""
    with (DATA / "partner_types.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        key, name = _KEYS[row["partner_type"]]
        found[key] = PartnerType(key, name, row["dap"], row["description"])
    return found


def type_choices() -> list[tuple[str, str]]:
    """(key, name) of every type."""
    return [(item.key, item.name) for item in partner_types().values()]


#: What DAP gives (DOMAIN §3): partner's group → directory role in the customer's tenant.
DAP_GIVES = (("AdminAgents", "Global Administrator"), ("HelpdeskAgents", "Helpdesk Administrator"))
