"""What is wrong with a trigger: everything at once, each with its path in the input that describes it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from engine.domain.definition import NAME
from engine.domain.errors import Path, Problem
from engine.domain.expressions import OPEN, ExpressionFailed, UnclosedExpression, bare, check, parse_template
from engine.domain.json_values import strings_in
from engine.domain.schemas import json_problems
from engine.domain.triggers.resource_names import resource_problem
from engine.domain.triggers.schedule_problems import schedule_problems
from engine.domain.triggers.trigger import (
    Buffer,
    EventSource,
    PubSubSource,
    ScheduleSource,
    Throttle,
    Trigger,
    WebhookSignature,
    WebhookSource,
)

EVENT = frozenset({"event"})
MOST_GATHERED = 100
MOST_STARTS = 1_000
MOST_TYPES = 50
MOST_ATTEMPTS = 50
_LONGEST = timedelta(days=31)
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")


def trigger_problems(trigger: Trigger) -> list[Problem]:
    """The workflow, and whether the name is free, are the caller's to look at."""
    return [
        *_name_problems(trigger.name),
        *_source_problems(trigger),
        *_expression_problems(trigger.condition, ("condition",)),
        *_mapping_problems(trigger.input_mapping),
        *_expression_problems(trigger.dedup_key, ("dedupKey",)),
        *_dedup_problems(trigger),
        *_throttle_problems(trigger.throttle),
        *_buffer_problems(trigger.buffer),
        *_combination_problems(trigger),
    ]


def _name_problems(name: str) -> Iterator[Problem]:
    if not re.fullmatch(NAME, name):
        message = "a trigger is named by lower-case letters, digits and hyphens, 63 at the most"
        yield Problem(message=message, path=("name",))


def _source_problems(trigger: Trigger) -> Iterator[Problem]:
    match trigger.source:
        case ScheduleSource() as schedule:
            for problem in schedule_problems(schedule, anchor=trigger.created_at):
                path = tuple(_as_given(name) for name in problem.path)
                yield Problem(message=problem.message, path=("source", "schedule", *path), hint=problem.hint)
        case PubSubSource(topic=topic, subscription=subscription):
            yield from _resource_problems(topic, ("source", "pubsub", "topic"))
            if subscription is not None:
                yield from _resource_problems(subscription, ("source", "pubsub", "subscription"))
        case WebhookSource() as webhook:
            yield from _webhook_problems(webhook)
        case EventSource(types=types):
            yield from _type_problems(types)


def _resource_problems(name: str, path: Path) -> Iterator[Problem]:
    message = resource_problem(name)
    if message is not None:
        yield Problem(message=message, path=path)


def _webhook_problems(webhook: WebhookSource) -> Iterator[Problem]:
    path = ("source", "webhook", "secretName")
    signed = webhook.signature is not WebhookSignature.NONE
    if signed and webhook.secret_name is None:
        yield Problem(message=f"a {webhook.signature.value} signature is checked by a secret: name it", path=path)
    if not signed and webhook.secret_name is not None:
        yield Problem(message="without a signature no secret is used", path=path)
    if webhook.secret_name is not None and not _SECRET.fullmatch(webhook.secret_name):
        yield Problem(message="a secret is named by letters, digits, _ and -, and begins with a letter or _", path=path)


def _type_problems(types: tuple[str, ...]) -> Iterator[Problem]:
    path = ("source", "event", "types")
    if not types:
        yield Problem(message="name at least one type of event", path=path)
    if len(types) > MOST_TYPES:
        yield Problem(message=f"{len(types)} types; a trigger takes at most {MOST_TYPES}", path=path)
    for index, type_ in enumerate(types):
        if not type_ or len(type_) > 255 or "*" in type_[:-1]:  # noqa: PLR2004  # as CloudEvents' types
            message = "a type has 1 to 255 characters, and * at its end alone"
            yield Problem(message=message, path=(*path, str(index)))


def _expression_problems(text: str | None, path: Path) -> Iterator[Problem]:
    if text is None:
        return
    try:
        source = bare(text)
    except (ExpressionFailed, UnclosedExpression) as error:
        yield Problem(message=str(error), path=path)
        return
    for problem in check(source, EVENT):
        yield Problem(message=problem.message, path=path, hint=problem.hint)


def _mapping_problems(mapping: Any) -> Iterator[Problem]:
    wrong = json_problems(mapping, ("inputMapping",))
    yield from wrong
    if wrong or mapping is None:
        return
    if not isinstance(mapping, dict | str):
        yield Problem(message="a mapping is a JSON object, or one ${ } that gives one", path=("inputMapping",))
        return
    for path, text in strings_in(mapping):
        if OPEN in text:
            yield from _template_problems(text, ("inputMapping", *path))


def _template_problems(text: str, path: Path) -> Iterator[Problem]:
    try:
        sources = parse_template(text).sources
    except UnclosedExpression as error:
        yield Problem(message=str(error), path=path)
        return
    for source in sources:
        for problem in check(source, EVENT):
            yield Problem(message=problem.message, path=path, hint=problem.hint)


def _dedup_problems(trigger: Trigger) -> Iterator[Problem]:
    window = trigger.dedup_window
    if window is None:
        return
    if trigger.dedup_key is None:
        yield Problem(message="a window needs a dedupKey that it is about", path=("dedupWindow",))
    if not timedelta(0) < window <= _LONGEST:
        yield Problem(message="a window is longer than 0 and at most 31 days", path=("dedupWindow",))


def _throttle_problems(throttle: Throttle | None) -> Iterator[Problem]:
    if throttle is None:
        return
    if not 1 <= throttle.limit <= MOST_STARTS:
        message = f"a throttle lets 1 to {MOST_STARTS:,} executions start, not {throttle.limit:,}"
        yield Problem(message=message, path=("throttle", "limit"))
    if not timedelta(0) < throttle.per <= _LONGEST:
        yield Problem(message="a throttle is about a time longer than 0 and at most 31 days", path=("throttle", "per"))


def _buffer_problems(buffer: Buffer | None) -> Iterator[Problem]:
    if buffer is None:
        return
    if not 1 <= buffer.max_size <= MOST_GATHERED:
        message = f"a buffer gathers 1 to {MOST_GATHERED} events, not {buffer.max_size:,}"
        yield Problem(message=message, path=("buffer", "maxSize"))
    if not timedelta(0) < buffer.max_wait <= _LONGEST:
        yield Problem(message="an event waits longer than 0 and at most 31 days", path=("buffer", "maxWait"))
    yield from _expression_problems(buffer.key, ("buffer", "key"))


def _combination_problems(trigger: Trigger) -> Iterator[Problem]:
    if not 1 <= trigger.max_attempts <= MOST_ATTEMPTS:
        message = f"a start is tried 1 to {MOST_ATTEMPTS} times, not {trigger.max_attempts:,}"
        yield Problem(message=message, path=("maxAttempts",))
    if trigger.throttle is not None and trigger.buffer is not None:
        message = "a buffer gathers what a throttle would drop: give one of them"
        yield Problem(message=message, path=("buffer",))
    if isinstance(trigger.source, ScheduleSource):
        for name, given in (
            ("buffer", trigger.buffer),
            ("throttle", trigger.throttle),
            ("dedupKey", trigger.dedup_key),
        ):
            if given is not None:
                yield Problem(message="a schedule fires once at each of its times; its overlap decides", path=(name,))


def _as_given(name: str) -> str:
    """The name in the input: `start_at` is `startAt` there."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
