import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import bindings
from reconciler.errors import CannotWrite, InvalidSettings, StaleBindings
from reconciler.model import Address, Binding, digest

TARGET = "https://auth.globus.org"
CLIENT = Address("client", ("genomics", "web"))
CREDENTIAL = Address("credential", ("genomics", "web", "django"))
ENTRIES = {
    CREDENTIAL: Binding("c2", {"name": "1f"}, sink="5a", attributes={"created": "2026-01-01"}),
    CLIENT: Binding("c1", {"name": "0a", "links": "0b"}, prevent_destroy=True),
}


def filled() -> bindings.Bindings:
    return replace(bindings.new(TARGET, None), serial=3, entries=ENTRIES)


def read(file: Path) -> bindings.Bindings | None:
    return bindings.read(file, target=TARGET, environment=None)


def edit(file: Path, change: Callable[[dict[str, Any]], object], *, seal: bool = True) -> None:
    document = json.loads(file.read_text())
    change(document)
    if seal:
        document.pop("checksum", None)
        document["checksum"] = digest(document)
    file.write_text(json.dumps(document))


def test_path_of_names_the_environment(tmp_path: Path) -> None:
    assert bindings.path_of(tmp_path, None) == tmp_path / "reconciler.bindings.json"
    assert bindings.path_of(tmp_path, "prod") == tmp_path / "reconciler.bindings.prod.json"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\n", "PROD.json"])
def test_path_of_refuses_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidSettings):
        bindings.path_of(tmp_path, name)


def test_read_returns_what_was_written(tmp_path: Path) -> None:
    file = bindings.path_of(tmp_path, None)
    bindings.write(file, filled())
    assert read(file) == replace(filled(), lineage=json.loads(file.read_text())["lineage"])


def test_read_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    assert read(tmp_path / "reconciler.bindings.json") is None
    assert read(tmp_path / "missing" / "reconciler.bindings.json") is None


def test_write_is_stable_and_fit_to_be_committed(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    mine = replace(filled(), lineage="0000")
    bindings.write(first, mine)
    bindings.write(second, replace(mine, entries=dict(reversed(ENTRIES.items()))))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text() == (
        "{\n"
        '  "format": 1,\n'
        '  "lineage": "0000",\n'
        '  "serial": 3,\n'
        '  "base_url": "https://auth.globus.org",\n'
        '  "environment": null,\n'
        '  "checksum": "' + json.loads(first.read_text())["checksum"] + '",\n'
        '  "bindings": {\n'
        '    "client/genomics/web": {\n'
        '      "id": "c1",\n'
        '      "digests": {\n'
        '        "links": "0b",\n'
        '        "name": "0a"\n'
        "      },\n"
        '      "prevent_destroy": true\n'
        "    },\n"
        '    "credential/genomics/web/django": {\n'
        '      "id": "c2",\n'
        '      "digests": {\n'
        '        "name": "1f"\n'
        "      },\n"
        '      "attributes": {\n'
        '        "created": "2026-01-01"\n'
        "      },\n"
        '      "sink": "5a"\n'
        "    }\n"
        "  }\n"
        "}\n"
    )
    assert first.stat().st_mode & 0o777 == 0o644


def test_read_accepts_another_layout_of_the_same(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    bindings.write(file, filled())
    file.write_text(json.dumps(json.loads(file.read_text()), indent=4, sort_keys=True))
    assert read(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["bindings"].pop("client/genomics/web"), "altered"),
        (lambda d: d["bindings"]["client/genomics/web"].update(id="other"), "altered"),
        (lambda d: d.update(serial=9), "altered"),
        (lambda d: d.update(extra=1), "altered"),
        (lambda d: d.update(checksum=None), "altered"),
        (lambda d: d.pop("checksum"), "damaged"),
    ],
)
def test_read_notices_alterations(tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str) -> None:
    file = tmp_path / "b.json"
    bindings.write(file, filled())
    edit(file, change, seal=False)
    with pytest.raises(StaleBindings, match=said):
        read(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(format=2), "format 2"),
        (lambda d: d.update(format=0), "damaged"),
        (lambda d: d.update(format="1"), "damaged"),
        (lambda d: d.update(serial=-1), "damaged"),
        (lambda d: d.update(serial=True), "damaged"),
        (lambda d: d.update(lineage=""), "damaged"),
        (lambda d: d.update(environment=7), "damaged"),
        (lambda d: d.update(environment="prod"), "belongs to the environment prod, not to no environment"),
        (lambda d: d.update(base_url="https://other.example"), "belongs to https://other.example"),
        (lambda d: d.update(bindings=[]), "damaged"),
        (lambda d: d["bindings"].update({"no address": {"id": "1", "digests": {}}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": {"digests": {}}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": {"id": "1", "digests": {"a": 1}}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": {"id": "1", "digests": {}, "secret": "s"}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": {"id": "1", "digests": {}, "prevent_destroy": 1}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": {"id": "1", "digests": {}, "sink": 1}}), "damaged"),
        (lambda d: d["bindings"].update({"client/p/x": "1"}), "damaged"),
        (lambda d: d["bindings"].update({"widget/p/x": {"id": "1", "digests": {}}}), "damaged"),
    ],
)
def test_read_refuses_what_it_cannot_use(tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str) -> None:
    file = tmp_path / "b.json"
    bindings.write(file, filled())
    edit(file, change)
    before = file.read_bytes()
    with pytest.raises(StaleBindings, match=said):
        read(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xfe{}",
        b"[]",
        b"null",
        b"1",
        b'{"format": NaN}',
        b"[" * 200_000,
        b'{"format": 1, "checksum": "\\ud800", "x": "\\ud800"}',
        b"9" * 5000,
    ],
)
def test_read_refuses_rubbish(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "b.json"
    file.write_bytes(content)
    with pytest.raises(
        StaleBindings,
        match="damaged; restore it from version control, or make it anew with `rec",
    ):
        read(file)


def test_read_refuses_every_truncation(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    bindings.write(file, filled())
    content = file.read_bytes()
    for size in range(len(content) - 1):
        file.write_bytes(content[:size])
        with pytest.raises(StaleBindings):
            read(file)


def test_read_refuses_links_pipes_and_what_is_huge(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    bindings.write(real, filled())
    (tmp_path / "link.json").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.json")
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(100 * 2**20)
    for name in ("link.json", "pipe.json", "huge.json"):
        with pytest.raises(StaleBindings):
            read(tmp_path / name)


def test_write_says_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "elsewhere.json")
    for name in ("link.json", "missing/b.json"):
        with pytest.raises(CannotWrite, match=name):
            bindings.write(tmp_path / name, filled())
    assert not (tmp_path / "elsewhere.json").exists()


def test_follow_accepts_the_same_history_only(tmp_path: Path) -> None:
    mine = filled()
    bindings.follow(tmp_path, mine, lineage=mine.lineage, serial=2)
    bindings.follow(tmp_path, mine, lineage=mine.lineage, serial=3)
    with pytest.raises(StaleBindings, match="older"):
        bindings.follow(tmp_path, mine, lineage=mine.lineage, serial=4)
    with pytest.raises(StaleBindings, match="another history"):
        bindings.follow(tmp_path, mine, lineage="other", serial=3)


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(
    st.builds(
        Binding,
        TEXTS,
        st.dictionaries(TEXTS, TEXTS),
        st.booleans(),
        st.dictionaries(TEXTS, TEXTS),
        st.none() | TEXTS,
    )
)
def test_decode_undoes_encode(binding: Binding) -> None:
    assert bindings.decode(json.loads(json.dumps(bindings.encode(binding)))) == binding
