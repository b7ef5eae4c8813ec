"""Lists of messages: the operator's, and the demo's mailbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.cells import Cell
from portal.lists import ListTable
from portal.models import MailboxMessage, OutboxMessage


class OutboxTable(ListTable):
    """Messages with their delivery; a failed one can be sent again."""

    sorts: ClassVar[dict[str, str]] = {"created_at": "created_at"}
    default_sort = "-created_at"
    has_forms = True
    caption = _("Messages")
    empty_title = _("No messages")
    empty_text_long = _("Nothing was sent that matches.")

    created_at = Cell(template_name="portal/cells/moment.html", verbose_name=_("Created"))
    kind = Cell(template_name="portal/cells/outbox_kind.html", verbose_name=_("Kind"))
    to_address = tables.Column(verbose_name=_("To"))
    state = Cell(template_name="portal/cells/outbox_state.html", verbose_name=_("State"))
    attempts = tables.Column(verbose_name=_("Attempts"))
    last_error = tables.Column(verbose_name=_("Answer"))
    action = Cell(
        template_name="portal/cells/outbox_action.html",
        verbose_name=_("Action"),
        exclude_from_export=True,
        empty_values=(),
    )

    def value_created_at(self, value: datetime) -> str:
        """As exports have it: ISO 8601, UTC."""
        return value.astimezone(UTC).isoformat(timespec="seconds")

    def value_kind(self, value: str) -> str:
        """The name of its templates."""
        return value

    def value_state(self, record: OutboxMessage) -> str:
        """The state in words."""
        return str(record.get_state_display())


class MailboxTable(ListTable):
    """What the demo delivered."""

    sorts: ClassVar[dict[str, str]] = {"received_at": "received_at"}
    default_sort = "-received_at"
    caption = _("Mailbox")
    empty_title = _("No mail yet")
    empty_text_long = _("Every message that the portal sends arrives here in the demo.")

    received_at = Cell(template_name="portal/cells/moment.html", verbose_name=_("Received"))
    subject = tables.Column(verbose_name=_("Subject"), linkify=("mailbox-message", [tables.A("pk")]))
    to_address = tables.Column(verbose_name=_("To"))


class _Search(django_filters.FilterSet):
    q = django_filters.CharFilter(method="matching")
    searched: ClassVar[tuple[str, ...]] = ()

    def matching(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Rows with the text in one of the searched fields."""
        wanted = Q()
        for field in self.searched:
            wanted |= Q(**{f"{field}__icontains": value})
        return queryset.filter(wanted)


class OutboxFilter(_Search):
    """By state and text."""

    searched = ("to_address", "kind")
    state = django_filters.ChoiceFilter(choices=OutboxMessage.State.choices)

    class Meta:
        model = OutboxMessage
        fields: ClassVar[list[str]] = ["state"]


class MailboxFilter(_Search):
    """By text."""

    searched = ("to_address", "subject")

    class Meta:
        model = MailboxMessage
        fields: ClassVar[list[str]] = []
