"""Every switch of Steward: environment (`STEWARD_`, `__` between levels) or `steward.toml` in the home. Read here alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bot.secrets import SecretsSource
from knowledge import cipher
from knowledge.database import bare


def default_home() -> Path:
    """`$STEWARD_HOME`, else `$XDG_DATA_HOME/steward`, else `~/.local/share/steward`."""
    if home := os.environ.get("STEWARD_HOME"):
        return Path(home).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "steward"


class DatabaseSettings(BaseModel):
    """`url`: a PostgreSQL that holds the truth instead of a file of the home (extra `postgres`).

    `key`: 64 hex digits; set, every database of the home is encrypted on the disk.
    """

    url: SecretStr = SecretStr("")
    key: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _is_postgres(cls, url: SecretStr) -> SecretStr:
        if told := bare.refused(url.get_secret_value()):
            raise ValueError(told)
        return url


class RedisSettings(BaseModel):
    url: str = ""


class QdrantSettings(BaseModel):
    url: str = ""
    api_key: SecretStr = SecretStr("")


class EmbeddingSettings(BaseModel):
    """Nothing set: MiniLM, in the folder `path` or where `./steward` prepared it.

    `model` alone: sentence-transformers (a folder or a name). With `base_url`: a server with OpenAI's interface. Both
    give `size` numbers a text. `reranker`: a cross-encoder of sentence-transformers that puts what was found in order.
    """

    model: str = ""
    path: str = ""
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    size: int = Field(default=384, ge=8, le=8192)
    reranker: str = ""


class TelegramSettings(BaseModel):
    token: SecretStr = SecretStr("")
    mode: Literal["polling", "webhook"] = "polling"
    secret: SecretStr = SecretStr("")
    principal: str = ""
    api_base: str = "https://api.telegram.org"


class SlackSettings(BaseModel):
    """With token rotation switched on at Slack: `refresh_token`, `client_id` and `client_secret` instead of `bot_token`."""

    bot_token: SecretStr = SecretStr("")
    app_token: SecretStr = SecretStr("")
    signing_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    principal: str = ""
    team: str = ""
    api_base: str = "https://slack.com/api/"


class WhatsAppSettings(BaseModel):
    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    from_: str = Field(default="", validation_alias=AliasChoices("from", "from_"))
    principal: str = ""
    api_base: str = ""


class ModelSettings(BaseModel):
    fast: str = ""
    draft: str = ""
    reason: str = ""
    extract: str = ""
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    timeout_s: float = 20.0


class VoiceSettings(BaseModel):
    """`transcriber`: a URL with OpenAI's interface, `whisper:FOLDER`, `pocketsphinx`, `off`; empty: pocketsphinx if there.

    `api_key` and `model` are for the URL. `language` (`en`, `de` …) spares the transcriber a guess. `answer`: speak when
    `asked`, or to every `voice` note.
    """

    transcriber: str = ""
    api_key: SecretStr = SecretStr("")
    model: str = "whisper-1"
    language: str = ""
    answer: Literal["asked", "voice"] = "asked"


class PictureSettings(BaseModel):
    """`reader`: `tesseract`, `model` (pictures go to the server of `models`), `off`; empty: tesseract if it is there.

    `languages`: tesseract's names, as `eng+deu`; empty: of five the installed ones. `model`: else that of `models.fast`.
    """

    reader: Literal["", "tesseract", "model", "off"] = ""
    languages: str = Field(default="", pattern=r"^[A-Za-z0-9_+/]*$")
    model: str = ""


class HttpSettings(BaseModel):
    """`port` 0 means: listen only when a webhook needs it (then 8080).

    Beyond loopback it needs `tls_cert` and `tls_key` (files), or `trusted_proxy`: a proxy of the operator's ends TLS.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxy: bool = False


class WorkerSettings(BaseModel):
    """`idle_s`: seconds without work until it sleeps, 0 never. `lease_s`: how long its word counts once it stops answering.

    Another worker takes a turn over after `lease_s`, an effect or message after twice that.
    """

    idle_s: float = 120.0
    lease_s: float = Field(default=30.0, ge=1.0)


class PolicySettings(BaseModel):
    """`first_days`: in them every effect on the outside asks. `hold_s`: how long what is sent waits, with Undo (0: not)."""

    first_days: int = Field(default=60, ge=0)
    hold_s: float = Field(default=5.0, ge=0, le=600)


class AlertSettings(BaseModel):
    """Channels by name; `quiet` as `22:00-07:00`: what is not urgent waits for the end of it.

    `clients`: addresses, `@domains` and names of those whose mail may not be unanswered for longer than `unanswered_h`
    hours; whom memory knows as a client counts, too. `expiring_h`: so long before it expires an open approval is told
    again. `payments`: a payment that waits is told at once. 0 and false: no such alert.
    """

    order: list[str] = []
    urgent: list[str] = []
    quiet: str = ""
    clients: list[str] = []
    unanswered_h: float = Field(default=24.0, ge=0)
    expiring_h: float = Field(default=24.0, ge=0)
    payments: bool = True

    @field_validator("quiet")
    @classmethod
    def _are_hours(cls, quiet: str) -> str:
        from knowledge.store.hours import span

        span(quiet)
        return quiet


