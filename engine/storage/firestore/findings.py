"""What a database has, compared with what the index plan asks for."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from engine.storage.firestore.database_admin import Standing
from engine.storage.firestore.index_plan import FieldConfig, Index, IndexPlan


class State(StrEnum):
    READY = "ready"
    BUILDING = "building"
    """Its queries fail until it is ready: after minutes, or hours where much is stored."""
    MISSING = "missing"
    """Its queries fail, or its expiry is off, or writes keep indexes that no query reads."""
    CREATED = "created"
    """It was missing, and is being built now."""
    REFUSED = "refused"
    """It was missing, and Firestore did not take it."""
    BROKEN = "broken"
    """Its construction failed; it has to be deleted by hand, and created again."""
    EXTRA = "extra"
    """The plan does not know it: it costs writes."""
    HARMFUL = "harmful"
    """The plan does not know it, and it destroys data."""
    NOT_NEEDED = "not needed"


BAD = frozenset({State.BUILDING, State.MISSING, State.REFUSED, State.BROKEN, State.HARMFUL})
"""States in which the database is not what the engine relies on."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How one index or one field stands. `str` is a line for people; `create` is what would mend it."""

    state: State
    what: str
    detail: str = ""
    create: Index | FieldConfig | None = None

    def __str__(self) -> str:
        return f"{self.state}: {self.what}{f' ({self.detail})' if self.detail else ''}"


def compare(
    plan: IndexPlan, composites: Mapping[Index, Standing], fields: Mapping[FieldConfig, Standing]
) -> Iterator[Finding]:
    """In the order in which they are to be created. Collections that are not Weft's are left out."""
    ours = {each.collection for each in plan.fields}
    for index in plan.composites:
        yield _planned(index, composites.get(index))
    configured = {(each.collection, each.path): each for each in fields if each.collection in ours}
    for config in plan.fields:
        present = configured.pop((config.collection, config.path), None)
        yield from _planned_field(config, present, fields[present] if present else None)
    for index in sorted(composites.keys() - set(plan.composites), key=str):
        if index.collection in ours:
            yield Finding(state=State.EXTRA, what=str(index), detail=_deletion(composites[index]))
    for config in configured.values():
        yield from _unplanned(FieldConfig(collection=config.collection, path=config.path), config)


def _planned(item: Index | FieldConfig, standing: Standing | None) -> Finding:
    if standing is None:
        return Finding(state=State.MISSING, what=str(item), create=item)
    if standing.broken:
        return Finding(state=State.BROKEN, what=str(item), detail=_deletion(standing))
    return Finding(state=State.BUILDING if standing.building else State.READY, what=str(item))


def _planned_field(config: FieldConfig, present: FieldConfig | None, standing: Standing | None) -> Iterator[Finding]:
    """An index that somebody gave the field besides stays."""
    if present is None or standing is None:
        yield _planned(config, None)
        return
    lacks = config.indexes - present.indexes or (config.expires and not present.expires)
    wanted = msgspec.structs.replace(config, indexes=config.indexes | present.indexes)
    yield _planned(wanted, None if lacks else standing)
    yield from _unplanned(config, present)


def _unplanned(config: FieldConfig, present: FieldConfig) -> Iterator[Finding]:
    besides = msgspec.structs.replace(present, indexes=present.indexes - config.indexes)
    for index in besides.single_fields():
        yield Finding(state=State.EXTRA, what=str(index))
    if present.expires and not config.expires:
        yield Finding(
            state=State.HARMFUL,
            what=f"expiry by {present}",
            detail="it deletes documents and leaves what lies below them: gcloud firestore fields ttls update "
            f"{present.path} --collection-group={present.collection} --disable-ttl",
        )


def _deletion(standing: Standing) -> str:
    return f"gcloud firestore indexes composite delete {standing.id}" if standing.id else ""
