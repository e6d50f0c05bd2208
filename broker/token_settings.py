"""How callers' signed tokens are checked: the settings, and what would be wrong with them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domain.loopback import is_loopback

MAX_LEEWAY_S = 60.0
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""The algorithms of tokens whose checker cannot make one."""


@dataclass(frozen=True)
class TokenSettings:
    """How callers' signed tokens (JWT) are checked. Without `jwks_url` none is taken."""

    jwks_url: str = field(
        default="",
        metadata={
            "doc": (
                "where the issuer publishes the keys that sign callers' tokens (JWKS); https, but "
                "on loopback. Empty: no tokens are taken."
            )
        },
    )
    issuer: str = field(default="", metadata={"doc": "what `iss` of a token must be."})
    audience: str = field(default="", metadata={"doc": "what `aud` of a token must be or contain."})
    algorithms: str = field(
        default="RS256,ES256",
        metadata={"doc": "which algorithms may sign tokens, separated by commas; asymmetric ones."},
    )
    leeway_s: float = field(
        default=10.0,
        metadata={"doc": "how wrong the clocks of issuer and broker may be; at most 60."},
    )
    name_claim: str = field(
        default="sub",
        metadata={"doc": "the claim with the caller's name; it is shown as `jwt:NAME`."},
    )
    tenant_claim: str = field(
        default="tenant",
        metadata={
            "doc": (
                "the claim with the tenant; a token without it is refused. Empty: every token is "
                'of the tenant "default".'
            )
        },
    )
    rights_claim: str = field(
        default="rights",
        metadata={
            "doc": (
                "the claim with the rights: a list, or words in one text as in `scope`. Other "
                "words count for nothing; a token without rights may do nothing."
            )
        },
    )
    groups_claim: str = field(
        default="",
        metadata={
            "doc": (
                "the claim with the groups of stations, a list of beginnings of their identities, "
                '["*"] for all; a token without it is refused. Empty: every token is for all '
                "stations of its tenant."
            )
        },
    )
    keys_refresh_s: float = field(
        default=300.0, metadata={"doc": "how old the keys may be before they are fetched anew."}
    )
    keys_max_age_s: float = field(
        default=86_400.0,
        metadata={"doc": "how long known keys are good while the issuer cannot be reached."},
    )
    keys_pause_s: float = field(
        default=30.0,
        metadata={"doc": "the keys are fetched at most once in so long, whatever key is named."},
    )
    keys_max_bytes: int = field(
        default=256 * 1024, metadata={"doc": "of the issuer's answer with the keys."}
    )
    timeout_s: float = field(
        default=3.0, metadata={"doc": "the issuer has this long to answer with the keys."}
    )
    ca_file: str = field(
        default="",
        metadata={"doc": "PEM file of the CAs that may vouch for it, instead of the usual ones."},
    )

    @property
    def algorithm_names(self) -> frozenset[str]:
        """The algorithms that may sign tokens."""
        return frozenset(self.algorithms.replace(",", " ").split())


def wrong_with(settings: TokenSettings) -> list[str]:
    """Each setting by which a token that nobody vouches for would be taken, and the remedy."""
    if settings.jwks_url:
        return [*_wrong_address(settings.jwks_url), *_wrong_checks(settings)]
    return ["jwt_jwks_url is missing"] if settings.issuer or settings.audience else []


def _wrong_address(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    ):
        yield "jwt_jwks_url must be https, or http on loopback"
    if parts.username is not None or not parts.hostname:
        yield "jwt_jwks_url must name a host, and no user"


def _wrong_checks(settings: TokenSettings) -> Iterator[str]:
    for name in ("issuer", "audience", "name_claim", "rights_claim", "algorithms"):
        if not getattr(settings, name):
            yield f"jwt_{name} is missing"
    for name in sorted(settings.algorithm_names - ASYMMETRIC):
        known = ", ".join(sorted(ASYMMETRIC))
        yield f"jwt_algorithms must not have {name}: it must be one of {known}"
    if not 0 <= settings.leeway_s <= MAX_LEEWAY_S:
        yield f"jwt_leeway_s must be 0 to {MAX_LEEWAY_S:g}"
