import subprocess
import sys

import pytest

from engine.bootstrap.adapters import open_secrets
from engine.domain.errors import Unavailable
from engine.secrets.environment import EnvironmentSecrets
from engine.settings import BadSettings, Settings, read_settings


async def test_secrets_come_from_the_environment_unless_the_settings_say_otherwise() -> None:
    source = await open_secrets(read_settings({"WEFT_SECRET_CRM": "hunter2"}))
    assert isinstance(source, EnvironmentSecrets)
    assert await source.get("acme", "crm") == "hunter2"


async def test_secret_manager_is_asked_where_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    settings = read_settings({"WEFT_SECRETS": "secret-manager", "GOOGLE_CLOUD_PROJECT": "my-project"})
    with pytest.raises(Unavailable, match="Secret Manager"):
        await open_secrets(settings)


def test_googles_client_is_not_imported_otherwise() -> None:
    program = (
        "import asyncio, sys; from engine.bootstrap.adapters import open_secrets; from engine.settings import Settings; "
        "asyncio.run(open_secrets(Settings())); sys.exit('google.cloud' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("prefix", ["weft-eu", "Weft", "1weft", "w" * 21, "weft_eu"])
def test_a_prefix_that_would_blur_where_tenants_begin_is_refused(prefix: str) -> None:
    with pytest.raises(BadSettings, match="small letters and digits, a letter first"):
        read_settings({"WEFT_SECRETS_PREFIX": prefix})


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(BadSettings, match="it may be environment or secret-manager"):
        read_settings({"WEFT_SECRETS": "vault"})
    assert Settings().secret_source == "environment"
