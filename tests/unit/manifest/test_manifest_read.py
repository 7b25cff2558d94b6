from pathlib import Path

import pytest

from reconciler.errors import Problem
from reconciler.manifest import read
from reconciler.manifest.read import texts


def one(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "f.yaml"
    file.write_bytes(content)
    ((_, text),) = texts([(file, "f")])
    return f"{text.place}: {text.what}" if isinstance(text, Problem) else text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: é\n".encode(), "a: é\n"),
        (b"\xef\xbb\xbfa: 1\n", "a: 1\n"),
        (b"", ""),
        (b"a: 1\r\n\r\nb: 2\rc: 3\n", "a: 1\n\nb: 2\nc: 3\n"),
        ("a: 1".encode("utf-16"), "f:1:1: a manifest is UTF-8, not UTF-16 or UTF-32"),
        ("a: 1".encode("utf-16-le"), "f:1:1: a manifest is UTF-8, not UTF-16 or UTF-32"),
        ("a: 1".encode("utf-32"), "f:1:1: a manifest is UTF-8, not UTF-16 or UTF-32"),
        (b"a: 1\nb: \xff\n", "f:2:4: a manifest is UTF-8, and this is not"),
        (b"a: 1\r\nb: 2\rc: \xff\r\n", "f:3:4: a manifest is UTF-8, and this is not"),
        (b"a: 1\r\nb: 2\rc: x\x07\r\n", "f:3:5: the character U+0007 does not belong in a manifest"),
        (b"a: \xed\xa0\x80\n", "f:1:4: a manifest is UTF-8, and this is not"),
        (b"a: 1\nb: x\x00\n", "f:2:5: the character U+0000 does not belong in a manifest"),
        (b"\x1b[2J: 1\n", "f:1:1: the character U+001B does not belong in a manifest"),
    ],
)
def test_texts_are_utf8(tmp_path: Path, content: bytes, said: str) -> None:
    assert one(tmp_path, content) == said


def test_texts_are_bounded_each_and_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "LARGEST_FILE", 10)
    monkeypatch.setattr(read, "LARGEST_SUM", 20)
    files = []
    for number, size in enumerate((10, 11, 10, 1, 1)):
        file = tmp_path / str(number)
        file.write_bytes(b"x" * size)
        files.append((file, str(number)))
    assert [isinstance(text, str) for _, text in texts(files)] == [True, False, True, False]


def test_texts_name_what_cannot_be_read(tmp_path: Path) -> None:
    said = [
        text.what for _, text in texts([(tmp_path / "no", "no"), (tmp_path, "folder")]) if isinstance(text, Problem)
    ]
    assert said == ["cannot be read: No such file or directory", "cannot be read: Is a directory"]
