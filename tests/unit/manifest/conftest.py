"""A folder of manifests from a few lines, loaded, with what is wrong as lines."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from reconciler.errors import InvalidManifests, Problem
from reconciler.manifest import load
from reconciler.model import Manifests

Load = Callable[..., Manifests]
Complaints = Callable[..., list[str]]


def line(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    via = f" [via {problem.place.via}]" if problem.place and problem.place.via else ""
    return f"{problem.place}: {problem.what}{via}{hint}"


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Load texts as files of one folder; those named `….overlay` are laid over, in order."""

    def load_texts(text: str = "", **files: str) -> Manifests:
        given = {"a": text, **files} if text else files
        overlays = []
        for name, content in given.items():
            file = tmp_path / f"{name.replace('_', '.')}.yaml"
            file.write_text(dedent(content), encoding="utf-8")
            if name.endswith("_overlay"):
                overlays.append(file)
        return load([tmp_path], overlays=overlays, cwd=tmp_path)

    return load_texts


@pytest.fixture
def complaints(loaded: Load) -> Complaints:
    """Load what is wrong, and give the problems as lines."""

    def complain(text: str = "", **files: str) -> list[str]:
        with pytest.raises(InvalidManifests) as caught:
            loaded(text, **files)
        return [line(problem) for problem in caught.value.problems]

    return complain
