"""What log lines carry (the request's id) and what they must not (links that carry a right)."""

import logging
import re

from portal import requests

# A query string, or a path segment long enough to be a link's secret (DOMAIN §3: never logged).
_QUERY = re.compile(r"\?[^\s'\"<>]+")
_SECRET = re.compile(r"(?<=/)[A-Za-z0-9_:.=~-]{40,}")


class Context(logging.Filter):
    """Adds the request's id to a record and takes query strings and link secrets out of its text."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = requests.present().request_id
        text = record.getMessage()
        clean = _SECRET.sub("[secret]", _QUERY.sub("?[query]", text))
        if clean != text:
            record.msg, record.args = clean, None
        return True
