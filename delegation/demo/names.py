"""Names of the generated customers: three languages, each with a label that resembles no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

_ENGLISH = (
    "Lakeside|Harbour|Northgate|Silver Birch|Old Mill|Riverbend|Stonebridge|Granite|Bluebell|Copper Hill|Fernwood",
    "Bakery|Logistics|Dental Care|Books|Foods|Engineering|Travel|Print|Textiles|Energy|Legal",
)
_GERMAN = (
    "Lindenhof|Bergblick|Seeufer|Waldtal|Nordlicht|Rosengarten|Steinbach|Hafenkante",
    "Bäckerei|Maschinenbau|Logistik|Druckerei|Gartenbau|Apotheke|Holzbau",
)
_CHINESE = (
    "晨光 chenguang|海風 haifeng|青山 qingshan|明月 mingyue|金橋 jinqiao|竹林 zhulin|長河 changhe|東門 dongmen",
    "貿易 trading|科技 tech|食品 foods|物流 freight|紡織 weaving",
)
_COUNTRIES = {"en": ("GB", "IE", "US", "CA", "AU", "NZ"), "de": ("DE", "AT", "CH"), "zh-hant": ("TW", "HK")}


@dataclass(frozen=True)
class Customer:
    """One generated customer."""

    number: int
    label: str
    name: str
    country: str
    language: str

    @property
    def domain(self) -> str:
        """Its verified domain."""
        return f"{self.label}.example"


def _pairs(words: tuple[str, str]) -> Iterator[tuple[str, str]]:
    return product(words[0].split("|"), words[1].split("|"))


def _named() -> Iterator[tuple[str, str, str]]:
    for first, trade in _pairs(_ENGLISH):
        yield f"{first} {trade}", f"{first}-{trade}".lower().replace(" ", "-"), "en"
    for first, trade in _pairs(_GERMAN):
        label = f"{first}-{trade}".lower().replace("ä", "ae").replace("ü", "ue")
        yield f"{first} {trade} GmbH", label, "de"
    for first, trade in _pairs(_CHINESE):
        name, sound = zip(first.split(), trade.split(), strict=True)
        yield "".join(name), "-".join(sound), "zh-hant"


def customers() -> list[Customer]:
    """All of them, the languages mixed, in the order in which they come to the portal."""
    named = list(_named())
    count = len(named)
    step = 101  # no divisor of the number of names, so that each comes up once
    found = []
    for number in range(count):
        name, label, language = named[number * step % count]
        countries = _COUNTRIES[language]
        found.append(Customer(number, label, name, countries[number % len(countries)], language))
    return found
