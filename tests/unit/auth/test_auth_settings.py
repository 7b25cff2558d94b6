"""Where calls go and how, from arguments and the environment."""

import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.auth import GlobusSDKUsageError, RetryPolicy
from reconciler.auth.settings import TransportSettings, base_url_of, check_url, origin, read_settings

LOCAL = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("base_url", "environment", "environ", "url"),
    [
        (None, None, {}, "https://auth.globus.org/"),
        (None, "preview", {}, "https://auth.preview.globus.org/"),
        (None, None, {"GLOBUS_SDK_ENVIRONMENT": "sandbox"}, "https://auth.sandbox.globuscs.info/"),
        (None, "test", {"GLOBUS_SDK_ENVIRONMENT": "sandbox"}, "https://auth.test.globuscs.info/"),
        (None, "test", {"GLOBUS_SDK_SERVICE_URL_AUTH": LOCAL}, LOCAL),
        (None, None, {"GLOBUS_SDK_SERVICE_URL_AUTH": ""}, "https://auth.globus.org/"),
        ("https://a.example", "test", {"GLOBUS_SDK_SERVICE_URL_AUTH": LOCAL}, "https://a.example"),
    ],
)
def test_address_is_the_argument_then_the_variable_then_the_environment(
    base_url: str | None, environment: str | None, environ: dict[str, str], url: str
) -> None:
    assert base_url_of(base_url, environment, environ) == url


def test_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(GlobusSDKUsageError, match="'prod', known are integration, preview, production"):
        base_url_of(None, "prod", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.globus.org/",
        "http://localhost:1",
        "http://LOCALHOST",
        "http://127.0.0.1",
        "http://127.8.8.8:80/x",
        "http://[::1]:5",
    ],
)
def test_address_with_tls_or_on_the_loopback_is_accepted(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.globus.org/",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://0.0.0.0",
        "http://127.0.0.1:99999",
        "http://[x",
        "https://a..example",
        f"https://{'a' * 64}.example",
        "http://10.0.0.1",
        "https://user:hunter2@auth.globus.org",
        "https://hunter2@auth.globus.org",
        "http://127.0.0.1\\@evil.example",
        "ftp://auth.globus.org",
        "file:///etc/passwd",
        "auth.globus.org",
        "https://",
        "https://x:port/",
        "https://[::1",
        "",
    ],
)
def test_other_addresses_are_refused_without_their_credentials(url: str) -> None:
    with pytest.raises(GlobusSDKUsageError) as caught:
        check_url(url)
    assert "hunter2" not in str(caught.value)


def test_origin_knows_the_usual_ports() -> None:
    assert origin("https://A.example/x") == origin("https://a.example:443")
    assert origin("http://localhost") == ("http", "localhost", 80)
    assert origin("https://a.example") != origin("https://a.example:444")


@pytest.mark.parametrize(
    ("params", "environ", "timeout"),
    [
        ({}, {}, 60.0),
        ({}, {"GLOBUS_SDK_HTTP_TIMEOUT": "5.5"}, 5.5),
        ({}, {"GLOBUS_SDK_HTTP_TIMEOUT": ""}, 60.0),
        ({}, {"GLOBUS_SDK_HTTP_TIMEOUT": "-1"}, None),
        ({"http_timeout": 3}, {"GLOBUS_SDK_HTTP_TIMEOUT": "5"}, 3.0),
        ({"http_timeout": -1}, {}, None),
        ({"http_timeout": None}, {"GLOBUS_SDK_HTTP_TIMEOUT": "5"}, 5.0),
    ],
)
def test_timeout_is_read_as_the_official_sdk_does(
    params: dict[str, Any], environ: dict[str, str], timeout: float | None
) -> None:
    assert read_settings(params, environ).timeout == timeout


