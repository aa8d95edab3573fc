"""Keeps foreign web pages from having a browser send a GET for them, which asks a server nothing beforehand.

Images, scripts, forms and links come with `Accept: */*` or the types of pages, and browsers say in `Sec-Fetch-Mode` that
they are `no-cors` or `navigate`. What code of a page may ask is `cors` or `same-origin`; a foreign page is not shown the answer then.
No page can
add `Authorization` to such a request. POSTs need `application/json`, which a browser does not send for a foreign page without asking.
"""

from collections.abc import Mapping

from graphql_api.transports.refusal import refuse

_SAFE_MODES = frozenset({"cors", "same-origin"})
_TYPES = ("application/json", "application/graphql-response+json", "text/event-stream")


def check_get(headers: Mapping[str, str]) -> None:
    """Raises `RequestRefused`."""
    mode = headers.get("sec-fetch-mode")
    accept = headers.get("accept", "").lower()
    named = mode is None and any(each in accept for each in _TYPES)
    if named or mode in _SAFE_MODES or "authorization" in headers:
        return
    raise refuse(
        403,
        "FORBIDDEN",
        "A GET that any web page could have sent is not answered: name application/json in `Accept`, or send a POST",
    )
