import asyncio
from collections.abc import AsyncIterator

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types

from engine.domain.errors import InvalidState, NotFound, PermissionDenied, Unavailable, WeftError
from engine.secrets.secret_manager import KEPT_SECONDS, SecretManagerSecrets
from tests.secrets.secret_manager_server import SecretManagerServer, client_of, serving


def version(secret: str) -> str:
    return f"projects/my-project/secrets/{secret}/versions/latest"


class Clock:
    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> SecretManagerServer:
    return SecretManagerServer(secrets={version("weft-acme-crm"): b"hunter2"})


@pytest.fixture
async def secrets(server: SecretManagerServer, clock: Clock) -> AsyncIterator[SecretManagerSecrets]:
    async with serving(server) as address:
        source = SecretManagerSecrets(client_of(address), "my-project", "weft", now=clock)
        yield source
        await source.close()


async def test_a_secret_is_found_by_tenant_and_name(secrets: SecretManagerSecrets) -> None:
    assert await secrets.get("acme", "crm") == "hunter2"


async def test_a_secret_of_another_tenant_is_not_found(secrets: SecretManagerSecrets) -> None:
    with pytest.raises(NotFound, match="there is no secret 'crm'; create it in Secret Manager as weft-umbrella-crm"):
        await secrets.get("umbrella", "crm")


@pytest.mark.parametrize(
    ("tenant", "name"),
    [("acme", "eu-crm"), ("acme", "eu/crm"), ("acme", "../crm"), ("acme", ""), ("acme", "crm\n"), ("acme/x", "crm")],
)
async def test_a_name_that_could_belong_to_another_tenant_is_never_asked_for(
    secrets: SecretManagerSecrets, server: SecretManagerServer, tenant: str, name: str
) -> None:
    # With hyphens in names, `eu-crm` of acme and `crm` of acme-eu would be one secret.
    server.secrets[version(f"weft-{tenant}-{name}")] = b"somebody's"
    with pytest.raises(NotFound):
        await secrets.get(tenant, name)
    assert server.asked == []


async def test_tenants_and_names_meet_in_no_id(secrets: SecretManagerSecrets) -> None:
    tenants = ["a", "a-b", "a-b-c", "b", "b-c", "weft", "weft-a"]
    names = ["a", "b", "c", "b_c", "weft"]
    ids = {secrets._secret_id(tenant, name) for tenant in tenants for name in names}
    assert len(ids) == len(tenants) * len(names)


async def test_a_value_is_kept_for_a_minute_and_then_asked_for_again(
    secrets: SecretManagerSecrets, server: SecretManagerServer, clock: Clock
) -> None:
    await secrets.get("acme", "crm")
    server.secrets[version("weft-acme-crm")] = b"rotated"
    clock.seconds += KEPT_SECONDS - 1
    assert await secrets.get("acme", "crm") == "hunter2"
    clock.seconds += 1
    assert await secrets.get("acme", "crm") == "rotated"
    assert len(server.asked) == 2


async def test_steps_that_begin_together_ask_once(secrets: SecretManagerSecrets, server: SecretManagerServer) -> None:
    values = await asyncio.gather(*(secrets.get("acme", "crm") for _ in range(20)))
    assert set(values) == {"hunter2"}
    assert len(server.asked) == 1


async def test_a_caller_that_gives_up_leaves_the_answer_to_the_others(secrets: SecretManagerSecrets) -> None:
    impatient = asyncio.create_task(secrets.get("acme", "crm"))
    patient = asyncio.create_task(secrets.get("acme", "crm"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "hunter2"


@pytest.mark.parametrize(
    ("refusal", "raised", "message"),
    [
        (StatusCode.NOT_FOUND, NotFound, "create it in Secret Manager as weft-acme-crm"),
        (StatusCode.FAILED_PRECONDITION, NotFound, "is disabled or destroyed: add one to weft-acme-crm"),
        (StatusCode.PERMISSION_DENIED, PermissionDenied, "lacks roles/secretmanager.secretAccessor on it"),
        (StatusCode.UNAUTHENTICATED, Unavailable, "does not accept the worker's credentials"),
        (StatusCode.RESOURCE_EXHAUSTED, Unavailable, "quota of Secret Manager is used up"),
        (StatusCode.UNAVAILABLE, Unavailable, "does not answer"),
        (StatusCode.DEADLINE_EXCEEDED, Unavailable, "does not answer"),
        (StatusCode.INTERNAL, Unavailable, "does not answer"),
    ],
)
async def test_a_refusal_says_what_to_do_and_is_not_kept(
    secrets: SecretManagerSecrets,
    server: SecretManagerServer,
    refusal: StatusCode,
    raised: type[WeftError],
    message: str,
) -> None:
    server.refusal = refusal
    with pytest.raises(raised, match=message) as caught:
        await secrets.get("acme", "crm")
    # Who reads a step's failure is a tenant: what Google says of the project is for the log.
    assert "1234" not in caught.value.message
    server.refusal = None
    assert await secrets.get("acme", "crm") == "hunter2"


async def test_a_secret_that_is_not_text_is_refused_without_being_quoted(
    secrets: SecretManagerSecrets, server: SecretManagerServer
) -> None:
    server.secrets[version("weft-acme-crm")] = b"\xffhunter2"
    with pytest.raises(InvalidState, match="not text") as caught:
        await secrets.get("acme", "crm")
    assert caught.value.__cause__ is None


async def test_an_address_where_nobody_listens_is_unavailable() -> None:
    async with serving(SecretManagerServer()) as address:
        pass
    source = SecretManagerSecrets(client_of(address), "my-project", "weft")
    with pytest.raises(Unavailable):
        await source.get("acme", "crm")
    await source.close()


async def test_closing_ends_what_is_being_asked(secrets: SecretManagerSecrets) -> None:
    asking = asyncio.create_task(secrets.get("acme", "crm"))
    await asyncio.sleep(0)
    await secrets.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_without_credentials_the_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with pytest.raises(Unavailable, match="WEFT_SECRETS=environment"):
        await SecretManagerSecrets.open(project="my-project", prefix="weft")
