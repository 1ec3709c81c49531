"""One chat model through LangChain, asked for one form: loaded at the first question, kept for all others."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import SecretStr

if TYPE_CHECKING:
    from knowledge.egress import Rules

PROVIDERS = ("openai", "anthropic", "ollama")
_HOSTS = {"openai": ("api.openai.com",), "anthropic": ("api.anthropic.com",)}
_OLLAMA = "http://127.0.0.1:11434"  # where it listens unless told otherwise; naming the provider is naming it

Talk = Sequence[tuple[Literal["system", "human", "ai"], str]]


class ModelTrouble(Exception):
    """The model gave no usable answer. The deterministic path takes over; `steward doctor` tells more."""


class ModelUnusable(ModelTrouble):
    """The model cannot be set up. Look at STEWARD_MODELS__FAST (like openai:NAME), __BASE_URL and __API_KEY."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said in the form it was asked for, as JSON text (unchecked), and what it cost."""

    text: str
    tokens: int = 0


class Model(Protocol):
    """A model that answers in one form."""

    async def ready(self) -> None:
        """Load what it needs; at once when that is done. Raises ModelUnusable."""

    async def ask(self, talk: Talk) -> Reply:
        """Raises ModelTrouble."""

    async def close(self) -> None:
        """Let the connections go; nothing is asked after it."""


@dataclass(slots=True)
class ChatModel:
    """`name` is provider:model. The key stays in its SecretStr and goes to `base_url` (or the provider) alone."""

    name: str
    form: Mapping[str, Any]
    base_url: str = ""
    api_key: SecretStr = field(default_factory=lambda: SecretStr(""))
    timeout_s: float = 20.0
    _chat: Any = field(default=None, repr=False)
    _bare: Any = field(default=None, repr=False)
    _loading: asyncio.Future[Any] | None = field(default=None, repr=False)

    @property
    def provider(self) -> str:
        return self.name.partition(":")[0]

    async def ready(self) -> None:
        if self._chat is None:
            if self._loading is None:  # importing takes a second or two: in a thread, once, whoever gives up waiting
                self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
            self._chat = await asyncio.shield(self._loading)

    async def ask(self, talk: Talk) -> Reply:
        from langsmith import tracing_context

        try:
            with tracing_context(enabled=False):  # an inherited LANGSMITH_… variable must not send the words elsewhere
                message = await self._chat.ainvoke(list(talk))
        except Exception as error:  # noqa: BLE001 - three SDKs and their transports share no root; all mean the same
            raise ModelTrouble(_kind(error)) from None
        usage = message.usage_metadata or {}
        return Reply(_said(message), int(usage.get("total_tokens", 0)))

    async def close(self) -> None:
        if self._loading is not None:
            await asyncio.wait([self._loading])
        name = "root_async_client" if self.provider == "openai" else "_async_client"
        if (client := getattr(self._bare, name, None)) is not None:
            await client.close()

    @property
    def rules(self) -> Rules:
        """Where the model is asked: at the provider's own address, or where the operator wrote."""
        from knowledge.egress import Rules

        written = self.base_url or (_OLLAMA if self.provider == "ollama" else "")
        return Rules.of(*_HOSTS.get(self.provider, ()), settings=[written] if written else [])

    def _load(self) -> Any:
        provider, _, model = self.name.partition(":")
        if provider not in PROVIDERS or not model:
            raise ModelUnusable("name")
        for name in (*PROVIDERS, "httpx", "httpcore", "httpx2", "httpcore2"):  # at debug they log what is sent
            logger = logging.getLogger(name)
            logger.setLevel(max(logging.WARNING, logger.level))
        try:
            from langchain.chat_models import init_chat_model

            chat = self._bare = init_chat_model(model, model_provider=provider, **self._options(provider))
            if provider == "anthropic":
                self._guard_anthropic(chat)
            if provider == "ollama":
                return chat.bind(format=dict(self.form))  # constrains every model, also those without tools
            strict = {"strict": True} if provider == "openai" and not self.base_url else {}
            return chat.bind_tools([dict(self.form)], tool_choice=str(self.form["title"]), **strict)
        except Exception as error:  # noqa: BLE001 - no package, no key, a bad address: each SDK in its own way
            raise ModelUnusable(_kind(error)) from None

    def _guarded(self) -> Any:
        """The guarded client of the httpx that OpenAI's and Anthropic's SDKs are built on, a fork of the usual one."""
        import httpx2

        from knowledge.egress import GuardedTransport

        guard: Any = GuardedTransport(self.rules, http=httpx2)
        return httpx2.AsyncClient(transport=guard, timeout=self.timeout_s, follow_redirects=True, trust_env=False)

    def _guard_anthropic(self, chat: Any) -> None:
        """LangChain takes no client for Anthropic; it keeps the one it makes under this name, so ours is put there."""
        import anthropic

        chat.__dict__["_async_client"] = anthropic.AsyncClient(**chat._client_params, http_client=self._guarded())

    def _options(self, provider: str) -> dict[str, Any]:
        where: dict[str, Any] = {"base_url": self.base_url} if self.base_url else {}
        if provider == "ollama":
            from knowledge.egress import GuardedTransport

            guard = {"transport": GuardedTransport(self.rules), "trust_env": False}
            more = {"client_kwargs": {"timeout": self.timeout_s}, "async_client_kwargs": guard}
            return {**where, "temperature": 0, **more}
        # without a key of our own the SDK would send the one it finds in the environment, to whatever server
        key = self.api_key if self.api_key.get_secret_value() or not self.base_url else SecretStr("none")
        known: dict[str, Any] = {"api_key": key} if key.get_secret_value() else {}
        if provider == "openai":
            known["http_async_client"] = (
                self._guarded()
            )  # LangChain's own is shared by address: closing it closes others
        return {**where, **known, "timeout": self.timeout_s, "max_retries": 0}


def _said(message: Any) -> str:
    """The arguments of the first tool call as JSON, else the text."""
    if message.tool_calls:
        return json.dumps(message.tool_calls[0]["args"], ensure_ascii=False)
    if message.invalid_tool_calls:
        return str(message.invalid_tool_calls[0].get("args") or "")
    return str(message.text)


def _kind(error: Exception) -> str:
    """What failed, without the error's own words: servers echo keys and prompts in them."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if isinstance(status, int) else type(error).__name__