@pytest.mark.parametrize("value", ["soon", "0", "-2", "nan", "inf"])
def test_timeout_that_makes_no_sense_is_refused(value: str) -> None:
    with pytest.raises(GlobusSDKUsageError, match="timeout"):
        read_settings({}, {"GLOBUS_SDK_HTTP_TIMEOUT": value})


@pytest.mark.parametrize("value", ["1", "true", "YES", "on", ""])
def test_verification_is_on(value: str) -> None:
    assert read_settings({}, {"GLOBUS_SDK_VERIFY_SSL": value}).ca_bundle is None


@pytest.mark.parametrize("value", ["0", "false", "No", "off", "n", "F"])
def test_verification_cannot_be_switched_off(value: str) -> None:
    with pytest.raises(GlobusSDKUsageError, match="always verified"):
        read_settings({}, {"GLOBUS_SDK_VERIFY_SSL": value})
    with pytest.raises(GlobusSDKUsageError, match="always verified"):
        read_settings({"verify_ssl": value}, {})
    with pytest.raises(GlobusSDKUsageError, match="always verified"):
        read_settings({"ca_bundle": value}, {})


def test_verification_by_argument_cannot_be_switched_off() -> None:
    with pytest.raises(GlobusSDKUsageError, match="always verified"):
        read_settings({"verify_ssl": False}, {})
    with pytest.raises(GlobusSDKUsageError, match="unknown transport_params: verify"):
        read_settings({"verify": False}, {})


def test_ca_file_must_exist(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    with pytest.raises(GlobusSDKUsageError, match="no CA file"):
        read_settings({"ca_bundle": str(bundle)}, {})
    bundle.touch()
    assert read_settings({"ca_bundle": bundle}, {"GLOBUS_SDK_VERIFY_SSL": "1"}).ca_bundle == str(bundle)
    assert read_settings({}, {"GLOBUS_SDK_VERIFY_SSL": str(bundle)}).ca_bundle == str(bundle)


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(GlobusSDKUsageError, match="unknown transport_params: poolsize, timeouts"):
        read_settings({"timeouts": 1, "poolsize": 2, "pool_size": 3}, {})


def test_limits_take_the_names_of_the_official_sdk() -> None:
    settings = read_settings({"max_retries": 1, "max_sleep": 5, "policy": RetryPolicy(base_delay=2)}, {})
    assert settings.policy == RetryPolicy(max_attempts=2, base_delay=2, max_retry_after=5)
    assert read_settings(None, {}).policy.max_attempts == 5


def test_settings_sleep_for_real_unless_told_and_hide_the_proxy() -> None:
    settings = read_settings({"proxy": "http://user:hunter2@proxy:3128"}, {})
    assert settings.sleep is time.sleep
    assert settings.proxy
    assert "hunter2" not in repr(settings)
    assert TransportSettings().max_body_bytes == 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_retries", "x"),
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("max_retries", True),
        ("max_sleep", "x"),
        ("max_sleep", -1),
        ("max_sleep", float("nan")),
        ("max_sleep", float("inf")),
        ("pool_size", 0),
        ("max_body_bytes", 0),
        ("proxy", 5),
        ("proxy", "socks5://u:hunter2@x"),
        ("proxy", "http://u:hunter2@x:y"),
        ("policy", {"max_attempts": 1}),
        ("quota", 5),
        ("sleep", 5),
        ("clock", "hunter2"),
    ],
)
def test_setting_of_another_type_is_refused_and_not_shown(name: str, value: Any) -> None:
    with pytest.raises(GlobusSDKUsageError, match=name) as caught:
        read_settings({name: value}, {})
    assert "hunter2" not in str(caught.value)


def test_settings_that_fit_are_taken() -> None:
    found = read_settings({"max_retries": 0, "max_sleep": 1.5, "pool_size": 1, "proxy": "proxy.example:3128"}, {})
    assert (found.policy.max_attempts, found.policy.max_retry_after) == (1, 1.5)
    assert (found.pool_size, found.proxy) == (1, "proxy.example:3128")
