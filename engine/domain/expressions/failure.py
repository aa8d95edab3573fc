"""How an expression fails: one exception, and one wording for each reason wherever it is found."""

import re

_OPERATORS = {
    "_&&_": "&&",
    "_||_": "||",
    "!_": "!",
    "-_": "-",
    "@in": "in",
    "_?_:_": "? :",
    "_[_]": "[ ]",
    "_[?_]": "[? ]",
    "_?._": ".?",
    "@not_strictly_false": "all/exists",
} | {f"_{sign}_": sign for sign in ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=")}
_STATUS = re.compile(r"^[A-Z_]+: ")
_MISSING_KEY = re.compile(r'Key not found in map : (?:"(?P<text>.*)"|(?P<other>.*))', re.DOTALL)
_INDEX = re.compile(r"Index error: index=(?P<index>-?\d+) size=(?P<size>\d+)")
_OVERLOAD = re.compile(r"No matching overloads found : (?P<function>\S+?)(?P<types>\(.*\))")
_TYPES = {"int64": "int", "uint64": "uint", "float64": "double", "null_type": "null"}

_STATUS_AFTER = re.compile(r" \[[A-Z_]+\]$")

TOO_MUCH_WORK = "the expression takes more work than allowed"
TOO_LONG_A_LIST = "a list made by `map` or `filter` may have at most 1,000 items"
NOT_AN_OBJECT = "a field was read from a value that is not an object"
INDEX_IS_TEXT = "a list is indexed by a whole number, not by text"
NOT_INDEXABLE = "only lists and objects can be indexed"
_FIXED = {
    "Applying SELECT to non-message type": NOT_AN_OBJECT,
    "Index error: expected integer type, got string": INDEX_IS_TEXT,
    "Invalid container type": NOT_INDEXABLE,
    "Iteration budget exceeded": TOO_MUCH_WORK,
}


class ExpressionFailed(Exception):
    """An expression does not compile, or gives no JSON value. `source` is its text without `${ }`; `path` is its
    position in the rendered value.
    """

    def __init__(self, message: str, *, source: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.path = path


def missing_key(key: object) -> str:
    return f"no such key: {key}"


def index_out_of_range(index: int, size: int) -> str:
    return f"index {index} is out of range: the list has {size} {'item' if size == 1 else 'items'}"


def in_plain_words(message: str) -> str:
    """The library's message about a failed evaluation, without its status words and internal names."""
    text = _STATUS.sub("", message)
    for beginning, words in _FIXED.items():
        if text.startswith(beginning):
            return words
    if TOO_LONG_A_LIST in text:
        return TOO_LONG_A_LIST
    if missing := _MISSING_KEY.fullmatch(text):
        return missing_key(missing["text"] if missing["text"] is not None else missing["other"])
    if index := _INDEX.fullmatch(text):
        return index_out_of_range(int(index["index"]), int(index["size"]))
    if overload := _OVERLOAD.fullmatch(text):
        types = ", ".join(_TYPES.get(word, word) for word in overload["types"].strip("()").split(", "))
        return f"'{operator(overload['function'])}' does not take ({types})"
    return _STATUS_AFTER.sub("", text)


def operator(function: str) -> str:
    """A function's name as it is written: `+` for `_+_`."""
    return _OPERATORS.get(function, function)
