"""Who asks."""

from enum import StrEnum

import msgspec

from engine.domain.errors import PermissionDenied
from engine.domain.ids import TenantId


class Role(StrEnum):
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant whose data is meant, and the name that events and versions show as `actor`."""

    tenant: TenantId
    principal: str
    role: Role

    def require_editor(self) -> None:
        if self.role is Role.VIEWER:
            raise PermissionDenied(f"{self.principal} may look, but not change anything")
