"""Makes signed tokens, good and forged, and the keys that an issuer publishes for them."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.test"
AUDIENCE = "evcommand"


class Signer:
    """A key of the issuer. id: its `kid`. kind: "EC" (ES256) or "RSA" (RS256)."""

    def __init__(self, id: str, kind: str = "EC", bits: int = 2048) -> None:
        self.id = id
        self.algorithm = "ES256" if kind == "EC" else "RS256"
        self.key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if kind == "EC":
            self.key = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.key.public_key())
        else:
            self.key = rsa.generate_private_key(65537, bits)
            public = RSAAlgorithm.to_jwk(self.key.public_key())
        self.jwk: dict[str, Any] = {**json.loads(public), "kid": id, "use": "sig"}

    def token(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token with good claims, some of them changed; None takes one away."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "anna",
            "tenant": "north",
            "rights": ["read"],
            "exp": datetime.now(UTC).timestamp() + 600,
            **changed,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return self.signed({"kid": self.id, **(header or {})}, said)

    def signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Any header and any claims, signed as they are."""
        head = {"typ": "JWT", "alg": self.algorithm, **header}
        text = b".".join(_text(json.dumps(part).encode()) for part in (head, claims))
        signer = jwt.get_algorithm_by_name(self.algorithm)
        return (text + b"." + _text(signer.sign(text, self.key))).decode()


def _text(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
