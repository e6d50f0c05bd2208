"""All settings of all processes. Each is a flag, an EVCOMMAND_* variable, and a row in the docs.

The settings that operators choose are defined here (ChosenSettings). Limits and waits are defined
in the rooms that use them: their types, defaults and descriptions come from the rooms' dataclasses,
the description from `metadata["doc"]` of the field.
Their names get a prefix: GatewaySettings.max_frame_bytes is `gateway_max_frame_bytes`. So each
setting has one definition.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, create_model, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from broker.settings import ApiKey, BrokerSettings, Tls
from broker.token_settings import TokenSettings
from domain.commands.timing import Timing
from journal.settings import RetentionSettings
from station_gateway.settings import GatewaySettings
from workflows.settings import WorkerSettings

ENV_PREFIX = "EVCOMMAND_"

# Fields of the rooms that ChosenSettings sets, under another name or from several settings.
_BROKER_CHOSEN = {"listen", "tls", "api_keys", "tokens", "insecure", "timing"}
_GATEWAY_CHOSEN = {
    *("host", "port", "tls_certificate", "tls_key", "tls_terminated"),
    *("tls_second_certificate", "tls_second_key"),
    *("open", "open_tenant", "insecure", "gateway_id"),
}


class ChosenSettings(BaseSettings):
    """The settings that an operator chooses. Frozen; read once, when a process starts."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    grpc_listen: str = Field(
        default="127.0.0.1:50051",
        description="HOST:PORT where the broker serves gRPC; port 0: a free one.",
    )
    ocpp_listen: str = Field(
        default="127.0.0.1:9000",
        description="HOST:PORT where stations connect; port 0: a free one.",
    )
    metrics_listen: str = Field(
        default="",
        description="HOST:PORT of /metrics, /live and /ready; empty: none. "
        "Beyond loopback it needs EVCOMMAND_METRICS_TOKEN_FILE.",
    )
    metrics_token_file: Path | None = Field(
        default=None,
        description="File with the bearer token that whoever scrapes /metrics must show.",
    )
    temporal_address: str = Field(
        default="",
        description="HOST:PORT of Temporal. Empty: TEMPORAL_ADDRESS and Temporal's own settings; "
        "`up` starts a dev server when there are none.",
    )
    temporal_namespace: str = Field(
        default="", description="Temporal namespace. Empty: Temporal's own settings, else default."
    )
    temporal_ui: str = Field(
        default="", description="Address of Temporal's web UI, for the links that are printed."
    )
    database_url: str = Field(
        default="",
        description="sqlite:///PATH or postgresql://USER@HOST/NAME. Empty: SQLite in the data "
        "directory. A password belongs into the variable or the passfile, not into the flag.",
    )
    database_url_file: Path | None = Field(
        default=None, description="File that holds the database's URL, instead of the variable."
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Directory of the SQLite file and of the dev server's history.",
    )
    open: bool = Field(
        default=False,
        description="Admit stations that nobody registered, and tokens nobody put in.",
    )
    open_tenant: str = Field(default="default", description="Tenant that such stations belong to.")
    insecure: bool = Field(
        default=False, description="Listen beyond loopback although TLS or credentials are missing."
    )
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Who may call: NAME[@TENANT][/GROUP ...][+RIGHT ...][~RATE]:SHA256HEX, "
        "separated by commas (`evcommand api-key NAME` makes one). Empty: whoever reaches the "
        "port.",
    )
    api_keys_file: Path | None = Field(
        default=None, description="The same, one per line; # begins a comment."
    )
    grpc_tls_certificate: Path | None = Field(
        default=None, description="PEM file of the gRPC server."
    )
    grpc_tls_key: Path | None = Field(default=None, description="PEM file of its key.")
    grpc_client_ca: Path | None = Field(
        default=None, description="PEM file: gRPC clients must show a certificate that it signed."
    )
    ocpp_tls_certificate: Path | None = Field(
        default=None, description="PEM file of the OCPP server; stations then connect with wss://."
    )
    ocpp_tls_key: Path | None = Field(default=None, description="PEM file of its key.")
    ocpp_tls_second_certificate: Path | None = Field(
        default=None,
        description="PEM file of a second certificate of the OCPP server: RSA beside ECDSA.",
    )
    ocpp_tls_second_key: Path | None = Field(default=None, description="PEM file of its key.")
    ocpp_tls_terminated: bool = Field(
        default=False, description="A proxy in front of the OCPP listener ends TLS."
    )
    gateway_id: str = Field(
        default="", description="Name of the gateway process; empty: a random one."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field(
        default="auto", description="json, console, or auto: console at a terminal."
    )
    startup_timeout_s: float = Field(
        default=30.0, gt=0, description="How long a process waits for Temporal and the database."
    )

    stop_limit_s: float = Field(
        default=90.0, gt=0, description="A process that has not drained after so long ends hard."
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return tuple(re.split(r"[\s,]+", value.strip(" ,\n"))) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            ApiKey.parse(key)
        return keys

    @field_validator("grpc_listen", "ocpp_listen", "metrics_listen")
    @classmethod
    def _check_address(cls, value: str) -> str:
        if value and not value.startswith("unix:"):
            split_address(value)
        return value

    @field_validator("database_url_file")
    @classmethod
    def _check_one_url(cls, file: Path | None, given: ValidationInfo) -> Path | None:
        if file is not None and given.data.get("database_url"):
            raise ValueError("give this or the URL itself, not both")
        return file

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("log_format")
    @classmethod
    def _check_format(cls, value: str) -> str:
        if value not in ("auto", "json", "console"):
            raise ValueError("must be auto, json or console")
        return value

    @property
    def database(self) -> str:
        """The URL of the database; the default is the SQLite file in the data directory.

        Raises: OSError, ValueError when its file cannot be read, or is empty.
        """
        if self.database_url_file is not None:
            return _secret_of(self.database_url_file, "database_url_file")
        return self.database_url or f"sqlite:///{self.data_dir / 'evcommand.sqlite'}"

    @property
    def sqlite_file(self) -> Path | None:
        """The SQLite file. None: the database is PostgreSQL."""
        scheme, _, path = self.database.partition(":///")
        return Path(path) if scheme.startswith("sqlite") and path else None

    def metrics_token(self) -> str:
        """What scrapers show; empty: nothing. Raises: OSError, ValueError, as for the database."""
        if self.metrics_token_file is None:
            return ""
        return _secret_of(self.metrics_token_file, "metrics_token_file")

    def timing(self) -> Timing:
        """The waits of commands and reservations."""
        return Timing(**self._room("timing_", Timing, set()))

    def broker(self) -> BrokerSettings:
        """The broker's settings. With Worker Versioning it starts no command eagerly.

        An eager start gives the first decision to whichever build asked, current or not.
        """
        given = self._room("broker_", BrokerSettings, _BROKER_CHOSEN)
        given["eager_start"] = given["eager_start"] and not self.worker().versioning
        return BrokerSettings(
            listen=self.grpc_listen,
            tls=self._grpc_tls(),
            api_keys=tuple(ApiKey.parse(text) for text in self._all_keys()),
            tokens=TokenSettings(**self._room("jwt_", TokenSettings, set())),
            insecure=self.insecure,
            timing=self.timing(),
            **given,
        )

    def gateway(self) -> GatewaySettings:
        """The gateway's settings."""
        host, port = split_address(self.ocpp_listen)
        return GatewaySettings(
            host=host,
            port=port,
            tls_certificate=str(self.ocpp_tls_certificate or ""),
            tls_key=str(self.ocpp_tls_key or ""),
            tls_second_certificate=str(self.ocpp_tls_second_certificate or ""),
            tls_second_key=str(self.ocpp_tls_second_key or ""),
            tls_terminated=self.ocpp_tls_terminated,
            open=self.open,
            open_tenant=self.open_tenant,
            insecure=self.insecure,
            gateway_id=self.gateway_id,
            **self._room("gateway_", GatewaySettings, _GATEWAY_CHOSEN),
        )

    def worker(self) -> WorkerSettings:
        """The worker's settings."""
        return WorkerSettings(**self._room("worker_", WorkerSettings, set()))

    def retention(self) -> RetentionSettings:
        """How long what is over is kept. Raises: ValueError for a time that is too short."""
        return RetentionSettings(**self._room("retention_", RetentionSettings, set()))

    def _grpc_tls(self) -> Tls | None:
        if self.grpc_tls_certificate is None and self.grpc_tls_key is None:
            return None
        if self.grpc_tls_certificate is None or self.grpc_tls_key is None:
            raise ValueError("grpc_tls_certificate and grpc_tls_key: give both or none")
        return Tls(self.grpc_tls_certificate, self.grpc_tls_key, self.grpc_client_ca)

    def _all_keys(self) -> Iterator[str]:
        yield from self.api_keys
        if self.api_keys_file is not None:
            for line in self.api_keys_file.read_text().splitlines():
                if text := line.partition("#")[0].strip():
                    yield text

    def _room(self, prefix: str, room: type[Any], chosen: set[str]) -> dict[str, Any]:
        names = [field.name for field in dataclasses.fields(room) if field.name not in chosen]
        return {name: getattr(self, prefix + name) for name in names}


def split_address(text: str) -> tuple[str, int]:
    """Splits HOST:PORT. An IPv6 host stands in brackets.

    Raises: ValueError when it is not HOST:PORT.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _secret_of(file: Path, setting: str) -> str:
    text = file.read_text().strip()
    if not text:
        raise ValueError(f"{file} ({ENV_PREFIX}{setting.upper()}) is empty")
    return text


def _room_fields(prefix: str, room: type[Any], chosen: set[str]) -> dict[str, Any]:
    """The fields of a room's dataclass; `metadata["doc"]` of each is its description.

    No number is below 0, or below `metadata["least"]`.
    """
    return {
        prefix + field.name: (
            field.type,
            Field(
                field.default,
                description=field.metadata["doc"],
                ge=field.metadata.get("least", 0) if field.type in _NUMBERS else None,
            ),
        )
        for field in dataclasses.fields(room)
        if field.name not in chosen
    }


_NUMBERS = (int, float)

_ALL_FIELDS: dict[str, Any] = {
    **_room_fields("timing_", Timing, set()),
    **_room_fields("broker_", BrokerSettings, _BROKER_CHOSEN),
    **_room_fields("jwt_", TokenSettings, set()),
    **_room_fields("gateway_", GatewaySettings, _GATEWAY_CHOSEN),
    **_room_fields("worker_", WorkerSettings, set()),
    **_room_fields("retention_", RetentionSettings, set()),
}

Settings: type[ChosenSettings] = create_model("Settings", __base__=ChosenSettings, **_ALL_FIELDS)
"""All settings: the chosen ones and the rooms'."""
