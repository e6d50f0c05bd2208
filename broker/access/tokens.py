"""Checks signed tokens (JWT): whether the issuer made them, and whom they name.

The algorithm of a token is never taken from the token alone: it has to be one of the setting's,
which are asymmetric, and one that its key can sign with.
"""

from datetime import datetime

import jwt
from jwt.exceptions import PyJWTError

from broker.access.caller import Caller
from broker.access.signing_keys import SigningKeys
from broker.access.token_claims import NotValid, caller_of
from broker.token_settings import TokenSettings

TOKEN_CHARS = 8_192
_ID_CHARS = 256
_DECODING: jwt.types.Options = {
    "require": ["exp", "iss", "aud"],
    # Our own clock and leeway look at these.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def looks_like_token(given: str) -> bool:
    """Whether this may be a signed token, and not an API key."""
    return given.count(".") == 2


class TokenVerifier:
    """Finds the caller of a token."""

    def __init__(self, keys: SigningKeys, settings: TokenSettings) -> None:
        self._keys = keys
        self._settings = settings

    async def caller_of(self, token: str, now: datetime) -> Caller:
        """The caller whom the token names. Raises: NotValid; Expired; KeysUnavailable."""
        if len(token) > TOKEN_CHARS:
            raise NotValid
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, ValueError) as error:
            raise NotValid from error
        id, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self._settings.algorithm_names or not isinstance(id, str):
            raise NotValid
        key = await self._keys.find(id) if 0 < len(id) <= _ID_CHARS else None
        if key is None or not key.fits(algorithm):
            raise NotValid
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                options=_DECODING,
            )
        except (PyJWTError, ValueError, TypeError) as error:
            raise NotValid from error
        return caller_of(claims, self._settings, now)
