"""What the pages about sinks show is read, and names everything."""

import re
from pathlib import Path

import pytest

from reconciler.kinds.sinks import SINKS
from reconciler.manifest import load
from reconciler.sinks import make
from tests.contract.sinks.counterparts import EXAMPLES, REPOSITORY

PAGE = (REPOSITORY / "docs" / "sinks.md").read_text(encoding="utf-8")
REFERENCE = (REPOSITORY / "docs" / "manifest.md").read_text(encoding="utf-8")


PAGES = [REPOSITORY / "docs" / "sinks.md", REPOSITORY / "docs" / "credentials.md", EXAMPLES / "README.md"]


@pytest.mark.parametrize("file", PAGES, ids=["sinks", "credentials", "example"])
def test_manifests_of_the_pages_are_valid(file: Path, tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    manifests = load([tmp_path])
    assert not manifests.warnings
    sinks = [each.settings["sink"] for each in manifests.resources.values() if "sink" in each.settings]
    assert sinks
    for sink in sinks:
        make(sink, root=tmp_path, place=next(iter(manifests.resources.values())).place)


def test_page_shows_every_sink() -> None:
    shown = {name for name in SINKS if f"sink: {{{name}:" in PAGE}
    assert shown == set(SINKS)


@pytest.mark.parametrize("name", SINKS)
def test_pages_name_every_setting(name: str) -> None:
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    (row,) = re.findall(rf"^\| `{name}` \|(.*)$", REFERENCE, re.MULTILINE)
    for setting in SINKS[name].settings:
        assert f"`{setting}`" in section, setting
        assert f"`{setting}`" in row, setting
