"""Stores with many executions, made once and kept in the directory for temporary files."""

import asyncio
import hashlib
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from benchmarks import workflows
from benchmarks.caller import CALLER, output_of, save_workflow
from engine.bootstrap import open_engine, open_store
from engine.domain.ids import EXECUTION, derive
from engine.settings import Settings
from engine.storage import indexes
from engine.storage.port import MAX_WRITES, Create, Document, DocumentStore
from engine.storage.repositories import executions, head
from engine.storage.repositories.head import decode_head, execution_path
from engine.storage.sqlite import schema
from engine.usecases.paging import PageRequest
from engine.usecases.read_executions import ExecutionFilter, list_executions

_COMMITS_AT_ONCE = 20


async def seeded(count: int) -> Path:
    """The data directory of a store with that many ended executions of `chain-3`."""
    directory = Path(tempfile.gettempdir()) / f"weft-benchmarks-{_layout()}" / str(count)
    if not (directory / "complete").exists():
        directory.mkdir(parents=True, exist_ok=True)
        settings = Settings(data_dir=directory, modules=(workflows.MODULE,))
        template = await _executed(settings)
        await _multiply(settings, template, count)
        (directory / "complete").touch()
    return directory


def _layout() -> str:
    """Changes whenever the layout of what is stored might have."""
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in (indexes, executions, head, schema))
    return hashlib.sha256(sources).hexdigest()[:12]


async def _executed(settings: Settings) -> str:
    """The id of an execution that really ran."""
    async with open_engine(settings) as engine:
        services = engine.services
        await save_workflow(services, workflows.chain(3))
        await output_of(services, "chain-3", {"n": 1})
        page = await list_executions(services, CALLER, ExecutionFilter(), descending=True, page=PageRequest(first=1))
        return page.items[0].state.id


async def _multiply(settings: Settings, execution_id: str, count: int) -> None:
    """Copies of the head, one second apart, each under an id of its own."""
    store = await open_store(settings)
    try:
        template = await store.get(execution_path(CALLER.tenant, execution_id))
        assert template is not None
        numbers = list(range(1, count))
        chunks = [numbers[start : start + MAX_WRITES] for start in range(0, len(numbers), MAX_WRITES)]
        for start in range(0, len(chunks), _COMMITS_AT_ONCE):
            await asyncio.gather(*(_copy(store, template, chunk) for chunk in chunks[start : start + _COMMITS_AT_ONCE]))
    finally:
        await store.close()


async def _copy(store: DocumentStore, template: Document, numbers: list[int]) -> None:
    await store.commit([_copied(template, number) for number in numbers])


def _copied(template: Document, number: int) -> Create:
    body = decode_head(template)
    created_at = body.state.created_at - timedelta(seconds=number)
    state = replace(body.state, id=derive(EXECUTION, template.path, str(number)), created_at=created_at)
    fields: dict[str, Any] = {**template.fields, "created_at": created_at}
    encoded = msgspec.json.encode(replace(body, state=state))
    return Create(path=execution_path(state.tenant, state.id), body=encoded, fields=fields)
