"""People as objects: who is privileged decides which capability is asked (DOMAIN §2)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from portal import catalogue
from portal.access import permissions
from portal.access.lists import in_force
from portal.catalogue import Capability
from portal.models import Membership, PathKind, SecurityGroup, User


def is_privileged_person(person: User) -> bool:
    """Holds a privileged role, one that counts as such, or is a member of a delegating group."""
    return privileged_people(User.objects.filter(pk=person.pk)).exists()


def privileged_people(people: QuerySet[User]) -> QuerySet[User]:
    """Those of `people` whom only the *privileged* capabilities may edit, block or reset."""
    role_ids = [permissions.ids()[catalogue.roles()[role_id].codename] for role_id in catalogue.privileged_role_ids()]
    holders = in_force().filter(
        kind=PathKind.EXPLICIT,
        permission_id__in=role_ids,
        group__memberships__user_id=OuterRef("pk"),
    )
    delegating = SecurityGroup.objects.filter(SecurityGroup.delegating()).values("pk")
    agents = Membership.objects.filter(user_id=OuterRef("pk"), group_id__in=delegating)
    return people.filter(Exists(holders) | Exists(agents))


def capability_over(person: User, ordinary: Capability) -> Capability:
    """`users.edit` or `users.reset_password`, or its privileged twin where the person calls for it."""
    twins = {
        Capability.USERS_EDIT: Capability.USERS_EDIT_PRIVILEGED,
        Capability.USERS_RESET_PASSWORD: Capability.USERS_RESET_PASSWORD_PRIVILEGED,
    }
    return twins[ordinary] if is_privileged_person(person) else ordinary
