"""What a first visit of a main page transfers: the page and everything that it loads, as compressed on the wire."""

from __future__ import annotations

import http.client
import re
import tempfile
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings

from portal.benchmarks.figures import Figure, Report
from portal.benchmarks.start import get, server

_LIMIT = 60.0
_PARTNER, _CUSTOMER = "admin-agent@fabrikam.example", "global-admin@contoso.example"
#: (name, who is signed in, path)
PAGES = (
    ("sign_in", "", "/sign-in"),
    ("start", _PARTNER, "/"),
    ("customers", _PARTNER, "/p/fabrikam/customers"),
    ("invitations", _PARTNER, "/p/fabrikam/invitations"),
    ("invitation_new", _PARTNER, "/p/fabrikam/invitations/new"),
    ("partner_relationships", _CUSTOMER, "/t/contoso/partner-relationships"),
    ("users", _CUSTOMER, "/t/contoso/users"),
    ("service_requests", _CUSTOMER, "/t/contoso/service-requests"),
    ("audit_log", _CUSTOMER, "/t/contoso/audit-log"),
)


def run(scale: float) -> Report:
    """Kilobytes of each main page of the demo on the real servers; the size is what it is."""
    with tempfile.TemporaryDirectory(prefix="mandate-weight-") as folder:
        Path(folder).chmod(0o755)
        with server(settings.BASE_DIR, Path(folder) / "var") as (port, started):
            while not _offers_everybody(get(port, "/sign-in")):
                if time.perf_counter() > started + 300:
                    raise SystemExit("mandate: no demo within 300 s")
                time.sleep(0.2)
            browsers = {who: Browser(port) for who in {who for _name, who, _path in PAGES}}
            for who, browser in browsers.items():
                browser.sign_in(who)
            weights = {name: browsers[who].first_load(path) for name, who, path in PAGES}
    heaviest = max(weights.values())
    figures = [Figure("heaviest_first_load", heaviest, "kB", _LIMIT)]
    figures += [Figure(f"{name}_first_load", weight, "kB", _LIMIT) for name, weight in weights.items()]
    return Report("weight", {"pages": len(PAGES), "assets": "all", "encoding": "as sent to a browser"}, figures)


def _offers_everybody(page: bytes | None) -> bool:
    """Whether the demo is loaded: the sign-in page offers those whom this bench needs."""
    return page is not None and all(who.encode() in page for who in (_PARTNER, _CUSTOMER))


class _Assets(HTMLParser):
    """What a browser loads for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        loads = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src", "use": "href"}
        address = values.get(loads.get(tag, ""))
        if address and not address.startswith(("data:", "#")) and values.get("rel") != "canonical":
            self.found[address] = None


@dataclass
class Browser:
    """Asks as browsers do (Brotli or gzip), counts what comes over the wire, keeps cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, who: str) -> None:
        """By the persona picker of the demo."""
        if not who:
            return
        page = self._ask("GET", "/sign-in", plain=True)[1].decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            raise RuntimeError("the sign-in page has no form")
        form = urlencode({"csrfmiddlewaretoken": token[1], "persona": who})
        status, _body = self._ask("POST", "/sign-in/persona", form)
        if status != 302:
            raise RuntimeError(f"signing in as {who} answered {status}")

    def first_load(self, path: str) -> float:
        """Kilobytes of a page with an empty cache. Raises RuntimeError for anything that isn't there."""
        page = _Assets()
        page.feed(self._fetch(path, plain=True).decode())
        if not page.found:
            raise RuntimeError(f"{path} loads no stylesheet")
        return sum(len(self._fetch(address)) for address in [path, *page.found]) / 1000

    def _fetch(self, path: str, *, plain: bool = False) -> bytes:
        status, body = self._ask("GET", path, plain=plain)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
        return body

    def _ask(self, method: str, path: str, form: str | None = None, *, plain: bool = False) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Accept-Encoding": "identity" if plain else "br, gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, form, headers)
        response = connection.getresponse()
        body = response.read()
        for header in response.headers.get_all("Set-Cookie") or []:
            name, _equals, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return response.status, body
