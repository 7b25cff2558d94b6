import io
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dotenv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import lock
from reconciler.errors import InvalidManifests, Place, SinkFailed
from reconciler.kinds.delivered import KEYS
from reconciler.model import Secret
from reconciler.sinks import Delivery, Sink, make
from reconciler.sinks.shape import shape

PLACE = Place("m.yaml", 7, 9)
SAMPLE = Delivery("id", Secret("sec/ret+=="), "cred", "django#1f", "2026-01-01T00:00:00+00:00")


def sink(root: Path, path: str = "secrets/web.json", **settings: Any) -> Sink:
    return make({"file": {"path": path, **settings}}, root=root, place=PLACE)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_json_is_an_object_of_all_that_is_delivered(tmp_path: Path) -> None:
    sink(tmp_path).put(SAMPLE, None)
    assert json.loads((tmp_path / "secrets/web.json").read_text()) == {
        "client_id": "id",
        "client_secret": "sec/ret+==",
        "credential_id": "cred",
        "name": "django#1f",
        "created": "2026-01-01T00:00:00+00:00",
    }


def test_env_is_lines_in_upper_case(tmp_path: Path) -> None:
    sink(tmp_path, format="env").put(SAMPLE, None)
    assert (tmp_path / "secrets/web.json").read_text() == (
        "CLIENT_ID=id\n"
        "CLIENT_SECRET=sec/ret+==\n"
        "CREDENTIAL_ID=cred\n"
        "NAME='django#1f'\n"
        "CREATED=2026-01-01T00:00:00+00:00\n"
    )


def test_plain_is_the_secret_and_nothing_else(tmp_path: Path) -> None:
    sink(tmp_path, format="plain").put(SAMPLE, None)
    assert (tmp_path / "secrets/web.json").read_bytes() == b"sec/ret+=="


def test_keys_choose_and_rename(tmp_path: Path) -> None:
    keys = {"client_secret": "AUTH_SECRET", "client_id": "AUTH_KEY"}
    sink(tmp_path, format="env", keys=keys).put(SAMPLE, None)
    assert (tmp_path / "secrets/web.json").read_text() == "AUTH_KEY=id\nAUTH_SECRET=sec/ret+==\n"


def read_by_shell(values: list[bytes]) -> list[str]:
    script = "".join(f". ./{number}; printf '%s\\0' \"$VALUE\"\n" for number in range(len(values)))
    return subprocess.run(["sh", "-euc", script], check=True, capture_output=True).stdout.decode().split("\0")[:-1]


VALUES = [
    "plain",
    "with space",
    " edges ",
    "it's",
    'say "so"',
    "a#b",
    "#a",
    "a=b==",
    "!history",
    "`true`",
    "50%",
    "~",
    "~root",
    "*",
    "a;b&c|d>e<f(g)",
    "ünïcode ☃",
    "\N{RIGHT-TO-LEFT OVERRIDE}x",
    "",
    "[a]{b,c}",
    "export X",
]


def test_env_is_read_the_same_by_a_shell_and_by_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = shape("env", {"client_secret": "VALUE"})
    contents = [form.render(Delivery("", Secret(value), "", "", "")) for value in VALUES]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert read_by_shell(contents) == VALUES
    assert [dotenv.dotenv_values(stream=io.StringIO(each.decode()))["VALUE"] for each in contents] == VALUES


@given(st.text())
def test_env_is_read_back_as_it_was_or_refused(value: str) -> None:
    form = shape("env", {"client_secret": "VALUE"})
    try:
        content = form.render(Delivery("", Secret(value), "", "", "")).decode()
    except ValueError:
        return
    assert dotenv.dotenv_values(stream=io.StringIO(content)) == {"VALUE": value}


