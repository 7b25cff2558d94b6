"""What only some sinks need, and what is said when it is missing."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Place, SinkFailed
from reconciler.kinds.sinks import SINKS
from reconciler.sinks import make

PROJECT: dict[str, Any] = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
MISSING: list[tuple[str, str, dict[str, Any]]] = [
    ("boto3", "aws", {"name": "web", "region": "eu-central-1"}),
    ("nacl", "github", {"repository": "a/b", "keys": {"client_secret": "S"}}),
]


@pytest.mark.parametrize(("module", "name", "settings"), MISSING, ids=[name for _, name, _ in MISSING])
def test_missing_extra_is_named_before_anything_is_made(
    module: str, name: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for loaded in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    sink = make({name: settings}, root=tmp_path, place=Place("m", 1, 1), environ={"GITHUB_TOKEN": "x"})
    with pytest.raises(SinkFailed) as caught:
        sink.preflight()
    assert caught.value.what == f"needs the extra `{name}`: pip install '{PROJECT['name']}[{name}]'"


def test_extras_are_named_after_sinks() -> None:
    assert set(PROJECT["optional-dependencies"]) == {"aws", "github", "vault"} <= set(SINKS)
