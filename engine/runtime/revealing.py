"""Secrets in a step's `with`: put in place from the author's template at the last moment, never from data.

What an expression yields is data, and may look like `${ secrets.crm }` because somebody typed that into a form. So the recorded
input is walked beside the template it came from, and only strings that the template itself wrote with `secrets` are rendered.
"""

from collections.abc import Mapping
from typing import Any

from engine.domain.expressions import Scope, references, render
from engine.secrets.port import SecretSource


class Revealer:
    """`values` are the secrets that were looked up, so that they can be taken out of what is recorded."""

    def __init__(self, source: SecretSource, tenant: str) -> None:
        self._source = source
        self._tenant = tenant
        self._values: dict[str, str] = {}

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self._values.values())

    async def fill(self, template: Any, recorded: Any, scope: Scope) -> Any:
        """`recorded` with the strings whose template mentions secrets rendered. Raises `NotFound` for an unknown secret."""
        if isinstance(template, str):
            return await self.render(template, scope) if _mentions_secrets(template) else recorded
        if isinstance(template, Mapping) and isinstance(recorded, Mapping):
            return {key: await self.fill(template.get(key), value, scope) for key, value in recorded.items()}
        if isinstance(template, list | tuple) and isinstance(recorded, list):
            return [await self.fill(part, value, scope) for part, value in zip(template, recorded, strict=True)]
        return recorded

    async def render(self, template: Any, scope: Scope) -> Any:
        """An author's template in full. Raises `ExpressionFailed`, and `NotFound` for an unknown secret."""
        if not _mentions_secrets(template):
            return render(template, scope)
        for name in {name for reference in references(template) for name in reference.secrets} - self._values.keys():
            self._values[name] = await self._source.get(self._tenant, name)
        return render(template, scope, secrets=self._values)


def _mentions_secrets(template: Any) -> bool:
    return "secrets" in str(template) and any(reference.uses_secrets for reference in references(template))
