"""Settings: the only reader of the environment. Every name begins with `WEFT_`; one that is not known is refused."""

from engine.settings.environment import NO_TOKENS_FILE, SECRET_PREFIX, read_settings
from engine.settings.model import BadSettings, Settings
from engine.settings.texts import LIMITS, ROLES
from engine.settings.variables import CLIENT_VARIABLES, GOOGLE_VARIABLES, VARIABLES

__all__ = [
    "CLIENT_VARIABLES",
    "GOOGLE_VARIABLES",
    "LIMITS",
    "NO_TOKENS_FILE",
    "ROLES",
    "SECRET_PREFIX",
    "VARIABLES",
    "BadSettings",
    "Settings",
    "read_settings",
]
