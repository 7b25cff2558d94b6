"""Owns where calls go and how: explicit arguments first, then the `GLOBUS_SDK_*` variables, then the defaults."""

import math
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.auth.errors import GlobusSDKUsageError
from reconciler.auth.retry import RetryPolicy, RetryQuota

_DOMAINS = {
    "production": "globus.org",
    "preview": "preview.globus.org",
    **{name: f"{name}.globuscs.info" for name in ("integration", "sandbox", "staging", "test")},
}
_ON = frozenset({"y", "yes", "t", "true", "on", "1"})
_OFF = frozenset({"n", "no", "f", "false", "off", "0"})
DEFAULT_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How calls are made. `timeout` is the total time of a call in seconds, None for no limit.

    Certificates are always verified, against `ca_bundle` or the usual authorities.
    """

    timeout: float | None = DEFAULT_TIMEOUT
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    pool_size: int = 16
    max_body_bytes: int = 8 * 1024 * 1024
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    quota: RetryQuota = field(default_factory=RetryQuota, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    draw: Callable[[], float] = field(default=random.random, repr=False)


def _timeout(value: float | str) -> float | None:
    try:
        seconds = float(value) if value != "" else DEFAULT_TIMEOUT
    except (TypeError, ValueError):
        raise GlobusSDKUsageError(f"the HTTP timeout is no number of seconds: {value!r}") from None
    if seconds == -1:
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        raise GlobusSDKUsageError(f"the HTTP timeout must be more than 0 seconds, or -1 for none: {value!r}")
    return seconds


def _ca_bundle(value: bool | str | Path) -> str | None:  # noqa: FBT001 - the official SDK's type of this setting
    text = str(value)
    if text.lower() in _ON:
        return None
    if text.lower() in _OFF:
        raise GlobusSDKUsageError(
            "TLS certificates are always verified: name a CA file instead of switching verification off"
        )
    if not Path(text).is_file():
        raise GlobusSDKUsageError(f"there is no CA file {text!r}")
    return text


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_proxy(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return value == "" or (parts.scheme in {"http", "https"} and bool(host))


# What each of the other `transport_params` must be, and in words.
_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "clock": (callable, "a function"),
    "draw": (callable, "a function"),
    "max_body_bytes": (lambda value: _is_count(value, 1), "a whole number of at least 1"),
    "max_retries": (lambda value: _is_count(value, 0), "a whole number of at least 0"),
    "max_sleep": (_is_duration, "a number of seconds"),
    "policy": (lambda value: isinstance(value, RetryPolicy), "a RetryPolicy"),
    "pool_size": (lambda value: _is_count(value, 1), "a whole number of at least 1"),
    "proxy": (_is_proxy, "an http:// or https:// URL"),
    "quota": (lambda value: isinstance(value, RetryQuota), "a RetryQuota"),
    "sleep": (callable, "a function"),
}


def _check(params: Mapping[str, Any]) -> None:
    """Refuse unknown names and values that cannot be used. The values are not shown: proxies have passwords."""
    if unknown := sorted(params.keys() - _WANTED.keys() - {"http_timeout", "verify_ssl", "ca_bundle"}):
        raise GlobusSDKUsageError(f"unknown transport_params: {', '.join(unknown)}")
    for name, value in params.items():
        fits, words = _WANTED.get(name, (None, ""))
        if fits is not None and not fits(value):
            raise GlobusSDKUsageError(f"{name} in transport_params must be {words}")


def read_settings(params: Mapping[str, Any] | None, environ: Mapping[str, str] | None = None) -> TransportSettings:
    """Build settings from `transport_params` and the environment.

    Takes the official SDK's `http_timeout`, `verify_ssl`, `max_retries`, `max_sleep`, and `pool_size`, `proxy`,
    `ca_bundle`, `max_body_bytes`, `policy`, `quota`, `sleep`, `clock`, `draw`.

    Raises:
        GlobusSDKUsageError: for an unknown name, a value that cannot be used, or an attempt to switch TLS
        verification off.
    """
    env = os.environ if environ is None else environ
    given = {name: value for name, value in (params or {}).items() if value is not None}
    _check(given)
    policy = given.pop("policy", RetryPolicy())
    settings: dict[str, Any] = {
        "timeout": _timeout(given.pop("http_timeout", env.get("GLOBUS_SDK_HTTP_TIMEOUT", ""))),
        "policy": RetryPolicy(
            max_attempts=given.pop("max_retries", policy.max_attempts - 1) + 1,
            base_delay=policy.base_delay,
            max_delay=policy.max_delay,
            max_retry_after=given.pop("max_sleep", policy.max_retry_after),
        ),
    }
    usual = _ca_bundle(given.pop("verify_ssl", env.get("GLOBUS_SDK_VERIFY_SSL") or "1"))
    settings["ca_bundle"] = _ca_bundle(given.pop("ca_bundle")) if "ca_bundle" in given else usual
    return TransportSettings(**{**settings, **given})


def base_url_of(base_url: str | None, environment: str | None, environ: Mapping[str, str] | None = None) -> str:
    """Decide where Globus Auth is: the argument, `GLOBUS_SDK_SERVICE_URL_AUTH`, or the environment's own address.

    Raises:
        GlobusSDKUsageError: for an unknown environment or an address that calls are not sent to.
    """
    env = os.environ if environ is None else environ
    url = base_url or env.get("GLOBUS_SDK_SERVICE_URL_AUTH")
    if url is None or url == "":
        name = environment or env.get("GLOBUS_SDK_ENVIRONMENT") or "production"
        if name not in _DOMAINS:
            raise GlobusSDKUsageError(f"unknown environment {name!r}, known are {', '.join(sorted(_DOMAINS))}")
        url = f"https://auth.{_DOMAINS[name]}/"
    check_url(url)
    return url


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> None:
    """Refuse an address that credentials must not be sent to: no TLS off the loopback, or credentials in the address.

    Raises:
        GlobusSDKUsageError: saying why, without the credentials.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        raise GlobusSDKUsageError("not a URL") from None
    if "@" in parts.netloc or "\\" in url:
        raise GlobusSDKUsageError("a URL with credentials in it is refused")
    if not host or parts.scheme not in {"http", "https"}:
        raise GlobusSDKUsageError(f"not an https:// URL: {url!r}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise GlobusSDKUsageError(f"http:// is for loopback addresses only: {url!r}")


def without_query(url: str) -> str:
    """Give the address alone, for messages."""
    return url.partition("?")[0].partition("#")[0]


def origin(url: str) -> tuple[str, str, int]:
    """Give scheme, host and port of a checked URL."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
