"""The head of an HTTP request, decoded once."""

from starlette.types import Scope

Headers = dict[str, str]
"""By name, in lower case."""
_KEPT = "weft.headers"


def headers_of(scope: Scope) -> Headers:
    """Of several with one name the first counts; but credentials are joined, as HTTP has it, and so are none."""
    known: Headers | None = scope.get(_KEPT)
    if known is not None:
        return known
    found: Headers = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name == "authorization":
            found[name] += f", {value}"
    scope[_KEPT] = found
    return found
