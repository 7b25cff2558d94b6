import re
from collections.abc import Callable
from pathlib import Path

from reconciler.kinds import KINDS
from reconciler.model import Manifests

Load = Callable[..., Manifests]

PAGE = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_examples_of_the_reference_page_load(loaded: Load) -> None:
    assert len(EXAMPLES) == 4
    example, referenced, templates, overlay = EXAMPLES
    for text, count in ((example, 7), (referenced, 2), (templates, 3)):
        assert len(loaded(text).resources) == count
    manifests = loaded(templates, staging_overlay=overlay)
    assert (manifests.environment, len(manifests.resources)) == ("staging", 2)


def test_reference_page_names_every_field() -> None:
    for kind in KINDS.values():
        for name in (*kind.by_name, *kind.settings):
            assert f"`{name}`" in PAGE or name == "domain_constraints_exclude", name
