"""Completes lists, large ones in several turns."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from graphql import GraphQLError, Undefined, located_error
from graphql.pyutils import gather_with_cancel, is_async_iterable, is_iterable

from graphql_api.compiled.awaiting import is_awaitable
from graphql_api.compiled.classes import recast
from graphql_api.compiled.field import Field
from graphql_api.compiled.objects import Make, MakeMany
from graphql_api.compiled.paths import Path, keys_of
from graphql_api.compiled.run import Run
from graphql_api.compiled.turns import AT_ONCE

Complete = Callable[[Run, Any, Path], Any]


class _List:
    """A list on its way. Items that wait stand in `done` as awaitables, at the places in `waits`."""

    __slots__ = ("done", "waits")

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.waits: list[int] = []

    def waiting(self) -> list[Awaitable[Any]]:
        return [self.done[at] for at in self.waits]

    async def settled(self) -> list[Any]:
        done, waits = self.done, self.waits
        if len(waits) == 1:
            done[waits[0]] = await done[waits[0]]
        elif waits:
            for at, value in zip(waits, await gather_with_cancel(*self.waiting()), strict=True):
                done[at] = value
        return done


class Known(NamedTuple):
    """Items of exactly this class need no look at, unless they were recast, which matters where `cast`: `one` makes an object of
    each, `many` of all in a list.
    """

    class_: type[Any]
    one: Make
    many: MakeMany | None
    cast: bool

    def fits_all(self, values: Sequence[Any]) -> bool:
        class_ = self.class_
        for value in values:  # a generator would take longer than all else here
            if value.__class__ is not class_:
                return False
        return not self.cast or not any(map(recast, values))


class ListOf:
    """Completes lists whose items `item` completes. `nullable`: an item that fails is null, and the list stays."""

    __slots__ = ("_field", "_item", "_known", "_nullable")

    def __init__(self, item: Complete, field: Field, *, nullable: bool, known: Known | None) -> None:
        self._item = item
        self._field = field
        self._nullable = nullable
        self._known = known or Known(_Nobody, item, None, cast=False)

    def complete(self, run: Run, values: Any, path: Path) -> Any:
        if values.__class__ is list or values.__class__ is tuple:
            if run.turns.have_room_for(len(values)):
                return self._at_once(run, values, path)
            return self._in_turns(run, values, path)
        if values is None or values is Undefined:
            return None
        if isinstance(values, Exception):
            raise values
        if is_async_iterable(values):
            return self._as_they_come(run, aiter(values), path)
        if not is_iterable(values):
            place = f"{self._field.parent}.{self._field.name}"
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{place}'.")
        return self._at_once(run, values, path)

    def _at_once(self, run: Run, values: Iterable[Any], path: Path) -> Any:
        made = _List()
        self._add(run, made, values, path)
        return made.settled() if made.waits else made.done

    async def _in_turns(self, run: Run, values: Sequence[Any], path: Path) -> list[Any]:
        made = _List()
        for start in range(0, len(values), AT_ONCE):
            some = values[start : start + AT_ONCE]
            await run.turns.wait(len(some))
            self._add(run, made, some, path)
        return await made.settled()

    async def _as_they_come(self, run: Run, values: AsyncIterator[Any], path: Path) -> list[Any]:
        made = _List()
        try:
            while (value := await self._next(values, path)) is not _END:
                self._add(run, made, (value,), path)
        except Exception:
            close = getattr(values, "aclose", None)
            if close is not None:
                with suppress(Exception):
                    await close()
            self._abandon(run, made, iter(()))
            raise
        return await made.settled()

    async def _next(self, values: AsyncIterator[Any], path: Path) -> Any:
        try:
            return await anext(values)
        except StopAsyncIteration:
            return _END
        except Exception as error:
            raise located_error(error, self._field.nodes, keys_of(path)) from error

    def _add(self, run: Run, made: _List, values: Iterable[Any], path: Path) -> None:
        many = self._known.many
        rest: Iterator[Any] = iter(())
        try:
            if many and (values.__class__ is list or values.__class__ is tuple) and self._known.fits_all(values):
                many(run, values, path, made.done, made.waits, self._guarded, self._fail)
            else:
                rest = iter(values)
                self._add_each(run, made, rest, path)
        except Exception:
            self._abandon(run, made, rest)
            raise

    def _add_each(self, run: Run, made: _List, values: Iterator[Any], path: Path) -> None:
        class_, known, _, cast = self._known
        done = made.done
        for at, value in enumerate(values, start=len(done)):
            place = (path, at)
            try:
                if value.__class__ is class_ and not (cast and recast(value)):
                    completed = known(run, value, place)
                elif is_awaitable(value):
                    completed = self._later(run, value, place)
                else:
                    completed = self._item(run, value, place)
                if completed.__class__ is not dict and is_awaitable(completed):
                    completed = self._guarded(run, completed, place)
                    made.waits.append(at)
            except Exception as error:  # noqa: BLE001 # whatever it is, the item failed
                self._fail(run, error, place)
                completed = None
            done.append(completed)

    def _fail(self, run: Run, error: Exception, path: Path) -> None:
        self._field.fail_at(run, error, path, nullable=self._nullable)

    def _abandon(self, run: Run, made: _List, rest: Iterator[Any]) -> None:
        awaitables = made.waiting()
        with suppress(Exception):
            awaitables += [value for value in rest if is_awaitable(value)]
        if awaitables:
            run.settle_in_background(awaitables)
        made.waits.clear()

    async def _later(self, run: Run, value: Awaitable[Any], path: Path) -> Any:
        completed = self._item(run, await value, path)
        return await completed if is_awaitable(completed) else completed

    async def _guarded(self, run: Run, completed: Awaitable[Any], path: Path) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 # whatever it is, the item failed
            self._fail(run, error, path)
            return None


class _Nobody:
    """Nothing is an instance of it."""


_END = object()