@pytest.mark.parametrize("name", ["a\nB=1", "a\\b", "$HOME", "it's $x", 'it\'s "x"', "a\rb", "a\x00b", "a\u2028b"])
def test_put_refuses_what_env_cannot_express_and_keeps_what_there_is(tmp_path: Path, name: str) -> None:
    mine = sink(tmp_path, format="env")
    mine.put(SAMPLE, None)
    with pytest.raises(SinkFailed, match="NAME") as caught:
        mine.put(Delivery("id", Secret("other"), "cred2", name, "2026"), "cred")
    assert "other" not in str(caught.value)
    head = mine.head()
    assert head
    assert head.credential_id == "cred"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_and_folders_are_closed_to_others(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        sink(tmp_path, "a/b/web.json").put(SAMPLE, None)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == mode(tmp_path / "a/b") == 0o700
    for file in (tmp_path / "a/b").iterdir():
        assert mode(file) == 0o600


def test_metadata_hold_no_secret(tmp_path: Path) -> None:
    sink(tmp_path).put(SAMPLE, None)
    kept = [file for file in (tmp_path / "secrets").iterdir() if "sec/ret" in file.read_text()]
    assert kept == [tmp_path / "secrets/web.json"]
    assert json.loads((tmp_path / "secrets/web.json.meta.json").read_text())["generations"][0]["name"] == "django#1f"


def test_metadata_keep_two_generations_at_most(tmp_path: Path) -> None:
    mine = sink(tmp_path)
    for number in range(4):
        mine.put(Delivery("id", Secret(f"s{number}"), f"cred{number}", "n", "2026"), None)
    document = json.loads((tmp_path / "secrets/web.json.meta.json").read_text())
    assert [each["credential_id"] for each in document["generations"]] == ["cred3", "cred2"]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"format": 2, "generations": []}', b'{"format": 1, "generations": [{}]}']
)
def test_metadata_that_say_nothing_make_the_file_foreign(tmp_path: Path, content: bytes) -> None:
    mine = sink(tmp_path)
    mine.put(SAMPLE, None)
    (tmp_path / "secrets/web.json.meta.json").write_bytes(content)
    assert mine.head() is None
    with pytest.raises(SinkFailed) as caught:
        mine.put(SAMPLE, None)
    assert caught.value.conflict


def link_file(root: Path) -> None:
    (root / "secrets").mkdir(mode=0o700)
    (root / "elsewhere").write_text("theirs")
    (root / "elsewhere").chmod(0o600)
    (root / "secrets/web.json").symlink_to(root / "elsewhere")


def dangling(root: Path) -> None:
    (root / "secrets").mkdir(mode=0o700)
    (root / "secrets/web.json").symlink_to(root / "nowhere")


def link_meta(root: Path) -> None:
    sink(root).put(SAMPLE, None)
    (root / "secrets/web.json.meta.json").rename(root / "elsewhere")
    (root / "secrets/web.json.meta.json").symlink_to(root / "elsewhere")


def link_lock(root: Path) -> None:
    (root / "secrets").mkdir(mode=0o700)
    (root / "elsewhere").write_text("theirs")
    (root / "secrets/.web.json.lock").symlink_to(root / "elsewhere")


def link_folder(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "secrets").symlink_to(root / "elsewhere")


def open_file(root: Path) -> None:
    sink(root).put(SAMPLE, None)
    (root / "secrets/web.json").chmod(0o644)


def open_folder(root: Path) -> None:
    (root / "secrets").mkdir()
    (root / "secrets").chmod(0o777)


