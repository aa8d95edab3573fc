"""What is cancelled before it began was never awaited, in graphql-core as well; Python complains when it goes."""

import gc
from collections.abc import Iterator

import pytest

MAY_BE_UNAWAITED = pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""With `all_gone`, so that nothing of a test goes during a later one."""


@pytest.fixture
def all_gone() -> Iterator[None]:
    yield
    gc.collect()
