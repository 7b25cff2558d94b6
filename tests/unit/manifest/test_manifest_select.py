import errno
import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InvalidManifests
from reconciler.manifest import Exclusion, load, select


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    selection = select([folder / path for path in paths], exclude=Exclusion(folder, exclude), cwd=folder)
    return [file.relative_to(folder).as_posix() for file in selection.files]


def refused(folder: Path, *paths: str) -> list[str]:
    with pytest.raises(InvalidManifests) as caught:
        select([folder / path for path in paths], cwd=folder)
    return [f"{problem.place}: {problem.what}" for problem in caught.value.problems]


def test_select_takes_manifests_of_a_folder_and_below(tmp_path: Path) -> None:
    touch(tmp_path, "b.yml", "a.yaml", "sub/c.yaml", ".hidden.yaml", ".git/d.yaml", "p.overlay.yaml", "notes.md")
    assert names(tmp_path, ".") == ["a.yaml", "b.yml", "sub/c.yaml"]
    assert select([], cwd=tmp_path).root == tmp_path


def test_select_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    touch(tmp_path, "a.yaml", "drafts/b.yaml", "drafts/deep/c.yaml", "x/ci.yml")
    assert names(tmp_path, ".", exclude=("drafts", "*/ci.yml")) == ["a.yaml"]
    assert names(tmp_path, ".", exclude=("drafts/**", "x/")) == ["a.yaml"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("drafts", ["a.yaml", "ci.yml"]),
        ("drafts/", ["a.yaml", "ci.yml"]),
        ("**/drafts", ["a.yaml", "ci.yml"]),
        ("**/drafts/**", ["a.yaml", "ci.yml"]),
        ("/drafts", ["a.yaml", "ci.yml", "x/drafts/c.yaml"]),
        ("./drafts", ["a.yaml", "ci.yml", "x/drafts/c.yaml"]),
        ("drafts/**", ["a.yaml", "ci.yml", "x/drafts/c.yaml"]),
        ("drafts/*.yaml", ["a.yaml", "ci.yml", "drafts/deep/ci.yml", "x/drafts/c.yaml"]),
        ("*/drafts", ["a.yaml", "ci.yml", "drafts/b.yaml", "drafts/deep/ci.yml"]),
        ("x/**/c.yaml", ["a.yaml", "ci.yml", "drafts/b.yaml", "drafts/deep/ci.yml"]),
        ("ci.yml", ["a.yaml", "drafts/b.yaml", "x/drafts/c.yaml"]),
        ("*.y[a]ml", ["ci.yml", "drafts/deep/ci.yml"]),
        ("**", []),
    ],
)
def test_patterns_mean_what_they_do_to_git(tmp_path: Path, pattern: str, left: list[str]) -> None:
    touch(tmp_path, "a.yaml", "ci.yml", "drafts/b.yaml", "drafts/deep/ci.yml", "x/drafts/c.yaml")
    if left:
        assert names(tmp_path, ".", exclude=(pattern,)) == left
    else:
        with pytest.raises(InvalidManifests):
            names(tmp_path, ".", exclude=(pattern,))


def test_patterns_are_relative_to_the_folder_that_states_them(tmp_path: Path) -> None:
    touch(tmp_path, "env/a.yaml", "env/drafts/b.yaml", "other/env/drafts/c.yaml")
    (tmp_path / "link").symlink_to("env")
    exclude = Exclusion(tmp_path, ("env/drafts",))
    for named in ("env", "link"):
        found = select([tmp_path / named], exclude=exclude, cwd=tmp_path)
        assert [file.name for file in found.files] == ["a.yaml"]
        assert found.complete
    assert len(select([tmp_path / "other"], exclude=exclude, cwd=tmp_path).files) == 1
    assert len(select([tmp_path / "env"], exclude=Exclusion(tmp_path / "other", ("drafts",)), cwd=tmp_path).files) == 2
    assert len(select([tmp_path / "env/drafts/b.yaml"], exclude=exclude, cwd=tmp_path).files) == 1


