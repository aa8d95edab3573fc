"""Tells the code of a CEL source from its string literals and comments; adapts two words the library cannot take."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      //[^\n]*
    | (?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
    | [bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | `[^`\n]*`
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | [0-9][A-Za-z0-9_]*
    | \s+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL = re.compile(r"\s*\(\s*\)")

NOW = "__now"
LOOP = "__lp"


def tokens(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """Every token from `start`, string literals and comments whole; group `word` is set for identifiers."""
    return _TOKEN.finditer(text, start)


def adapted(source: str) -> str:
    """`now()` becomes a variable, since a function cannot depend on the scope; `loop`, a reserved word of CEL, becomes
    a name it takes. Every character keeps its place, so positions in messages stay true.
    """
    if "now" not in source and "loop" not in source:
        return source
    pieces: list[str] = []
    at = 0
    before = ""
    for token in tokens(source):
        if token["word"] in ("now", "loop") and before != "." and token.start() >= at:
            call = _CALL.match(source, token.end())
            if token["word"] == "loop":
                pieces += [source[at : token.start()], LOOP]
                at = token.end()
            elif call:
                pieces += [source[at : token.start()], NOW.ljust(call.end() - token.start())]
                at = call.end()
        if not token.group().isspace():
            before = token.group()
    return "".join([*pieces, source[at:]])