def foreign_file(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    sink(root).put(SAMPLE, None)
    os.chown(root / "secrets/web.json", 65534, 65534)


def foreign_folder(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    (root / "secrets").mkdir()
    os.chown(root / "secrets", 65534, 65534)


def folder_in_the_way(root: Path) -> None:
    (root / "secrets/web.json").mkdir(parents=True)


def file_in_the_way(root: Path) -> None:
    (root / "secrets").write_text("theirs")


HOSTILE: list[Callable[[Path], None]] = [
    link_file,
    dangling,
    link_meta,
    link_lock,
    link_folder,
    open_file,
    open_folder,
    foreign_file,
    foreign_folder,
    folder_in_the_way,
    file_in_the_way,
]


@pytest.mark.parametrize("prepare", HOSTILE)
def test_unsafe_places_are_refused_and_left_alone(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    prepare(tmp_path)
    mine, before = sink(tmp_path), tree(tmp_path)
    for attempt in (mine.preflight, lambda: mine.put(SAMPLE, None)):
        with pytest.raises(SinkFailed, match=r"secrets/web\.json"):
            attempt()
    assert tree(tmp_path) == before


def tree(root: Path) -> dict[str, object]:
    return {
        str(file.relative_to(root)): file.lstat().st_ino
        for file in root.rglob("*")
        if not (file.suffix == ".lock" and not file.is_symlink())
    }


def test_put_says_who_is_at_work_on_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.sinks.stored._PATIENCE", 0.0)
    (tmp_path / "secrets").mkdir(mode=0o700)
    with lock.hold(tmp_path / "secrets/.web.json.lock"), pytest.raises(SinkFailed, match=f"pid {os.getpid()}"):
        sink(tmp_path).put(SAMPLE, None)


def test_a_root_that_is_reached_by_a_link_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    sink(tmp_path / "root", "web.json").put(SAMPLE, None)
    assert (tmp_path / "real/web.json").exists()


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        3,
        "/etc/web",
        "../web",
        "a/../../web",
        "a/..",
        ".",
        "./",
        "a/",
        "a\nb",
        "a\x1b[2J",
        "a\u202eb",
        "a\x00b",
        "u\u0308",
        "x" * 201,
        "web.meta.json",
        "web.META.json",
    ],
)
def test_paths_that_lead_elsewhere_are_refused_with_their_place(tmp_path: Path, path: Any) -> None:
    with pytest.raises(InvalidManifests) as caught:
        make({"file": {"path": path}}, root=tmp_path, place=PLACE)
    (problem,) = caught.value.problems
    assert problem.place == PLACE
    assert "path" in problem.what


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "one of age, aws, exec, file"),
        ({"file": {"path": "a"}, "age": {}}, "one of age, aws, exec, file"),
        ({"fil": {"path": "a"}}, "no sink 'fil'"),
        ({"file": None}, "takes settings"),
        ({"file": {"path": "a", "mode": "0644"}}, "does not fit its schema"),
        ({"file": {"path": "a", "format": "yaml"}}, "format does not fit its schema"),
        ({"file": {"path": "a", "format": ["env"]}}, "format does not fit its schema"),
        ({"file": {"path": "a", "format": "plain", "keys": {"client_secret": "X"}}}, "takes no `keys`"),
        ({"file": {"path": "a", "keys": ["client_secret"]}}, "keys does not fit its schema"),
        ({"file": {"path": "a", "keys": {"client_secret": 3}}}, "keys.client_secret does not fit its schema"),
        ({"file": {"path": "a", "keys": {"secret": "X"}}}, "keys does not fit its schema"),
        ({"file": {"path": "a", "keys": {"client_id": "X"}}}, "secret would be lost"),
        ({"file": {"path": "a", "keys": {"client_id": "X", "client_secret": "X"}}}, "have one name"),
        ({"file": {"path": "a", "format": "env", "keys": {"client_secret": "A.B"}}}, "variable"),
        (
            {"file": {"path": "a", "format": "env", "keys": {"client_secret": "A\n"}}},
            "keys.client_secret does not fit its schema",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_place(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidManifests) as caught:
        make(settings, root=tmp_path, place=PLACE)
    (problem,) = caught.value.problems
    assert problem.place == PLACE
    assert said in problem.what


def test_a_sink_that_is_misspelt_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifests) as caught:
        make({"fiel": {"path": "a"}}, root=tmp_path, place=PLACE)
    assert caught.value.problems[0].hint == "did you mean file?"


def test_a_destination_is_shown_as_it_is_on_the_disk(tmp_path: Path) -> None:
    assert sink(tmp_path, "./a//Web.env").destination == "file a/Web.env"


def test_what_is_delivered_is_what_the_interface_holds() -> None:
    assert set(KEYS) == set(Delivery.__dataclass_fields__)
