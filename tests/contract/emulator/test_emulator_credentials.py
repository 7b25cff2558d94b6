import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.emulator import Emulator

Make = Callable[..., Any]


def test_secret_is_shown_only_when_created(rosalind: Make, new_client: Make, new_secret: Make) -> None:
    client = new_client(rosalind)["id"]
    created = new_secret(rosalind, client)
    assert set(created) == {"id", "name", "client", "created", "secret"}
    assert created["created"].endswith("+00:00")
    listed = rosalind("GET", f"/v2/api/clients/{client}/credentials")["credentials"]
    assert listed == [created | {"secret": None}]


def test_several_secrets_work_at_once_and_names_need_not_be_unique(
    emulator: Emulator, rosalind: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    client = new_client(rosalind)["id"]
    secrets = [new_secret(rosalind, client)["secret"] for _ in range(2)]
    assert [token_of(emulator, client, secret).status_code for secret in secrets] == [200, 200]


def test_deleted_secret_buys_no_tokens_but_those_it_bought_live_on(
    emulator: Emulator, rosalind: Make, caller: Make, new_client: Make, new_secret: Make, token_of: Make
) -> None:
    client = new_client(rosalind)["id"]
    credential = new_secret(rosalind, client)
    token = token_of(emulator, client, credential["secret"]).json()["access_token"]
    path = f"/v2/api/clients/{client}/credentials/{credential['id']}"
    assert rosalind("DELETE", path)["credential"] == credential | {"secret": None}
    refused = token_of(emulator, client, credential["secret"])
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"], error["detail"]) == (401, "UNAUTHORIZED", "Basic auth failed")
    caller(emulator, headers={"Authorization": f"Bearer {token}"})("GET", "/v2/api/projects")


def test_credential_is_deleted_only_below_its_own_client(rosalind: Make, new_client: Make, new_secret: Make) -> None:
    first, second = new_client(rosalind)["id"], new_client(rosalind)["id"]
    credential = new_secret(rosalind, first)["id"]
    rosalind("DELETE", f"/v2/api/clients/{second}/credentials/{credential}", status=404)
    rosalind("DELETE", f"/v2/api/clients/{first}/credentials/{credential}")


def test_neither_secrets_nor_tokens_are_in_the_file(
    emulator: Emulator, rosalind: Make, new_client: Make, new_secret: Make, token_of: Make, tmp_path: Path
) -> None:
    client = new_client(rosalind)["id"]
    secret = new_secret(rosalind, client)["secret"]
    token = token_of(emulator, client, secret).json()["access_token"]
    person = emulator.person_token("rosalind@globusid.org")
    connection = sqlite3.connect(tmp_path / "emulator.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert client in dump
    assert not any(value in dump for value in (secret, token, person, emulator.client_secret))


def test_credential_can_neither_be_asked_for_nor_changed(rosalind: Make, new_client: Make, new_secret: Make) -> None:
    client = new_client(rosalind)["id"]
    path = f"/v2/api/clients/{client}/credentials/{new_secret(rosalind, client)['id']}"
    rosalind("GET", path, status=405)
    rosalind("PUT", path, {"credential": {"name": "New"}}, status=405)


def test_switch_limits_the_credentials_of_a_client(
    start: Make, caller: Make, new_client: Make, new_secret: Make
) -> None:
    call = caller(start(most_credentials=2), "rosalind@globusid.org")
    client, other = new_client(call)["id"], new_client(call)["id"]
    made = [new_secret(call, client)["id"] for _ in range(2)]
    path = f"/v2/api/clients/{client}/credentials"
    call("POST", path, {"credential": {"name": "Third"}}, status=409)
    new_secret(call, other)
    call("DELETE", f"{path}/{made[0]}")
    new_secret(call, client)
