"""The failures of model calls.

| code | when | retryable |
|---|---|---|
| rate_limited | 429; `details.retry_after_seconds` if the provider says it | yes |
| model_unavailable | 5xx, or no connection | yes |
| model_timeout | no answer, or no further token, in time | yes |
| stream_broken | the connection broke in the middle of a reply | yes |
| authentication_failed | 401, 403, or no key at all | no |
| model_not_found | 404 | no |
| context_too_long | the conversation is longer than the model takes | no |
| bad_request | any other 4xx | no |
| content_filtered | the provider held the reply back | no |
| output_schema_violation | the reply breaks `output_schema` | yes |
| unknown_model_provider | no such provider, or its package is not installed | no |
| model_misconfigured | the provider's client cannot be built | no |
| model_failed | anything else | yes |
"""

from collections.abc import Mapping
from typing import Any

from engine.executors.port import StepFailure
from engine.executors.task_failure import task_failure

_FINAL = {
    "authentication_failed",
    "model_not_found",
    "context_too_long",
    "bad_request",
    "content_filtered",
    "unknown_model_provider",
    "model_misconfigured",
}


def model_failure(code: str, message: str, details: Mapping[str, Any] | None = None) -> StepFailure:
    """A failure with one of the codes above, retryable as the table says."""
    return task_failure(code, message, retryable=code not in _FINAL, details=details)
