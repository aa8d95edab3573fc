"""Writing for programs, on standard output."""

import json
import sys
from typing import Any


def print_json(value: Any) -> None:
    """One document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_json_line(value: Any) -> None:
    """One of many, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
