"""A certificate's document on paper: A4, one font for all languages, the signed JSON attached.

The same document gives the same bytes. Fonts: Noto Sans, and Noto Sans CJK where the text needs it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import resources
from itertools import zip_longest
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

_LATIN = ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf")
_CJK = ("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc")
_TRADITIONAL = 3  # its number in the collection; the others draw the same characters in other forms
_MARGIN = 20
_IDEOGRAPH = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef](?![、。，．：；！？）」』])")
_GREY, _INK = (90, 98, 112), (23, 28, 38)
_GOOD, _STOP = (18, 110, 62), (166, 38, 38)
_SHADE, _RULE = (240, 242, 246), (205, 210, 220)
_COLUMNS = (34, 43, 23)
_MOST_IN_A_ROW = 400


class _Paper(FPDF):
    """A4 with what stands at the foot of each page."""

    foot = ""

    def footer(self) -> None:
        """The key and the number of the page."""
        self.set_y(-15)
        _font(self, 7.5)
        self.set_text_color(*_GREY)
        width = self.epw - 25
        self.cell(width, 4, self.foot)
        self.cell(25, 4, f"{self.page_no()} / {{nb}}", align="R")


def printed(document: Mapping[str, Any], *, attachment: bytes) -> bytes:
    """The PDF of a certificate's document, in the document's language."""
    with translation.override(document["language"]):
        paper = _paper(document)
        _head(paper, document)
        _facts(paper, document)
        for section in document["content"]["sections"]:
            _section(paper, section)
        _how_to_verify(paper, document)
    paper.embed_file(
        bytes=attachment,
        basename=f"certificate-{document['number']}.json",
        mime_type="application/json",
        creation_date=_moment(document),
        modification_date=_moment(document),
    )
    raw = bytes(paper.output())
    for font in paper.fonts.values():
        font.close()  # type: ignore[union-attr]
    return raw


def _paper(document: Mapping[str, Any]) -> _Paper:
    paper = _Paper(format="A4")
    paper.set_margin(_MARGIN)
    paper.set_auto_page_break(True, margin=22)
    paper.set_creation_date(_moment(document))
    paper.set_lang(document["language"])
    paper.set_title(_plain(document["content"]["title"]))
    paper.set_author(_plain(document["tenant"]["name"]))
    with _file(_LATIN) as latin:
        paper.add_font("sans", fname=latin)
    known = paper.fonts["sans"].cmap
    if any(ord(character) not in known for text in _texts(document) for character in text):
        with _file(_CJK) as cjk:
            paper.add_font("cjk", fname=cjk, collection_font_number=_TRADITIONAL)
        paper.set_fallback_fonts(["cjk"], exact_match=False)
    number = _("Certificate %(number)s") % {"number": document["number"]}
    paper.foot = f"{number} · {document['issued_at']} · {document['key_id']}"
    paper.add_page()
    return paper


def _file(font: tuple[str, str]) -> Any:
    package, name = font
    return resources.as_file(resources.files(package).joinpath(name))


def _moment(document: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(document["issued_at"])


def _texts(value: Any) -> Iterator[str]:
    """Every text of a document, and those that are printed beside it."""
    if isinstance(value, str):
        yield _plain(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
        yield _("Certificate %(number)s")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _plain(text: Any) -> str:
    """One line of characters that can be printed."""
    spaced = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(text))
    return _IDEOGRAPH.sub("\\g<0>\u200b", " ".join(spaced.split()))  # a line may end after each


def _font(paper: FPDF, size: float) -> None:
    """Choose the size, and have the library write it down now.

    It would do so inside the first line, and forget it with that line's colour if the line begins with another font.
    """
    left = paper.x
    paper.set_font("sans", size=size)
    paper.cell(0.1, 0, " ")
    paper.set_x(left)


def _write(paper: FPDF, text: str, size: float, colour: tuple[int, int, int], after: float = 0) -> None:
    _font(paper, size)
    paper.set_text_color(*colour)
    paper.multi_cell(0, size * 0.5, _plain(text), new_x="LMARGIN", new_y="NEXT", align="L")
    paper.ln(after)


def _head(paper: FPDF, document: Mapping[str, Any]) -> None:
    content = document["content"]
    _write(paper, document["portal"], 9, _GREY, after=5)
    _write(paper, content["title"], 22, _INK, after=3)
    verdict, colour = (
        (pgettext("certificate", "Complete"), _GOOD) if document["is_complete"] else (_("Incomplete"), _STOP)
    )
    _write(paper, verdict, 15, colour, after=2)
    if content.get("summary"):
        _write(paper, content["summary"], 10.5, _INK, after=2)
    paper.ln(3)


def _facts(paper: FPDF, document: Mapping[str, Any]) -> None:
    tenant, partner, by = document["tenant"], document["partner"], document["issued_by"]
    facts = (
        (_("Customer"), f"{tenant['name']} ({tenant['domain']})"),
        (_("Partner"), f"{partner['name']} ({partner['domain']})"),
        (_("Number"), str(document["number"])),
        (_("Issued"), f"{_moment(document):%Y-%m-%d %H:%M:%S} UTC"),
        (_("Issued by"), f"{by['name']} ({by['sign_in_name']})"),
    )
    _table(paper, (26, 74), [(label, value, _INK) for label, value in facts])
    paper.ln(7)


def _section(paper: FPDF, section: Mapping[str, Any]) -> None:
    if paper.will_page_break(30):
        paper.add_page()
    _write(paper, section["title"], 13, _INK, after=2)
    rows = [
        (line["label"], line["detail"], line["outcome"], _STOP if line["is_left"] else _INK)
        for line in section["lines"]
    ]
    if rows:
        _table(paper, _COLUMNS, rows, headings=(_("What"), _("Who and where"), _("What became of it")))
    else:
        _write(paper, _("There was nothing of this kind."), 10, _GREY)
    paper.ln(6)


def _table(
    paper: FPDF, widths: tuple[int, ...], rows: list[tuple[Any, ...]], headings: tuple[str, ...] | None = None
) -> None:
    """Rows of cells; the last item of a row is the colour of its last cell."""
    _font(paper, 9.5)
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_RULE)
    with paper.table(
        col_widths=widths,
        first_row_as_headings=headings is not None,
        headings_style=FontFace(emphasis="", color=_GREY, fill_color=_SHADE),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        text_align="LEFT",
        v_align="TOP",
        line_height=5,
        padding=(1.5, 2, 1.5, 1),
    ) as table:
        if headings:
            table.row(headings)
        for *cells, colour in rows:
            for pieces in zip_longest(*map(_pieces, cells), fillvalue=""):
                row = table.row()
                for place, text in enumerate(pieces):
                    row.cell(text, style=FontFace(color=colour if place == len(cells) - 1 else _INK))


def _pieces(text: str) -> list[str]:
    """A cell's text in parts that fit on a page each: a row is never broken."""
    plain = _plain(text)
    return [plain[start : start + _MOST_IN_A_ROW] for start in range(0, len(plain), _MOST_IN_A_ROW)] or [""]


def _how_to_verify(paper: FPDF, document: Mapping[str, Any]) -> None:
    if paper.will_page_break(30):
        paper.add_page()
    text = _(
        "This file is signed as a whole, and the same content is attached as signed JSON. Whoever has the portal's "
        "public key verifies both without the portal: manage.py audit verify-certificate FILE --public-key PEM. "
        "Any changed byte shows. Key: %(key)s"
    )
    _write(paper, text % {"key": document["key_id"]}, 8.5, _GREY)
