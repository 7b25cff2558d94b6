import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import files
from reconciler.lines import LIMIT

KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler import files
from reconciler.lines import LIMIT
original, step, seen = getattr(os, sys.argv[1]), int(sys.argv[2]), 0
def call(*args, **named):
    global seen
    seen += 1
    if seen == step:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **named)
setattr(os, sys.argv[1], call)
with files.folder(Path(sys.argv[3])) as folder:
    folder.write("it", b"new", private=True)
"""


def write(folder: Path, content: bytes, *, private: bool = False) -> None:
    with files.folder(folder) as opened:
        opened.write("it", content, private=private)


def read(folder: Path, *, private: bool = False) -> bytes | None:
    with files.folder(folder) as opened:
        return opened.read("it", private=private)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize(
    ("call", "step", "left"),
    [
        ("fchmod", 1, b"old"),
        ("write", 1, b"old"),
        ("fsync", 1, b"old"),
        ("rename", 1, b"old"),
        ("fsync", 2, b"new"),
        ("unlink", 1, b"new"),
    ],
)
def test_write_is_all_or_nothing_when_killed(tmp_path: Path, call: str, step: int, left: bytes) -> None:
    write(tmp_path, b"old", private=True)
    killed = subprocess.run([sys.executable, "-c", KILLED, call, str(step), str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert read(tmp_path, private=True) == left
    assert all(mode(file) == 0o600 for file in tmp_path.iterdir())
    write(tmp_path, b"newer", private=True)
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_write_leaves_the_temporary_file_of_a_living_writer_alone(tmp_path: Path) -> None:
    with files.folder(tmp_path) as folder, folder._temporary("it", b"first", private=True) as temporary:
        write(tmp_path, b"second")
        assert (tmp_path / temporary).read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_write_leaves_foreign_files_of_a_like_name_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    (tmp_path / ".it.tmp.link").symlink_to(target)
    (tmp_path / ".other.tmp.1").write_bytes(b"")
    os.mkfifo(tmp_path / ".it.tmp.fifo")
    write(tmp_path, b"new")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        ".it.tmp.fifo",
        ".it.tmp.link",
        ".other.tmp.1",
        "it",
        "target",
    ]


def test_write_replaces_nothing_when_the_disk_is_full(tmp_path: Path) -> None:
    write(tmp_path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(tmp_path, b"new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(tmp_path) == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize(("mask", "shared"), [(0o000, 0o644), (0o022, 0o644), (0o077, 0o600)])
def test_write_keeps_private_files_closed_whatever_the_umask(tmp_path: Path, mask: int, shared: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path, b"shared")
        assert mode(tmp_path / "it") == shared
        (tmp_path / "it").unlink()
        write(tmp_path, b"private", private=True)
        assert mode(tmp_path / "it") == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", [Path().name, "..", "inner"])
def test_a_folder_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    with files.folder(tmp_path) as folder:
        for use in (folder.read, folder.probe, lambda each: folder.write(each, b"")):
            with pytest.raises(files.Unsafe):
                use(name)
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]


def test_probe_leaves_no_trace(tmp_path: Path) -> None:
    write(tmp_path, b"old", private=True)
    with files.folder(tmp_path) as folder:
        folder.probe("it")
    assert read(tmp_path) == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_remove_removes_and_does_so_twice(tmp_path: Path) -> None:
    write(tmp_path, b"old")
    for _ in range(2):
        with files.folder(tmp_path) as folder:
            folder.remove("it")
        assert list(tmp_path.iterdir()) == []


def link(file: Path) -> None:
    target = file.with_name("target")
    target.write_bytes(b"theirs")
    target.chmod(0o600)
    file.symlink_to(target)


def hard_link(file: Path) -> None:
    link(file)
    file.unlink()
    file.hardlink_to(file.with_name("target"))


def pipe(file: Path) -> None:
    os.mkfifo(file, 0o600)


def foreign(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    file.write_bytes(b"theirs")
    os.chown(file, 65534, 65534)


def writable(file: Path) -> None:
    file.write_bytes(b"theirs")
    file.chmod(0o666)


def folder_instead(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("prepare", [link, hard_link, pipe, foreign, writable, folder_instead])
def test_files_that_are_not_ours_are_refused(tmp_path: Path, prepare: object) -> None:
    assert callable(prepare)
    prepare(tmp_path / "it")
    before = sorted((file.name, file.lstat().st_ino) for file in tmp_path.iterdir())
    with files.folder(tmp_path) as folder:
        for attempt in (
            lambda: folder.read("it"),
            lambda: folder.write("it", b"ours"),
            lambda: folder.probe("it"),
            lambda: folder.remove("it"),
            lambda: folder.open("it"),
        ):
            with pytest.raises(files.Unsafe):
                attempt()
    assert sorted((file.name, file.lstat().st_ino) for file in tmp_path.iterdir()) == before


def test_private_files_that_others_can_read_are_refused(tmp_path: Path) -> None:
    write(tmp_path, b"shared")
    with pytest.raises(files.Unsafe, match="open to others"):
        read(tmp_path, private=True)


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "it").open("wb") as file:
        file.truncate(LIMIT + 1)
    with pytest.raises(OSError, match="larger"):
        read(tmp_path)


def test_folders_are_made_private_and_never_through_links(tmp_path: Path) -> None:
    with files.folder(tmp_path, "a", "b", create=True) as folder:
        folder.write("it", b"")
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(files.Unsafe, match="symbolic link"), files.folder(tmp_path, "link", "b", create=True):
        pass


@pytest.mark.parametrize(("bits", "refused"), [(0o777, True), (0o1777, False), (0o775, False)])
def test_folders_that_everybody_can_change_are_refused(tmp_path: Path, bits: int, refused: bool) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(bits)
    for parts in ((tmp_path, "open"), (tmp_path / "open",)):
        if refused:
            with pytest.raises(files.Unsafe, match="everybody"), files.folder(*parts):
                pass
        else:
            with files.folder(*parts) as folder:
                assert folder.read("it") is None


def test_replace_all_puts_every_file_in_place_with_its_mode(tmp_path: Path) -> None:
    write(tmp_path, b"one")
    (tmp_path / "it").chmod(0o640)
    (tmp_path / "other").write_bytes(b"two")
    files.replace_all({tmp_path / "it": b"1", tmp_path / "other": b"2"})
    assert [(tmp_path / name).read_bytes() for name in ("it", "other")] == [b"1", b"2"]
    assert mode(tmp_path / "it") == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["it", "other"]


@pytest.mark.parametrize("spoil", ["read-only", "link", "missing"])
def test_replace_all_replaces_nothing_when_one_file_cannot_be(tmp_path: Path, spoil: str) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    if spoil == "read-only":
        (tmp_path / "b").chmod(0o444)
    else:
        (tmp_path / "b").unlink()
    if spoil == "link":
        (tmp_path / "b").symlink_to("a")
    with pytest.raises(files.NotReplaced) as caught:
        files.replace_all({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert caught.value.file == tmp_path / "b"
    assert (tmp_path / "a").read_bytes() == b"one"


def test_set_aside_covers_nothing_up(tmp_path: Path) -> None:
    with files.folder(tmp_path) as folder:
        assert folder.set_aside("it") is None
        for content, name in ((b"1", "it.old"), (b"2", "it.old-2"), (b"3", "it.old-3")):
            folder.write("it", content)
            assert folder.set_aside("it") == name
            assert (tmp_path / name).read_bytes() == content
        (tmp_path / "it").symlink_to("it.old")
        with pytest.raises(files.Unsafe, match="symbolic link"):
            folder.set_aside("it")
