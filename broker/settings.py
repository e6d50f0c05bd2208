"""Every setting of the broker, with its default and its limit's name."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from broker.token_settings import TokenSettings, wrong_with
from domain.commands.timing import Timing
from domain.loopback import is_loopback_listener

_DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
"""The name of a key, or of a tenant."""

_GROUP = re.compile(r"[A-Za-z0-9_.:=|*-]{1,48}")
_RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


class Right(StrEnum):
    """A class of calls that the holder of a credential may make (`broker.access.rights`).

    UNLOCK frees somebody's cable, HARD_RESET ends every session of a station: a credential has
    them only when it names them. Those of bookings are parts of others: `read` opens what
    BOOKINGS_READ opens, `reserve` what BOOKINGS_WRITE does, `admin` what POOLS_ADMIN does.
    """

    READ = "read"
    COMMAND = "command"
    UNLOCK = "unlock"
    HARD_RESET = "hard-reset"
    RESERVE = "reserve"
    ADMIN = "admin"
    TOKENS = "tokens"
    BOOKINGS_READ = "bookings.read"
    BOOKINGS_WRITE = "bookings.write"
    POOLS_ADMIN = "pools.admin"


_NAMED_ONLY = frozenset({Right.UNLOCK, Right.HARD_RESET})
ORDINARY = frozenset(Right) - _NAMED_ONLY
"""The rights of a credential that names no class of calls."""


def granted(named: Collection[str]) -> frozenset[Right]:
    """The rights of a credential that names these ones.

    Whoever names only `unlock` and `hard-reset`, or nothing, has them and all ordinary rights.

    Raises: ValueError for a word that is no right.
    """
    known = {right.value for right in Right}
    if not known.issuperset(named):
        raise ValueError(f"an API key's rights are: {', '.join(sorted(known))}")
    rights = frozenset(map(Right, named))
    return rights if rights - _NAMED_ONLY else rights | ORDINARY


def checked_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Groups of stations: how the identities of their stations begin.

    Raises: ValueError when one is empty, which would be every station, or cannot be one.
    """
    beginnings = tuple(groups)
    if not all(_GROUP.fullmatch(each) for each in beginnings):
        raise ValueError(
            "a station group must be 1 to 48 characters of A-Z, a-z, 0-9, _.:=|*-, with which the "
            "identities of its stations begin"
        )
    return beginnings


class UnsafeBroker(Exception):
    """The listener would let everybody in a network command stations. Says the remedy."""


