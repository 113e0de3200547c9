"""What may be asked: the bodies of requests."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from acclimate.server.openai.unsupported_fields import (
    Body,
    NeutralChat,
    NeutralCompletion,
    NeutralMessage,
    Never,
)

StopStrings = Annotated[str, Field(min_length=1)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
TokenIds = Annotated[list[TokenId], Field(min_length=1)]
PromptText = str | TokenIds
Texts = Annotated[list[str], Field(min_length=1)] | Annotated[list[TokenIds], Field(min_length=1)]


class StreamOptions(Body):
    """How a stream ends."""

    include_usage: bool | None = None
    """Whether a last chunk tells the tokens."""
    include_obfuscation: Never | None = None
    """Only false."""


class PlainFormat(Body):
    """Any text."""

    type: Literal["text"]


class JsonFormat(Body):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(Body):
    """A JSON schema and its name."""

    name: str = ""
    """Not used."""
    description: str | None = None
    """Not used."""
    schema_: dict[str, Any] = Field(alias="schema")
    """What the answer must satisfy."""
    strict: bool | None = None
    """It always is."""


class SchemaFormat(Body):
    """JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


class RegexFormat(Body):
    """Text that matches a regular expression whole."""

    type: Literal["regex"]
    regex: str = Field(min_length=1)


class ChoiceFormat(Body):
    """One of several texts, word for word."""

    type: Literal["choice"]
    choice: list[str] = Field(min_length=1)


Format = Annotated[
    PlainFormat | JsonFormat | SchemaFormat | RegexFormat | ChoiceFormat,
    Field(discriminator="type"),
]


class GenerationRequest(Body):
    """What chats and completions have alike."""

    model: str
    """A name that `/v1/models` lists."""
    max_tokens: int | None = None
    """The longest answer."""
    temperature: float | None = Field(default=None, ge=0.0)
    """Absent: 0, as the study measures. Differs: OpenAI's is 1."""
    top_p: float | None = Field(default=None, gt=0.0, le=1.0)
    """Keep the smallest set of tokens with this much probability."""
    top_k: int | None = Field(default=None, ge=0)
    """Keep the k likeliest tokens; 0 keeps all. Not in OpenAI's API."""
    min_p: float | None = Field(default=None, ge=0.0, le=1.0)
    """Keep tokens at least this share as likely as the likeliest. Not in OpenAI's API."""
    repetition_penalty: float | None = Field(default=None, ge=0.1, le=10.0)
    """Above 1, what was said grows less likely. Not in OpenAI's API."""
    n: int | None = Field(default=None, ge=1)
    """Answers to each prompt."""
    stop: StopStrings | Annotated[list[StopStrings], Field(max_length=16)] | None = None
    """The answer ends before any of these."""
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    """Of the draw; absent: another each time."""
    stream: bool | None = None
    """Send pieces as they are written, as server-sent events."""
    stream_options: StreamOptions | None = None
    """How a stream ends."""
    response_format: Format | None = None
    """What form the answer must have; `regex` and `choice` are not in OpenAI's API."""
    task: str | None = None
    """Task of the domain that it is asked as: its examples, its adapter. Not in OpenAI's API."""

    def of_task(self, name: str) -> Self:
        """The same, asked as that task where it does not say itself."""
        return self.model_copy(update={"task": self.task or name})


class TextPart(Body):
    """A part of what was said."""

    type: Literal["text"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, part: Any) -> Any:
        if isinstance(part, dict) and part.get("type", "text") != "text":
            raise ValueError("must be of type 'text', for only text is read here; leave it out")
        return part


class ChatMessage(NeutralMessage):
    """What somebody said."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    """Not used."""

    @property
    def text(self) -> str:
        """The parts as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class ChatRequest(NeutralChat, GenerationRequest):
    """The body of `/v1/chat/completions`."""

    messages: list[ChatMessage] = Field(min_length=1)
    """The dialogue; the user speaks last."""
    max_completion_tokens: int | None = None
    """The newer name of `max_tokens`."""
    logprobs: bool | None = None
    """Tell each token's log-probability."""
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    """And so many of the likeliest in its place; needs `logprobs`."""


class CompletionRequest(NeutralCompletion, GenerationRequest):
    """The body of `/v1/completions`."""

    prompt: PromptText | Texts
    """Text to go on with, or token ids, or several of either."""
    echo: bool | None = None
    """Give the prompt back before the answer; with `logprobs` its tokens' too."""
    logprobs: int | None = Field(default=None, ge=0, le=20)
    """Tell each token's log-probability and so many of the likeliest in its place."""


class EmbeddingRequest(Body):
    """The body of `/v1/embeddings`."""

    model: str
    """A name that `/v1/models` lists."""
    input: PromptText | Texts
    """What to place: a text, or token ids, or several of either."""
    encoding_format: Literal["float", "base64"] | None = None
    """Numbers, or base64 of little-endian float32."""
    dimensions: int | None = Field(default=None, ge=1)
    """Only as many as there are."""
    user: str | None = None
    """Not kept."""
