"""What Secrets Manager can do to a sink that others cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.model import Secret
from reconciler.sinks import Delivery, Sink, make
from tests.contract.sinks.counterparts import Counterpart, Servers, aws_client

pytestmark = pytest.mark.parametrize("counterpart", ["aws"], indirect=True)

PLACE = Place("m.yaml", 1, 1)
ONE = Delivery("client-1", Secret("s3cret/1+=="), "credential-1", "django#1", "2026")
TWO = Delivery("client-1", Secret("s3cret/2+=="), "credential-2", "django#2", "2026")


def sink_of(counterpart: Counterpart) -> Sink:
    return make(counterpart.settings, root=Path("/nonexistent"), place=PLACE, sleep=lambda _: None)


def name_of(counterpart: Counterpart) -> str:
    return str(counterpart.settings["aws"]["name"])


def test_former_version_stays_as_the_previous_one(counterpart: Counterpart, servers: Servers) -> None:
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    sink.put(TWO, "credential-1")
    client, name = aws_client(servers.aws), name_of(counterpart)
    previous = client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert json.loads(previous["SecretString"])["client_secret"] == "s3cret/1+=="
    stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert sorted(label for labels in stages.values() for label in labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_repeated_delivery_makes_no_further_version(counterpart: Counterpart, servers: Servers) -> None:
    sink = sink_of(counterpart)
    for _ in range(3):
        sink.put(ONE, None)
    described = aws_client(servers.aws).describe_secret(SecretId=name_of(counterpart))
    assert len(described["VersionIdsToStages"]) == 1


def test_deletion_can_be_taken_back_for_a_week_and_delivering_does(counterpart: Counterpart, servers: Servers) -> None:
    sink, client, name = sink_of(counterpart), aws_client(servers.aws), name_of(counterpart)
    sink.put(ONE, None)
    sink.delete()
    described = client.describe_secret(SecretId=name)
    assert 6 < (described["DeletedDate"] - described["CreatedDate"]).days <= 7
    assert sink.head() is None
    sink.preflight()
    sink.put(TWO, None)
    assert "DeletedDate" not in client.describe_secret(SecretId=name)
    assert counterpart.held() == "s3cret/2+=="


def test_secret_of_others_that_is_to_be_deleted_is_left_alone(counterpart: Counterpart, servers: Servers) -> None:
    assert counterpart.overwrite
    counterpart.overwrite()
    aws_client(servers.aws).delete_secret(SecretId=name_of(counterpart), RecoveryWindowInDays=7)
    sink = sink_of(counterpart)
    for attempt in (sink.preflight, lambda: sink.put(ONE, None)):
        with pytest.raises(SinkFailed, match="not delivered from here") as caught:
            attempt()
        assert caught.value.conflict


def interrupted(counterpart: Counterpart, start: str, do: Callable[[], object]) -> None:
    """Let something happen just before the first call that begins so."""
    assert counterpart.relay
    met: list[str] = []

    def decide(_: int, call: str) -> Any:
        if call.startswith(start) and not met:
            met.append(call)
            do()
        return "pass"

    counterpart.relay.reset(decide)


@pytest.mark.parametrize("start", ["UpdateSecret", "PutSecretValue", "UpdateSecretVersionStage"])
def test_version_that_somebody_else_wrote_in_the_meantime_stays_current(counterpart: Counterpart, start: str) -> None:
    assert counterpart.overwrite
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    interrupted(counterpart, f"POST secretsmanager.{start}", counterpart.overwrite)
    with pytest.raises(SinkFailed) as caught:
        sink.put(TWO, "credential-1")
    assert caught.value.conflict
    assert counterpart.held() == "theirs"
    assert sink.head() is None


def test_description_says_whose_it_is_and_no_secret(counterpart: Counterpart, servers: Servers) -> None:
    sink_of(counterpart).put(ONE, None)
    description = aws_client(servers.aws).describe_secret(SecretId=name_of(counterpart))["Description"]
    (version,) = json.loads(description)["versions"].values()
    assert version["credential_id"] == "credential-1"
    assert "s3cret" not in description


def test_description_is_short_enough_for_two_generations_with_the_longest_names(counterpart: Counterpart) -> None:
    sink = sink_of(counterpart)
    for number in (1, 2):
        name = "é" * 200 + f"#0000000{number}"
        sink.put(Delivery("c" * 36, Secret("s"), f"{number}" * 36, name, "2026-01-01T00:00:00.000000+00:00"), None)
    head = sink.head()
    assert head
    assert head.name == "é" * 200 + "#00000002"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AWS_ENDPOINT_URL": "http://secrets.example.org"}, "must be https://"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "see the credentials and region"),
    ],
)
def test_environment_that_leads_nowhere_is_told(
    counterpart: Counterpart, environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    with pytest.raises(SinkFailed, match=said):
        sink_of(counterpart).preflight()
