"""The `with` of `http`: what a request may say."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Base64Bytes, BeforeValidator, Field, model_validator

from engine.domain.definition import Model

DEFAULT_MAX_BYTES = 1024 * 1024
HARD_MAX_BYTES = 16 * 1024 * 1024

Method = Annotated[
    Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
Scalar = str | int | float | bool
Status = Annotated[int, Field(ge=100, le=599)]
StatusClass = Annotated[str, Field(pattern=r"^[1-5]xx$")]
StatusPattern = Status | StatusClass


class Base64Body(Model):
    """Binary content in the form that a binary response has."""

    base64: Base64Bytes


class HttpWith(Model):
    BODIES: ClassVar[tuple[str, ...]] = ("json_", "form", "body")

    method: Method = Field(default="GET", description="The HTTP method.")
    url: Annotated[str, Field(min_length=1, max_length=8_192)] = Field(description="An http or https URL.")
    headers: dict[str, Scalar] = Field(default={}, description="Request headers.")
    query: dict[str, Scalar | list[Scalar] | None] = Field(
        default={}, description="Added to the URL's query; a list repeats the name, null leaves it out."
    )
    json_: Any = Field(default=None, alias="json", description="The body as JSON.")
    form: dict[str, Scalar | list[Scalar]] = Field(default={}, description="The body as a submitted form.")
    body: str | Base64Body | None = Field(
        default=None,
        description="The body as text, or as `{base64}` where it is binary; set `content-type` in `headers`.",
    )
    expect_status: StatusPattern | tuple[StatusPattern, ...] = Field(
        default=("2xx",),
        description="Statuses that are fine, such as `[200, 404]` or `2xx`; others fail the step: `http_<status>`.",
    )
    max_bytes: Annotated[int, Field(ge=1, le=HARD_MAX_BYTES)] = Field(
        default=DEFAULT_MAX_BYTES, description="The largest response body in bytes, also after decompression."
    )
    follow_redirects: bool = Field(default=True, description="Whether to follow redirects, at most five.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name.rstrip("_") for name in self.BODIES if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"give only one of {' and '.join(f'`{name}`' for name in given)}")
        return self

    def expects(self, status: int) -> bool:
        patterns = self.expect_status if isinstance(self.expect_status, tuple) else (self.expect_status,)
        return _matches(status, patterns)


def _matches(status: int, patterns: Sequence[int | str]) -> bool:
    return any(pattern in (status, f"{status // 100}xx") for pattern in patterns)
