"""The values that `portal.access` answers with: paths, a decision, everything that one person holds in one tenant."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext

from portal import catalogue
from portal.catalogue import AzureRole, Capability, Role


@dataclass(frozen=True)
class Path:
    """One way in which a right reaches a person."""

    kind: str
    codename: str
    group_id: int
    source: str
    until: datetime | None
    pair_id: UUID | None
    scope_id: UUID | None = None

    @property
    def azure_role(self) -> AzureRole | None:
        """The Azure role it gives; None for others."""
        return catalogue.azure_roles().get(self.codename.removeprefix("azure_"))

    @property
    def role(self) -> Role | None:
        """The directory role it gives; None for an agent kind."""
        return catalogue.roles().get(self.codename.removeprefix("role_"))

    @property
    def role_name(self) -> str:
        """Its role's name, in the field's words; never translated."""
        role = self.role or self.azure_role
        return role.name if role else catalogue.AGENT_NAMES[self.codename]

    @property
    def role_label(self) -> str:
        """The same in the reader's language."""
        return gettext(self.role_name)

    @property
    def is_outside(self) -> bool:
        """Given to a partner's group: working by it is working on behalf."""
        return self.pair_id is not None


@dataclass(frozen=True)
class Decision:
    """The answer to one question, with the paths that allow it or what is missing.

    `obj` is what it was asked about, for whoever explains it; None where a page asked about the tenant by its key.
    """

    capability: Capability
    tenant_id: UUID
    paths: tuple[Path, ...]
    is_insider: bool = True
    obj: Model | None = field(default=None, repr=False, compare=False)

    @property
    def allowed(self) -> bool:
        """At least one path allows it."""
        return bool(self.paths)

    @property
    def path(self) -> Path | None:
        """The path that counts for the audit: one's own before a partner's."""
        return min(self.paths, key=lambda path: (path.is_outside, path.kind, path.codename), default=None)

    @property
    def is_on_behalf(self) -> bool:
        """Allowed only by delegated access."""
        return self.path is not None and self.path.is_outside

    @property
    def allowing_roles(self) -> tuple[str, ...]:
        """Names of the roles that allow it, the least privileged first."""
        return role_names(self.capability)

    @property
    def possible_on_behalf(self) -> bool:
        """Whether delegated access can ever allow it (DOMAIN §5)."""
        return catalogue.rules()[self.capability].on_behalf


@dataclass(frozen=True)
class Rights:
    """Everything one person holds in one tenant now: one query, then any number of answers."""

    tenant_id: UUID
    paths: tuple[Path, ...]
    is_insider: bool
    obj: Model | None = field(default=None, repr=False, compare=False)
    _held: dict[str, list[Path]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for path in self.paths:
            self._held.setdefault(path.codename, []).append(path)

    def decide(self, capability: Capability) -> Decision:
        """The same answer as `access.decide` for an object of this tenant."""
        rule = catalogue.rules()[capability]
        paths = [path for codename in rule.codenames for path in self._held.get(codename, ())]
        if not rule.on_behalf:
            paths = [path for path in paths if not path.is_outside]
        return Decision(capability, self.tenant_id, tuple(paths), self.is_insider, self.obj)

    def allows(self, capability: Capability | str) -> bool:
        """Whether the capability is held here."""
        return self.decide(Capability(capability)).allowed

    @property
    def roles(self) -> tuple[Path, ...]:
        """The paths that give directory roles here."""
        return tuple(path for path in self.paths if path.role)

    @property
    def is_on_behalf(self) -> bool:
        """Everything that is held here comes by delegated access."""
        return bool(self.paths) and all(path.is_outside for path in self.paths)


def role_names(capability: Capability) -> tuple[str, ...]:
    """Names of the roles (or agent kinds) that allow a capability, the least privileged first, for the reader."""
    codenames = least_first(capability)
    if capability is Capability.AZURE_VIEW:  # any role does; the plainest stands for all
        codenames = codenames[:1]
    roles = [(catalogue.role_of(codename), codename) for codename in codenames]
    return tuple(role.label if role else gettext(catalogue.AGENT_NAMES[codename]) for role, codename in roles)


@cache
def least_first(capability: Capability) -> tuple[str, ...]:
    """The codenames that allow a capability, the least privileged first (`privilege`)."""
    return tuple(sorted(catalogue.rules()[capability].codenames, key=privilege))


_MOST_POWERFUL = (f"role_{catalogue.GLOBAL_ADMINISTRATOR}", f"azure_{catalogue.AZURE_OWNER}")
#: Where any role will do, these stand for all.
_PLAINEST = ("Directory Readers", "Reader")


@cache
def privilege(codename: str) -> tuple[bool, bool, bool, int, bool]:
    """How much holding it gives, to sort by: full control last, then privileged roles, then by what they allow."""
    role = catalogue.role_of(codename)
    is_privileged = bool(role and role.is_privileged)
    is_more_than_plain = bool(role and role.name not in _PLAINEST)
    is_more_than_reading = bool(role and "Reader" not in role.name)
    return codename in _MOST_POWERFUL, is_privileged, is_more_than_plain, _abilities()[codename], is_more_than_reading


@cache
def _abilities() -> Counter[str]:
    return Counter(codename for rule in catalogue.rules().values() for codename in rule.codenames)