class NoteSettings(BaseModel):
    """`sealed`: every note an encrypted file that no editor opens; needs the database's key."""

    sealed: bool = False


class PathSettings(BaseModel):
    """Empty: `notes/`, `calendar.ics` and `contacts.vcf` in the home."""

    notes: str = ""
    calendar: str = ""
    contacts: str = ""


class BackupSettings(BaseModel):
    """`to`: a folder or s3://bucket/prefix; set, a backup is written every night and the newest `keep` stay.

    `endpoint`: of any S3-compatible store; empty, Amazon's of the region.
    """

    to: str = ""
    keep: int = Field(default=14, ge=1)
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")


class WebSettings(BaseModel):
    """`own`: addresses (URLs) inside your network that pages may be saved from; public ones need no entry."""

    own: list[str] = []


class KeepSettings(BaseModel):
    """Days that documents of a source, or of a sensitive class, are kept; 0: until they are forgotten. Notes stay."""

    mail: int = Field(default=0, ge=0)
    file: int = Field(default=0, ge=0)
    turn: int = Field(default=0, ge=0)
    health: int = Field(default=0, ge=0)
    finance: int = Field(default=0, ge=0)
    legal: int = Field(default=0, ge=0)
    credentials: int = Field(default=0, ge=0)
    children: int = Field(default=0, ge=0)


class WallSettings(BaseModel):
    """Agents that may not read what belongs to a class: recognised when it comes in, kept from them by every search."""

    health: list[str] = []
    finance: list[str] = []
    legal: list[str] = []
    credentials: list[str] = []
    children: list[str] = []

    def of(self, agent: str) -> frozenset[str]:
        """The classes that an agent is walled off from."""
        return frozenset(name for name, agents in self if agent in agents)


class Settings(BaseSettings):
    """All switches. Raises pydantic's ValidationError; the CLI turns it into sentences."""

    model_config = SettingsConfigDict(env_prefix="STEWARD_", env_nested_delimiter="__", extra="ignore")

    home: Path = Field(default_factory=default_home)
    public_url: str = ""
    zone: str = ""
    log: Literal["debug", "info", "warning", "error"] = "warning"
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    qdrant: QdrantSettings = QdrantSettings()
    embeddings: EmbeddingSettings = EmbeddingSettings()
    telegram: TelegramSettings = TelegramSettings()
    slack: SlackSettings = SlackSettings()
    whatsapp: WhatsAppSettings = WhatsAppSettings()
    models: ModelSettings = ModelSettings()
    voice: VoiceSettings = VoiceSettings()
    pictures: PictureSettings = PictureSettings()
    http: HttpSettings = HttpSettings()
    worker: WorkerSettings = WorkerSettings()
    policy: PolicySettings = PolicySettings()
    notes: NoteSettings = NoteSettings()
    paths: PathSettings = PathSettings()
    alerts: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()
    backup: BackupSettings = BackupSettings()
    walls: WallSettings = WallSettings()
    keep: KeepSettings = KeepSettings()
    issuers: dict[str, str] = {}  # name → Ed25519 public key in base64: who may assert facts

    @field_validator("issuers")
    @classmethod
    def _are_keys(cls, issuers: dict[str, str]) -> dict[str, str]:
        if issuers:
            from knowledge.facts.assertion import public_keys

            public_keys(issuers)
        return issuers

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=default_home() / "steward.toml")
        return init_settings, env_settings, SecretsSource(settings_cls, default_home()), toml

    @model_validator(mode="after")
    def _have_a_key_for_sealed_notes(self) -> Settings:
        if self.notes.sealed and not self.database.key.get_secret_value():
            raise ValueError(
                "STEWARD_NOTES__SEALED needs STEWARD_DATABASE__KEY, which seals the notes too; `steward encrypt` makes one."
            )
        return self

    def model_post_init(self, _context: Any) -> None:
        """Whoever has read the settings can open the home: its key and its server are known to this process."""
        cipher.unlock(self.home, self.database.key.get_secret_value())
        bare.serve(self.home / "steward.db", self.database.url.get_secret_value())

    @property
    def notes_path(self) -> Path:
        return Path(self.paths.notes).expanduser() if self.paths.notes else self.home / "notes"

    @property
    def calendar_path(self) -> Path:
        return Path(self.paths.calendar).expanduser() if self.paths.calendar else self.home / "calendar.ics"

    @property
    def contacts_path(self) -> Path:
        return Path(self.paths.contacts).expanduser() if self.paths.contacts else self.home / "contacts.vcf"
