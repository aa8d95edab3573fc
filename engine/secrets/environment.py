"""Secrets out of the process's environment: `WEFT_SECRET_CRM` is `secrets.crm`, for every tenant."""

from collections.abc import Mapping

from engine.domain.errors import NotFound
from engine.secrets.port import SecretSource


class EnvironmentSecrets(SecretSource):
    """`values` is keyed by the part of the variable's name behind `WEFT_SECRET_`. Case does not matter."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.casefold(): value for name, value in values.items()}

    async def get(self, tenant: str, name: str) -> str:  # noqa: ARG002 - one operator's environment serves all tenants
        try:
            return self._values[name.casefold()]
        except KeyError:
            raise NotFound(f"there is no secret {name!r}; set WEFT_SECRET_{name.upper()}") from None

    async def close(self) -> None:
        """There is nothing to close."""
