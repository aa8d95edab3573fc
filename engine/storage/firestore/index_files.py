"""The files under `firestore/`: what Google's tools read to set up a database. `make indexes` writes them, a test compares them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.storage.firestore.index_plan import FieldConfig, Index, IndexPlan, Mode, plan_indexes

DIRECTORY = Path(__file__).parents[3] / "firestore"
_RULES = """\
rules_version = '2';

// Nobody reads or writes Weft's data but its own processes, which come with IAM credentials: rules do not apply to those.
service cloud.firestore {
  match /databases/{database}/documents {
    match /{document=**} {
      allow read, write: if false;
    }
  }
}
"""


def index_files(plan: IndexPlan) -> Mapping[str, str]:
    """Contents by file name. `firebase deploy --only firestore` in their folder applies all of them."""
    firebase = {"firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}}
    return {
        "firestore.indexes.json": _indexes(plan),
        "firestore.rules": _RULES,
        "firebase.json": f"{json.dumps(firebase, indent=2)}\n",
    }


def _indexes(plan: IndexPlan) -> str:
    """One line for each index and each field, so that a change of the plan reads as one."""
    composites = ",\n".join(f"    {json.dumps(_composite(each))}" for each in plan.composites)
    fields = ",\n".join(f"    {json.dumps(_override(each))}" for each in plan.fields)
    return f'{{\n  "indexes": [\n{composites}\n  ],\n  "fieldOverrides": [\n{fields}\n  ]\n}}\n'


def _composite(index: Index) -> dict[str, Any]:
    return {
        "collectionGroup": index.collection,
        "queryScope": index.scope.value,
        "fields": [{"fieldPath": path, **_mode(mode)} for path, mode in index.fields],
    }


def _override(config: FieldConfig) -> dict[str, Any]:
    override: dict[str, Any] = {"collectionGroup": config.collection, "fieldPath": config.path}
    if config.expires:
        override["ttl"] = True
    override["indexes"] = [{**_mode(mode), "queryScope": scope.value} for scope, mode in sorted(config.indexes)]
    return override


def _mode(mode: Mode) -> dict[str, str]:
    return {"arrayConfig" if mode is Mode.CONTAINS else "order": mode.value}


def write_files(directory: Path = DIRECTORY) -> None:
    directory.mkdir(exist_ok=True)
    for name, content in index_files(plan_indexes()).items():
        (directory / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write_files()
