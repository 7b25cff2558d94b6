"""What Vault and OpenBao can do to a sink that others cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.model import Secret
from reconciler.sinks import Delivery, make
from tests.contract.sinks import openbao
from tests.contract.sinks.counterparts import Counterpart, Servers, sink_of

PLACE = Place("m.yaml", 1, 1)
ONE = Delivery("client-1", Secret("s3cret/1+=="), "credential-1", "django#1", "2026")
TWO = Delivery("client-1", Secret("s3cret/2+=="), "credential-2", "django#2", "2026")

vault = pytest.mark.parametrize("counterpart", ["vault"], indirect=True)
either = pytest.mark.parametrize("counterpart", ["vault", "vault-write-only"], indirect=True)


def path_of(counterpart: Counterpart) -> str:
    return str(counterpart.settings["vault"]["path"])


def test_sealed_server_cannot_answer_now(tmp_path: Path) -> None:
    with openbao.serving(tmp_path) as bao:
        sink = make(
            {"vault": {"path": "web"}},
            root=tmp_path,
            place=PLACE,
            environ={"BAO_ADDR": bao.url, "BAO_TOKEN": bao.writer},
            sleep=lambda _: None,
        )
        sink.put(ONE, None)
        bao.call("PUT", "sys/seal")
        for attempt in (sink.preflight, sink.head, lambda: sink.put(TWO, "credential-1"), sink.delete):
            with pytest.raises(SinkFailed, match="cannot answer now \\(503\\)"):
                attempt()


@either
def test_version_that_somebody_else_wrote_in_the_meantime_is_kept(counterpart: Counterpart) -> None:
    assert counterpart.relay
    assert counterpart.overwrite
    sink, overwrite = sink_of(counterpart), counterpart.overwrite
    sink.put(ONE, None)

    def decide(_: int, call: str) -> Any:
        if call.startswith(counterpart.first):
            overwrite()
        return "pass"

    counterpart.relay.reset(decide)
    with pytest.raises(SinkFailed, match="somebody else") as caught:
        sink.put(TWO, "credential-1")
    assert caught.value.conflict
    assert counterpart.held() == "theirs"
    assert sink.head() is None
    with pytest.raises(SinkFailed, match="not delivered from here"):
        sink.put(TWO, None)


@vault
def test_version_of_somebody_else_is_told_from_one_whose_answer_was_lost(counterpart: Counterpart) -> None:
    """The call does not arrive, and what is there when it is repeated is somebody else's: the values tell."""
    assert counterpart.relay
    assert counterpart.overwrite
    sink, overwrite, lost = sink_of(counterpart), counterpart.overwrite, list[str]()
    sink.put(ONE, None)

    def decide(_: int, call: str) -> Any:
        if call.startswith(counterpart.first) and not lost:
            lost.append(call)
            overwrite()
            return "lose"
        return "pass"

    counterpart.relay.reset(decide)
    with pytest.raises(SinkFailed, match="somebody else") as caught:
        sink.put(TWO, "credential-1")
    assert caught.value.conflict
    assert counterpart.held() == "theirs"
    assert sink.head() is None


@vault
@pytest.mark.parametrize("how", ["delete", "destroy"])
def test_version_that_was_deleted_is_held_no_more_and_replaced(
    counterpart: Counterpart, servers: Servers, how: str
) -> None:
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    servers.bao.call("POST", f"secret/{how}/{path_of(counterpart)}", {"versions": [1]})
    assert sink.head() is None
    sink.preflight()
    sink.put(TWO, None)
    assert counterpart.held() == "s3cret/2+=="


@vault
def test_metadata_of_others_stay(counterpart: Counterpart, servers: Servers) -> None:
    path = f"secret/metadata/{path_of(counterpart)}"
    servers.bao.call("POST", path, {"custom_metadata": {"owner": "genomics"}})
    sink = sink_of(counterpart)
    sink.put(ONE, None)
    sink.put(TWO, "credential-1")
    custom = servers.bao.call("GET", path)["data"]["custom_metadata"]
    assert custom["owner"] == "genomics"
    assert custom["reconciler_held_credential_id"] == "credential-2"
    assert not [name for name in custom if "next" in name]


@vault
def test_fields_are_those_of_keys(counterpart: Counterpart, servers: Servers) -> None:
    sink_of(counterpart).put(ONE, None)
    assert servers.bao.call("GET", f"secret/data/{path_of(counterpart)}")["data"]["data"] == {
        "SECRET": "s3cret/1+==",
        "ID": "client-1",
    }


NOWHERE: list[tuple[dict[str, str], str]] = [
    ({"VAULT_ADDR": ""}, "needs VAULT_ADDR or BAO_ADDR"),
    ({"VAULT_TOKEN": ""}, "needs VAULT_TOKEN or BAO_TOKEN"),
    ({"VAULT_ADDR": "http://vault.example.org"}, "must be https://"),
    ({"VAULT_ADDR": "https://user:pass@vault.example.org"}, "is no URL of the form"),
    ({"VAULT_ADDR": "ftp://localhost"}, "is no URL of the form"),
    ({"VAULT_TOKEN": "hvs.s3cret\nX: y"}, "no header can carry"),
    ({"VAULT_TOKEN": "hvs.s3cret"}, r"may not use the mount \(403\)"),
    (
        {"BAO_CACERT": "/nonexistent/ca.pem", "VAULT_ADDR": "https://127.0.0.1:1"},
        "names no file",
    ),
]


@vault
@pytest.mark.parametrize(("environ", "said"), NOWHERE, ids=[said for _, said in NOWHERE])
def test_environment_that_leads_nowhere_is_told_before_anything_is_made(
    counterpart: Counterpart, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SinkFailed, match=said) as caught:
        sink_of(counterpart, **environ).preflight()
    assert "s3cret" not in str(caught.value)
    assert "pass" not in str(caught.value)


def test_engine_of_version_1_is_refused(servers: Servers, tmp_path: Path) -> None:
    if "old/" not in servers.bao.call("GET", "sys/mounts")["data"]:
        servers.bao.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    settings = {"vault": {"mount": "old", "path": "web"}}
    environ = {"VAULT_ADDR": servers.bao.url, "VAULT_TOKEN": servers.bao.root}
    with pytest.raises(SinkFailed, match="no KV engine of version 2 at old"):
        make(settings, root=tmp_path, place=PLACE, environ=environ).preflight()


@vault
def test_metadata_are_ids_and_no_secret(counterpart: Counterpart, servers: Servers) -> None:
    sink_of(counterpart).put(ONE, None)
    shown = openbao.dumped(servers.bao, path_of(counterpart))
    assert json.loads(shown)["data"]["custom_metadata"]["reconciler_held_client_id"] == "client-1"
    assert "s3cret" not in shown
