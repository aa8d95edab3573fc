"""Secrets in a step's `with`: placeholders until an executor asks for them, and never taken from data.

What an expression yields is data, and may look like `${ secrets.crm }` because somebody typed that into a form. So nothing that
was rendered is ever rendered again: expressions that the author wrote with `secrets` are replaced by placeholders that nobody can
guess, and only those are revealed.
"""

import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from engine.domain.expressions import Scope, references, render
from engine.domain.expressions.checking import reference_to
from engine.domain.expressions.template import OPEN, parse_template
from engine.secrets.port import SecretSource


class _Veiled(msgspec.Struct, frozen=True):
    source: str
    scope: Scope


class Revealer:
    """For one attempt at one step. `values` are the secrets that were revealed, so that they can be taken out of what is recorded."""

    def __init__(self, source: SecretSource, tenant: str) -> None:
        self._source = source
        self._tenant = tenant
        self._veiled: list[_Veiled] = []
        self._values: dict[str, str] = {}

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self._values.values())

    # Both are made when there is a secret: most steps have none, and compiling is the dearest part of one.

    @cached_property
    def _nonce(self) -> str:
        return secrets.token_hex(16)

    @cached_property
    def _placeholder(self) -> re.Pattern[str]:
        return re.compile(f"\u2039secret {self._nonce} (\\d+)\u203a")

    def veil(self, template: Any, recorded: Any, scope: Scope) -> Any:
        """`recorded`, which was rendered from `template`, with placeholders where the template mentions secrets."""
        if isinstance(template, str):
            return self._veiled_text(template, scope) if _mentions_secrets(template) else recorded
        if isinstance(template, Mapping) and isinstance(recorded, Mapping):
            return {key: self.veil(template.get(key), value, scope) for key, value in recorded.items()}
        if isinstance(template, list | tuple) and isinstance(recorded, list):
            return [self.veil(part, value, scope) for part, value in zip(template, recorded, strict=True)]
        return recorded

    async def reveal(self, value: Any) -> Any:
        """`value` with its placeholders replaced. Raises `NotFound` for an unknown secret, and `ExpressionFailed`."""
        if not self._veiled:
            return value
        if isinstance(value, str):
            return await self._revealed_text(value)
        if isinstance(value, Mapping):
            return {key: await self.reveal(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [await self.reveal(part) for part in value]
        return value

    def _veiled_text(self, template: str, scope: Scope) -> Any:
        parts = list(parse_template(template).parts)
        for place, part in enumerate(parts):
            if place % 2 == 0:
                parts[place] = part.replace(OPEN, f"${OPEN}")
            elif reference_to(part).uses_secrets:
                parts[place] = f"\u2039secret {self._nonce} {len(self._veiled)}\u203a"
                self._veiled.append(_Veiled(part, scope))
            else:
                parts[place] = f"{OPEN} {part} }}"
        return render("".join(parts), scope)

    async def _revealed_text(self, text: str) -> Any:
        whole = self._placeholder.fullmatch(text)
        if whole:
            return await self._revealed(int(whole[1]))
        pieces, end = [], 0
        for match in self._placeholder.finditer(text):
            shown = await self._revealed(int(match[1]))
            pieces += [
                text[end : match.start()],
                shown if isinstance(shown, str) else msgspec.json.encode(shown).decode(),
            ]
            end = match.end()
        return "".join([*pieces, text[end:]])

    async def _revealed(self, number: int) -> Any:
        veiled = self._veiled[number]
        for name in reference_to(veiled.source).secrets - self._values.keys():
            self._values[name] = await self._source.get(self._tenant, name)
        return render(f"{OPEN} {veiled.source} }}", veiled.scope, secrets=self._values)


def _mentions_secrets(template: str) -> bool:
    return "secrets" in template and any(reference.uses_secrets for reference in references(template))
