"""The names of topics and subscriptions that triggers may give: an id, or one of another project with that before it."""

import re

_RESOURCE = re.compile(
    r"(projects/[a-z][a-z0-9.:-]{4,61}[a-z0-9]/(topics|subscriptions)/)?[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
)


def resource_problem(name: str) -> str | None:
    """What is wrong with it; None where nothing is."""
    if not _RESOURCE.fullmatch(name):
        return "a name of Pub/Sub has 3 to 255 letters, digits and - . _ ~ + %, and begins with a letter"
    if name.rpartition("/")[2].startswith(("weft.", "goog")):
        return f"{name!r} belongs to the engine or to Google; choose another one"
    return None