@dataclass(frozen=True)
class ApiKey:
    """A credential: what its holder is called, the SHA-256 of the key, and what it may do.

    A key is generated with 128 bits or more, so that a plain digest cannot be searched. The key
    itself is never in a setting.

    groups: beginnings of the identities of the stations that it may see and command. Empty: all
    stations of its tenant.
    call_rate: reads a second, and changes a second, that it may make. 0: as many as it likes. None:
    `BrokerSettings.call_rate`.
    """

    name: str
    digest: str
    tenant: str = "default"
    rights: frozenset[Right] = ORDINARY
    groups: tuple[str, ...] = ()
    call_rate: float | None = None

    @classmethod
    def parse(cls, text: str) -> "ApiKey":
        """Read `NAME[@TENANT][/GROUP ...][+RIGHT ...][~RATE]:SHA256HEX`.

        Raises: ValueError when the text is not of this form. The message never shows the text.
        """
        who, separator, digest = text.strip().rpartition(":")
        if not separator or not _DIGEST.fullmatch(digest.lower()):
            raise ValueError("an API key setting must be NAME:SHA256HEX, never the key itself")
        who, limited, rate = who.partition("~")
        if limited and not _RATE.fullmatch(rate):
            raise ValueError(
                "an API key's rate must be calls a second, as ~50 or ~0.5; ~0: no limit"
            )
        whose, *named = who.split("+")
        whose, *groups = whose.split("/")
        name, _, tenant = whose.partition("@")
        if not NAME.fullmatch(name) or (tenant and not NAME.fullmatch(tenant)):
            raise ValueError("an API key's name must be 1 to 64 characters of A-Z, a-z, 0-9, ._-")
        return cls(
            name,
            digest.lower(),
            tenant or "default",
            rights=granted(named),
            groups=checked_groups(groups),
            call_rate=float(rate) if limited else None,
        )


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files. `client_ca`: clients must show a certificate that it signed (mTLS)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class BrokerSettings:
    """The broker's settings."""

    listen: str = field(
        default="127.0.0.1:50051", metadata={"doc": "HOST:PORT; port 0 takes a free one."}
    )
    tls: Tls | None = field(default=None, metadata={"doc": "None serves plain text."})
    tls_reload_s: float = field(
        default=10.0,
        metadata={
            "doc": "how often its files are looked at; a change is taken at the second look."
        },
    )
    api_keys: tuple[ApiKey, ...] = field(
        default=(),
        repr=False,
        metadata={
            "doc": 'who may call; empty: everybody who reaches the port, as tenant "default".'
        },
    )
    tokens: TokenSettings = field(
        default_factory=TokenSettings, metadata={"doc": "how callers' signed tokens are checked."}
    )
    insecure: bool = field(
        default=False,
        metadata={"doc": "listen beyond loopback without TLS and credentials all the same."},
    )
    timing: Timing = field(
        default_factory=Timing, metadata={"doc": "every wait of the commands made here."}
    )
    wait_limit_s: float = field(
        default=600.0, metadata={"doc": "no call waits longer for a command; the command goes on."}
    )
    deadline_margin_s: float = field(
        default=0.25, metadata={"doc": "how long before its own deadline a waiting call returns."}
    )
    temporal_look_s: float = field(
        default=1.2,
        metadata={"doc": "Temporal has this long to answer before the broker looks for it."},
    )
    temporal_timeout_s: float = field(
        default=10.0, metadata={"doc": "Temporal counts as down when it says nothing for so long."}
    )
    temporal_patience_s: float = field(
        default=60.0,
        metadata={
            "doc": (
                "a slow Temporal has this long to take a request; the caller's own deadline "
                "may be shorter."
            )
        },
    )
    index_labels: str = field(
        default="",
        metadata={
            "doc": (
                "keys of the labels by which commands are found in Temporal's web UI (`EvLabels`), "
                "separated by commas. Their values stand there in the clear."
            )
        },
    )
    eager_start: bool = field(
        default=True,
        metadata={
            "doc": (
                "the process carries a worker for commands, so that Temporal hands it a command's "
                "first decision with the reply that made the command durable."
            )
        },
    )
    unavailable_retry_s: float = field(
        default=1.0, metadata={"doc": "when a client is told to try again."}
    )
    drain_s: float = field(
        default=20.0, metadata={"doc": "how long a shutdown lets calls in flight end."}
    )
    max_message_bytes: int = field(default=256 * 1024, metadata={"doc": "of a request."})
    max_metadata_bytes: int = field(default=16 * 1024, metadata={"doc": "of a call's metadata."})
    request_timeout_s: float = field(
        default=10.0,
        metadata={"doc": "a call's request has to come so soon after its headers."},
    )
    max_calls: int = field(
        default=2_000,
        metadata={
            "doc": "calls served at once, without those of health; more are RESOURCE_EXHAUSTED."
        },
    )
    max_calls_per_tenant: int = field(
        default=1_500,
        metadata={"doc": "of them for one tenant; lower, so that the others have the rest."},
    )
    max_calls_per_credential: int = field(
        default=1_000,
        metadata={"doc": "of them for one API key; lower, so that the others have the rest."},
    )
    reads_at_once: int = field(
        default=8,
        metadata={
            "doc": "reads of one tenant that are made at once; its others wait. 0: no limit.",
        },
    )
    plans_at_once: int = field(
        default=4,
        metadata={
            "least": 1,
            "doc": "bookings and searches that are planned at once; others wait.",
        },
    )
    planning_patience_s: float = field(
        default=30.0,
        metadata={
            "doc": (
                "so long they wait, or until shortly before their deadline; then they are "
                "RESOURCE_EXHAUSTED."
            )
        },
    )
    call_rate: float = field(
        default=100.0,
        metadata={
            "doc": (
                "reads a second, and changes a second, that one credential may make for ever; more "
                "are RESOURCE_EXHAUSTED. An API key may have its own (`~RATE`). 0: no limit."
            )
        },
    )
    call_burst_s: float = field(
        default=20.0,
        metadata={"doc": "so many seconds of its rate may come at once, after a silence."},
    )
    max_streams_per_connection: int = field(
        default=1_000,
        metadata={"doc": "calls of one client connection; further ones wait in their client."},
    )
    max_watches: int = field(
        default=500,
        metadata={"doc": "streams of all Watch methods together served at once."},
    )
    max_watches_per_tenant: int = field(
        default=400,
        metadata={"doc": "of them for one tenant; lower, so that the others have the rest."},
    )
    max_watches_per_credential: int = field(
        default=300,
        metadata={"doc": "of them for one API key; lower, so that the others have the rest."},
    )
    max_health_watches: int = field(
        default=100, metadata={"doc": "Health/Watch streams served at once. They need no API key."}
    )
    max_health_calls_per_connection: int = field(
        default=50,
        metadata={"doc": "calls of health that one connection may have at once, watches too."},
    )
    watch_batch: int = field(default=200, metadata={"doc": "events read at once for one watch."})
    callback_timeout_s: float = field(
        default=10.0, metadata={"doc": "a receiver has this long to answer a post; at most 20."}
    )
    callback_max_answer_bytes: int = field(
        default=4_096,
        metadata={"doc": "of a receiver's answer; whoever sends more is no receiver."},
    )
    callback_max_posts: int = field(default=100, metadata={"doc": "posts made at once."})
    callback_max_polls: int = field(
        default=20,
        metadata={"doc": "polls of Temporal that wait for posts; 5 are always open."},
    )
    callback_ca_file: str = field(
        default="",
        metadata={
            "doc": ("PEM file of the CAs that may vouch for receivers, instead of the usual ones.")
        },
    )
    callback_allow_private: bool = field(
        default=False,
        metadata={
            "doc": (
                "DANGEROUS, for tests and labs: post also to loopback and private "
                "addresses, and over plain http. Clients can then reach into the broker's "
                "own network."
            )
        },
    )
    keepalive_s: float = field(
        default=30.0,
        metadata={
            "doc": (
                "how often a silent client connection is probed; dead ones are cut after as long."
            )
        },
    )

    @property
    def has_credentials(self) -> bool:
        """Whether callers have to show an API key or a token."""
        return bool(self.api_keys or self.tokens.jwks_url)


MAX_CALLBACK_TIMEOUT_S = 20.0


def check_listener(settings: BrokerSettings) -> None:
    """Refuse to serve beyond this machine without TLS and credentials.

    Raises: UnsafeBroker, unless `insecure` says that this is wanted.
    """
    if settings.insecure or is_loopback_listener(settings.listen):
        return
    missing = [
        *(() if settings.tls else ("a TLS certificate and key",)),
        *(() if settings.has_credentials else ("at least one API key",)),
    ]
    if missing:
        raise UnsafeBroker(
            f"{settings.listen} can be reached from other machines: configure "
            f"{' and '.join(missing)}, listen on 127.0.0.1, or say --insecure"
        )


def check_tokens(settings: TokenSettings) -> None:
    """Refuse settings by which a token that nobody vouches for would be taken.

    Raises: UnsafeBroker. It never shows the address of the keys, which may hold a password.
    """
    if wrong := wrong_with(settings):
        raise UnsafeBroker(f"callers' tokens cannot be checked: {'; '.join(wrong)}")
