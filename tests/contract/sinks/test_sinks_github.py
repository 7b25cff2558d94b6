"""What GitHub can do to a sink that others cannot."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.model import Secret
from reconciler.sinks import Delivery, make
from tests.contract.sinks import github_api
from tests.contract.sinks.counterparts import Counterpart, Servers, sink_of

PLACE = Place("m.yaml", 1, 1)
ONE = Delivery("client-1", Secret("s3cret/1+=="), "credential-1", "django#1", "2026")
TWO = Delivery("client-1", Secret("s3cret/2+=="), "credential-2", "django#2", "2026")

github = pytest.mark.parametrize("counterpart", ["github"], indirect=True)


def calls(counterpart: Counterpart, start: str) -> list[str]:
    assert counterpart.relay
    return [call for call in counterpart.relay.calls if call.startswith(start)]


@github
def test_the_secret_is_written_last(counterpart: Counterpart, servers: Servers) -> None:
    servers.github.written.clear()
    sink_of(counterpart).put(ONE, None)
    assert servers.github.written == ["KEY", "SECRET"]


@github
def test_delivery_that_breaks_off_leaves_the_former_secret_in_use(counterpart: Counterpart) -> None:
    assert counterpart.relay
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    counterpart.relay.reset(lambda _, call: "refuse" if call.endswith("/SECRET") else "pass")
    with pytest.raises(SinkFailed, match=r"PUT .*/SECRET: no "):
        sink.put(TWO, None)
    assert counterpart.held() == "s3cret/1+=="


@github
def test_key_that_changed_in_the_meantime_is_fetched_once_more(counterpart: Counterpart, servers: Servers) -> None:
    assert counterpart.relay
    servers.github.turns = ["SECRET"]
    sink_of(counterpart).put(ONE, None)
    assert counterpart.held() == "s3cret/1+=="
    assert len([call for call in calls(counterpart, "GET") if call.endswith("public-key")]) == 2


@github
def test_key_that_never_stays_is_an_error(counterpart: Counterpart, servers: Servers) -> None:
    servers.github.turns = ["SECRET"] * 3
    with pytest.raises(SinkFailed, match=r"cannot write SECRET: refused \(422\)"):
        sink_of(counterpart).put(ONE, None)
    servers.github.turns = []
    assert counterpart.held() is None


@github
def test_token_that_may_only_read_learns_it_at_the_first_write(counterpart: Counterpart) -> None:
    """Whether it may write, GitHub does not say before: the preflight sees that it can look."""
    sink = sink_of(counterpart, GITHUB_TOKEN=github_api.READER)
    sink.preflight()
    with pytest.raises(SinkFailed, match=r"cannot write KEY: the token may not \(403\)"):
        sink.put(ONE, None)


@github
def test_gh_token_does_as_well(counterpart: Counterpart) -> None:
    sink_of(counterpart, GITHUB_TOKEN="", GH_TOKEN=github_api.TOKEN).put(ONE, None)
    assert counterpart.held() == "s3cret/1+=="


@github
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GITHUB_TOKEN": ""}, "needs GITHUB_TOKEN or GH_TOKEN"),
        ({"GITHUB_TOKEN": "ghp_s3cret"}, r"the token is not accepted \(401\)"),
        ({"GITHUB_API_URL": "http://github.example.org/api/v3"}, "must be https://"),
    ],
)
def test_environment_that_leads_nowhere_is_told_before_anything_is_made(
    counterpart: Counterpart, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SinkFailed, match=said) as caught:
        sink_of(counterpart, **environ).preflight()
    assert "s3cret" not in str(caught.value)


def test_repository_that_is_hidden_is_told(servers: Servers, tmp_path: Path) -> None:
    settings: Any = {"github": {"repository": "a/..", "keys": {"client_secret": "S"}}}
    environ = {"GITHUB_TOKEN": github_api.TOKEN, "GITHUB_API_URL": servers.github.url}
    with pytest.raises(SinkFailed, match=r"it is not there, or hidden \(404\)"):
        make(settings, root=tmp_path, place=PLACE, environ=environ).preflight()


@pytest.mark.parametrize("counterpart", ["github-environment"], indirect=True)
def test_environment_has_secrets_of_its_own(counterpart: Counterpart, servers: Servers) -> None:
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    repository = counterpart.settings["github"]["repository"]
    assert (repository, "production", "KEY") in servers.github.secrets
    assert (repository, None, "KEY") not in servers.github.secrets
    assert sink.destination == f"github {repository} KEY, SECRET of the environment production"
