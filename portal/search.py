"""Search over a million rows without extensions: words, prefixed with whose list they are in, in a tsvector.

The lexeme of “Contoso” in the list of partner P is `<P>:contoso`; a prefix query then reads that partner's words only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func, Model, QuerySet, TextField, Value

_SPLIT = re.compile(r"[\W_]+")
_MOST_WORDS = 60
_LONGEST_WORD = 60
_IDEOGRAPHS = re.compile(r"([\u3400-\u9fff\uf900-\ufaff])")


def words(*texts: str) -> list[str]:
    """The searchable words of some texts: casefolded, each ideograph from which one can start also a word."""
    found: dict[str, None] = {}
    for text in texts:
        folded = unicodedata.normalize("NFKC", text).casefold()
        for word in _SPLIT.split(folded):
            if not word:
                continue
            found[word[:_LONGEST_WORD]] = None
            for match in list(_IDEOGRAPHS.finditer(word))[:_LONGEST_WORD]:
                found[word[match.start() : match.start() + _LONGEST_WORD]] = None
    return list(found)[:_MOST_WORDS]


def lexemes(scope: UUID | str, *texts: str) -> list[str]:
    """The words of some texts in one list."""
    return [f"{scope}:{word}" for word in words(*texts)]


def vector(entries: Iterable[str]) -> Func:
    """Value for a search column from lexemes."""
    return Func(
        Value(list(entries), output_field=ArrayField(TextField())),
        function="array_to_tsvector",
        output_field=SearchVectorField(),
    )


def key(text: str) -> str:
    """What a name is sorted by: casefolded, compatibility forms unified."""
    return unicodedata.normalize("NFKC", text).casefold()[:200]


class _RawQuery(SearchQuery):
    """Our own lexemes, not words of a language: cast as they are, never parsed."""

    def as_sql(self, compiler: Any, connection: Any, function: Any = None, template: Any = None) -> Any:
        return super().as_sql(compiler, connection, function, "%(expressions)s::tsquery")


def matching(queryset: QuerySet[Any], scopes: Iterable[UUID | str], text: str, column: str = "search") -> QuerySet[Any]:
    """The rows in which every word of `text` begins a word of the list's; all rows for an empty text."""
    wanted = words(text)
    if not wanted:
        return queryset.none() if text.strip() else queryset
    parts = []
    for word in wanted:
        quoted = (f"'{scope}:{word.replace(chr(39), '')}':*" for scope in scopes)
        parts.append("(" + " | ".join(quoted) + ")")
    return queryset.filter(**{column: _RawQuery(Value(" & ".join(parts)))})


def store(row: Model, scope: UUID | str, *texts: str, column: str = "search") -> None:
    """Write the search column of one saved row."""
    type(row)._default_manager.filter(pk=row.pk).update(**{column: vector(lexemes(scope, *texts))})