def test_select_takes_the_common_parent_of_several_for_the_root(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.yaml", "two/b.yaml", "two/c.yaml")
    selection = select([tmp_path / "one", tmp_path / "two" / "b.yaml"], cwd=tmp_path)
    assert selection.root == tmp_path
    assert not selection.complete


@pytest.mark.parametrize(
    ("paths", "complete"),
    [(["."], True), (["a.yaml"], False), (["a.yaml", "b.yaml"], False), (["a.yaml", "b.yaml", "sub"], True)],
)
def test_select_knows_whether_the_whole_root_was_named(tmp_path: Path, paths: list[str], complete: bool) -> None:
    touch(tmp_path, "a.yaml", "b.yaml", "sub/c.yaml", "p.overlay.yaml")
    assert select([tmp_path / path for path in paths], cwd=tmp_path).complete is complete


def test_select_takes_a_file_that_stands_alone_for_the_whole_root(tmp_path: Path) -> None:
    touch(tmp_path, "a.yaml", "p.overlay.yaml", ".venv/x.yaml")
    assert select([tmp_path / "a.yaml"], cwd=tmp_path).complete


def test_select_does_not_take_an_overlay_for_a_manifest(tmp_path: Path) -> None:
    touch(tmp_path, "a.yaml", "prod.yaml")
    selection = select([tmp_path], overlays=[tmp_path / "prod.yaml"], cwd=tmp_path)
    assert [file.name for file in selection.files] == ["a.yaml"]
    assert refused(tmp_path, "p.overlay.yaml") == ["p.overlay.yaml:1:1: this is an overlay; name it with --overlay"]


def test_select_refuses_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert refused(tmp_path, "no.yaml", "empty", "pipe.yaml", "loop.yaml", "n" * 300) == [
        "no.yaml:1:1: there is no such file",
        "empty:1:1: there are no manifests in this folder",
        "pipe.yaml:1:1: this is no regular file",
        "loop.yaml:1:1: there is no such file",
        f"{'n' * 300}:1:1: cannot be read: File name too long",
    ]


@pytest.fixture
def unlistable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be listed, as one of somebody else cannot, which the superuser never sees."""
    folder, listed = tmp_path / "sub" / "secret", os.scandir

    def scandir(path: str) -> Any:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listed(path)

    touch(tmp_path, "a.yaml", "sub/b.yaml", "sub/secret/c.yaml")
    monkeypatch.setattr(os, "scandir", scandir)
    return folder


def test_select_names_folders_that_cannot_be_listed(tmp_path: Path, unlistable: Path) -> None:
    for path in (".", "sub", "sub/secret"):
        assert refused(tmp_path, path) == ["sub/secret:1:1: cannot be read: Permission denied"]
    assert names(tmp_path, ".", exclude=("sub/secret",)) == ["a.yaml", "sub/b.yaml"]
    assert unlistable.is_dir()


def test_select_does_not_take_what_it_could_not_look_through_for_the_whole_root(
    tmp_path: Path, unlistable: Path
) -> None:
    named = [tmp_path / "a.yaml", tmp_path / "sub" / "b.yaml"]
    assert not select(named, cwd=tmp_path).complete
    assert select(named, exclude=Exclusion(tmp_path, ("sub/secret",)), cwd=tmp_path).complete
    assert unlistable.is_dir()


def test_select_refuses_a_link_out_of_the_root(tmp_path: Path) -> None:
    touch(tmp_path, "outside.yaml", "root/a.yaml")
    (tmp_path / "root" / "b.yaml").symlink_to("../outside.yaml")
    assert refused(tmp_path, "root") == ["root/b.yaml:1:1: this link leads out of the root"]


def test_select_reads_a_linked_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert names(tmp_path, ".") == ["a.yaml"]


def test_places_are_relative_to_the_current_folder(tmp_path: Path) -> None:
    touch(tmp_path, "sub/x")
    (tmp_path / "sub" / "a.yaml").write_text("x: 1")
    for cwd, name in ((tmp_path, "sub/a.yaml"), (tmp_path / "sub", "a.yaml"), (tmp_path / "other", "../sub/a.yaml")):
        with pytest.raises(InvalidManifests) as caught:
            load([tmp_path / "sub"], cwd=cwd)
        assert [str(problem.place) for problem in caught.value.problems] == [f"{name}:1:1"]
