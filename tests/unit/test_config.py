from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.config import Config, find
from reconciler.errors import InvalidSettings

WHOLE = """
# everything there is
[target]
base_url = "https://auth.example.org"

[manifests]
exclude = ["drafts/**", "*.old.yaml"]

[apply]
parallelism = 4

[login]
client_id = "4b6ed7a4-2f04-4a39-9c1c-1f7a6a0e4b11"

[plan]
expires_after = "12h"
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reconciler.toml").write_text(text)
    return folder / "reconciler.toml"


def said(folder: Path, text: str) -> list[str]:
    file = write(folder, text)
    with pytest.raises(InvalidSettings) as caught:
        find(folder)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


def test_find_reads_everything(tmp_path: Path) -> None:
    file = write(tmp_path, WHOLE)
    assert find(tmp_path) == Config(
        file=file,
        base_url="https://auth.example.org",
        exclude=("drafts/**", "*.old.yaml"),
        parallelism=4,
        client_id="4b6ed7a4-2f04-4a39-9c1c-1f7a6a0e4b11",
        expires_after=timedelta(hours=12),
    )


def test_find_looks_upwards_to_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "[apply]\nparallelism = 1\n")
    near = write(tmp_path / "a", "[apply]\nparallelism = 2\n")
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert find(tmp_path / "a" / "b" / "c").file == near
    assert find(tmp_path / "a").parallelism == 2
    assert find(tmp_path).parallelism == 1


def test_find_looks_upwards_from_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "[apply]\nparallelism = 3\n")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert find(Path()).parallelism == 3


def test_find_sets_nothing_without_a_file(tmp_path: Path) -> None:
    found = find(tmp_path)
    assert found.file is None or tmp_path not in found.file.parents
    assert (found.base_url, found.exclude, found.parallelism) == (None, (), None)


def test_an_empty_file_sets_nothing_and_ends_the_search(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    file = write(tmp_path / "a", "")
    assert find(tmp_path / "a") == Config(file=file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n[targets]\n", ["2: unknown table 'targets'; did you mean target?"]),
        ("\n\n[other]\n", ["3: unknown table 'other'; there are target, manifests, apply, login, plan"]),
        ("base_url = 'x'\n", ["1: unknown table 'base_url'; there are target, manifests, apply, login, plan"]),
        ("\ntarget = 'x'\n", ["2: target must be a table, [target]"]),
        ("[[target]]\n", ["1: target must be a table, [target]"]),
        ("[target]\n\nbase_ulr = 'x'\n", ["3: unknown key 'base_ulr' in [target]; did you mean base_url?"]),
        ("[target]\n'base_ulr' = 'x'\n", ["2: unknown key 'base_ulr' in [target]; did you mean base_url?"]),
        ("\ntarget.base_ulr = 'x'\n", ["2: unknown key 'base_ulr' in [target]; did you mean base_url?"]),
        ("[apply]\nexclude = []\n", ["2: unknown key 'exclude' in [apply]; there are parallelism"]),
        ("[apply]\nparallelism = 0\n", ["2: parallelism must be a number from 1 to 256"]),
        ("[apply]\nparallelism = true\n", ["2: parallelism must be a number from 1 to 256"]),
        ("[apply]\nparallelism = 2.0\n", ["2: parallelism must be a number from 1 to 256"]),
        ("[manifests]\nexclude = 'x'\n", ["2: exclude must be a list of patterns"]),
        ("[manifests]\nexclude = ['a', 1]\n", ["2: exclude must be a list of patterns"]),
        ("[manifests]\nexclude = ['']\n", ["2: exclude must be a list of patterns"]),
        (
            "[apply]\nparallelism = 0\n[target]\nbase_url = 3\nx = 1\n",
            [
                "2: parallelism must be a number from 1 to 256",
                "4: base_url must be an address such as https://auth.globus.org; this one is no text",
                "5: unknown key 'x' in [target]; there are base_url",
            ],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert said(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "does not begin with https://"),
        ("auth.globus.org", "does not begin with https://"),
        ("https:auth.globus.org", "does not begin with https://"),
        ("ftp://x", "does not begin with https://"),
        ("https://", "has no host"),
        ("https://me:pw@x", "names a user"),
        ("https://me@x", "names a user"),
        ("http://[::1", "has a host that is none"),
    ],
)
def test_addresses_that_are_none_are_refused(tmp_path: Path, address: str, why: str) -> None:
    assert said(tmp_path, f"[target]\nbase_url = '{address}'\n") == [
        f"2: base_url must be an address such as https://auth.globus.org; this one {why}"
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"[target", "1:8: no TOML: Expected ']' at the end of a table declaration"),
        (b"\n\n[b", "3:3: no TOML: Expected ']' at the end of a table declaration"),
        (b"x = 1\r\ny = \r\n", "2:5: no TOML: Invalid value"),
        (b"\xef\xbb\xbfa = 1\nb =\n", "2:4: no TOML: Invalid value"),
        (b"x = 1\nx = 2\n", "2:6: no TOML: Cannot overwrite a value"),
        (b"a = " + b"[" * 5000, "1:1: no TOML: nested too deep"),
        (b"\0", "1:1: no TOML: Invalid statement"),
        (b"\xff\xfe", "1:1: no TOML: this is not UTF-8"),
        (b"a = 1\nb = '\xff'\n", "2:6: no TOML: this is not UTF-8"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "reconciler.toml").write_bytes(content)
    with pytest.raises(InvalidSettings) as caught:
        find(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'reconciler.toml'}:{what}"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "reconciler.toml").write_bytes(b"\xef\xbb\xbf[apply]\nparallelism = 2\n")
    assert find(tmp_path).parallelism == 2


def test_files_that_others_may_have_put_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "real", WHOLE)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "reconciler.toml").symlink_to(tmp_path / "real" / "reconciler.toml")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "reconciler.toml").symlink_to(tmp_path / "nowhere")
    write(tmp_path / "open", WHOLE).chmod(0o666)
    (tmp_path / "folder" / "reconciler.toml").mkdir(parents=True)
    for name in ("link", "dangling", "open", "folder"):
        with pytest.raises(InvalidSettings, match=r"reconciler\.toml: "):
            find(tmp_path / name)


def test_folders_above_that_others_own_do_not_matter_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "open" / "mine").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    assert find(tmp_path / "open" / "mine").parallelism is None


@pytest.mark.parametrize("value", ['"soon"', '"0h"', '"12"', '"1.5d"', '"12h\\n"', "12", '"-1d"', '"10000d"'])
def test_lifetime_of_a_plan_is_a_duration(tmp_path: Path, value: str) -> None:
    (line,) = said(tmp_path, f"[plan]\nexpires_after = {value}\n")
    assert line == "2: expires_after must be a duration such as 12h, 3d or 2w"
