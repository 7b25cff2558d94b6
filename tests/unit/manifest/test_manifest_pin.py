"""Where ids go, form by form; that nothing else moves is shown for all forms in tests/property."""

from pathlib import Path

import pytest

from reconciler import manifest
from reconciler.errors import InvalidManifests
from reconciler.kinds import parse
from reconciler.manifest.pin import NoRoom, states, with_ids

ID = "3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21"
P = ("projects", "p")


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("projects:\n  p:\n    a: 1\n", f"projects:\n  p:\n    id: {ID}\n    a: 1\n"),
        ("projects:\n  p:  # why\n\n   # more\n   a: 1", f"projects:\n  p:  # why\n   id: {ID}\n\n   # more\n   a: 1"),
        ("projects: {p: {a: 1}}", f"projects: {{p: {{id: {ID}, a: 1}}}}"),
        ("projects: {p: {}}", f"projects: {{p: {{id: {ID}}}}}"),
        ('{"projects": {"p": {"a": 1}}}', f'{{"projects": {{"p": {{"id": "{ID}", "a": 1}}}}}}'),
        ("projects: {p: {\n  a: 1\n}}", f"projects: {{p: {{\n  id: {ID},\n  a: 1\n}}}}"),
        ("projects: {p: { # why\n  a: 1}}", f"projects: {{p: {{ # why\n  id: {ID}, a: 1}}}}"),
        ("projects:\r\n  p:\r\n    a: 1\r\n", f"projects:\r\n  p:\r\n    id: {ID}\r\n    a: 1\r\n"),
        ("projects:\r  p:\r    a: 1\r", f"projects:\r  p:\r    id: {ID}\r    a: 1\r"),
        (
            "x: [{p: {a: 1}}]\nprojects:\n  p:\n    a: 1\n",
            f"x: [{{p: {{a: 1}}}}]\nprojects:\n  p:\n    id: {ID}\n    a: 1\n",
        ),
    ],
)
def test_id_is_added_in_the_form_of_its_surroundings(text: str, pinned: str) -> None:
    assert with_ids(text, {P: ID}) == pinned
    assert with_ids("\ufeff" + text, {P: ID}) == "\ufeff" + pinned


@pytest.mark.parametrize("text", ["projects:\n  ? p\n  : a: 1\n", "projects:\n  p:\n    ? a\n    : 1\n"])
def test_forms_that_nobody_writes_are_left_to_a_person(text: str) -> None:
    with pytest.raises(NoRoom):
        with_ids(text, {P: ID})


def test_what_is_not_stated_has_no_place() -> None:
    assert states("projects: {p: {a: 1}}", P)
    assert not states("projects: {p: null}", P)
    with pytest.raises(NoRoom, match=r"projects\.p is no map there"):
        with_ids("projects: {q: {a: 1}}", {P: ID})


def test_id_goes_to_the_file_where_the_key_stands(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("projects: {p: {display_name: P, contact_email: a@b.org}}\n")
    second.write_text("projects: {p: {clients: {c: {name: C, client_type: client_identity}}}}\n")
    client, project = parse("client/p/c"), parse("project/p")
    assert list(manifest.pinned([tmp_path], {client: ID})) == [second]
    assert list(manifest.pinned([tmp_path], {project: ID})) == [first]
    overlay = tmp_path / "x.overlay.yaml"
    overlay.write_text("projects: {p: {display_name: Q, clients: {d: {name: D, client_type: client_identity}}}}\n")
    assert list(manifest.pinned([tmp_path], {parse("client/p/d"): ID}, overlays=[overlay])) == [overlay]
    assert list(manifest.pinned([tmp_path], {project: ID}, overlays=[overlay])) == [first]


def test_one_id_for_two_addresses_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("projects: {p: {display_name: P, contact_email: a@b.org}, q: {id: %s}}\n" % ID)  # noqa: UP031 - braces
    with pytest.raises(InvalidManifests):
        manifest.pinned([file], {parse("project/p"): ID})
