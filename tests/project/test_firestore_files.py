"""The files under `firestore/` are what the declared queries need."""

import json

import pytest

from engine.storage.firestore.index_files import DIRECTORY, index_files
from engine.storage.firestore.index_plan import plan_indexes

FILES = index_files(plan_indexes())


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_the_generated_one(name: str) -> None:
    assert (DIRECTORY / name).read_text(encoding="utf-8") == FILES[name], "run `make indexes`"


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in DIRECTORY.iterdir()} == FILES.keys()


def test_the_indexes_say_what_firebase_reads() -> None:
    written = json.loads(FILES["firestore.indexes.json"])
    assert {
        "collectionGroup": "executions",
        "queryScope": "COLLECTION_GROUP",
        "fields": [{"fieldPath": "shard", "order": "ASCENDING"}, {"fieldPath": "due_at", "order": "ASCENDING"}],
    } in written["indexes"]
    assert {
        "collectionGroup": "workflows",
        "queryScope": "COLLECTION",
        "fields": [{"fieldPath": "labels", "arrayConfig": "CONTAINS"}, {"fieldPath": "name", "order": "DESCENDING"}],
    } in written["indexes"]
    assert {
        "collectionGroup": "idempotency",
        "fieldPath": "expire_at",
        "ttl": True,
        "indexes": [],
    } in written["fieldOverrides"]
    assert {"collectionGroup": "executions", "fieldPath": "*", "indexes": []} in written["fieldOverrides"]


def test_the_settings_name_the_other_files() -> None:
    assert set(json.loads(FILES["firebase.json"])["firestore"].values()) == FILES.keys() - {"firebase.json"}
