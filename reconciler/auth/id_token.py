"""Owns the validation of ID tokens: the provider's signature, for this client, from this provider, and in time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from datetime import timedelta

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

LEEWAY = 0.5
"""Seconds by which clocks may differ."""

_SIGNED_BY_THE_PROVIDER = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
"""Only the provider has the private key. A provider that also offers `none` or a shared secret is not followed."""


def key_name(token: str) -> str | None:
    """Read which of the provider's keys a token says that it was signed with, if it says so."""
    import jwt  # noqa: PLC0415 - a tenth of a second that few callers need

    return jwt.get_unverified_header(token).get("kid")


def decode(
    token: str,
    keys: "Sequence[RSAPublicKey]",
    configuration: Any,
    *,
    audience: str | None,
    params: dict[str, Any] | None,
) -> dict[str, Any]:
    """Validate a token and give its claims. `params` are options of the JWT library, and `leeway` in seconds.

    Raises:
        jwt.InvalidTokenError: by classes that say what is wrong with the token.
    """
    import jwt  # noqa: PLC0415 - a tenth of a second that few callers need

    options = dict(params or {})
    leeway: float | timedelta = options.pop("leeway", LEEWAY)
    offered = configuration.get("id_token_signing_alg_values_supported") or ()
    last: Exception = jwt.InvalidSignatureError("the provider has no key that fits the token")
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[each for each in _SIGNED_BY_THE_PROVIDER if each in offered],
                audience=audience,
                issuer=configuration.get("issuer") if options.get("verify_iss", True) else None,
                options=cast("Any", {"require": ["exp", "iss", "aud", "sub"], **options}),
                leeway=leeway,
            )
        except jwt.InvalidSignatureError as error:
            last = error
        else:
            return claims
    raise last
