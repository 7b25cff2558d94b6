"""Whatever a manifest looks like: pinning adds ids, and nothing but ids, and every other byte stays."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import manifest
from reconciler.model import Manifests, Resource

COMMENTS = st.sampled_from(("", "", "", " # ünder \U0001d6fc", "   # {a: b}, id: x", " #"))
GAPS = st.sampled_from(("", "", "", "\n", "      # id: 1\n", "# at the margin\n\n"))
TEXTS = st.sampled_from(('"id: x # no"', "'it''s'", "plain text", "Ünïcode \U0001d6fc", '"a, b"', "12x"))
ENDS = st.sampled_from(("\n", "\r\n", "\r"))
SCOPES = st.sampled_from(
    (
        "",
        "scopes: {read: {description: d, name: r}}",
        "scopes:\n  read:\n    name: r\n    description: d\n",
    )
)
KEYS = st.sampled_from(("web", '"api"', "'bot'"))


@st.composite
def blocks(draw: st.DrawFn, depth: int, key: str, fields: list[str], below: str = "") -> str:
    """Write a resource over several lines, its fields in any order, with comments and gaps."""
    pad = " " * depth
    inner = pad + " " * draw(st.integers(1, 4))
    lines = [f"{pad}{key}:{draw(COMMENTS)}\n{draw(GAPS)}"]
    lines += [f"{inner}{field}{draw(COMMENTS)}\n{draw(GAPS)}" for field in draw(st.permutations(fields))]
    indented = "".join(f"{inner}{line}\n" if line.strip() else f"{line}\n" for line in below.splitlines())
    return "".join(lines) + indented


@st.composite
def flows(draw: st.DrawFn, depth: int, key: str, fields: list[str]) -> str:
    """Write a resource between braces."""
    pad, space = " " * depth, draw(st.sampled_from(("", " ", "\n" + " " * (depth + 3))))
    quoted = draw(st.booleans())
    parts = [
        f'"{name}": {value}' if quoted else f"{name}: {value}" for name, value in (f.split(": ", 1) for f in fields)
    ]
    return f"{pad}{key}: {{{space}{f',{space or chr(32)}'.join(parts)}{space}}}{draw(COMMENTS)}\n"


@st.composite
def clients(draw: st.DrawFn) -> str:
    keys = draw(st.lists(KEYS, unique=True, min_size=1, max_size=3))
    text = ""
    for key in keys:
        name = draw(TEXTS)
        fields = [f"name: {name}", "client_type: resource_server"]
        if draw(st.booleans()):
            text += draw(flows(0, key, fields))
        else:
            text += draw(blocks(0, key, fields, draw(SCOPES)))
    return text


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """Draw a whole file."""
    fields = [f"display_name: {draw(TEXTS)}", "contact_email: a@example.org"]
    below = "clients:\n" + "".join(
        f"  {line}\n" if line.strip() else f"{line}\n" for line in draw(clients()).splitlines()
    )
    head = draw(st.sampled_from(("", "# first\n", "version: 1\n", "---\n")))
    text = f"{head}projects:{draw(COMMENTS)}\n{draw(GAPS)}" + draw(blocks(2, "p", fields, below))
    mark = draw(st.sampled_from(("", "\ufeff")))
    return (mark + text.replace("\n", draw(ENDS))).encode()


def stated(loaded: Manifests) -> dict[str, object]:
    return {str(address): told(resource) for address, resource in loaded.resources.items()}


def told(resource: Resource) -> object:
    fields = {name: value for name, value in resource.fields.items() if name != "scope_suffix"}
    return fields, resource.settings, resource.previously, resource.prevent_destroy, resource.ignore


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(manifests(), st.data())
def test_pinning_adds_ids_and_changes_nothing_else(content: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "a.yaml"
        file.write_bytes(content)
        before = manifest.load([file])
        chosen = data.draw(st.lists(st.sampled_from(list(before.resources)), unique=True, min_size=1))
        ids = {each: f"{number:08x}-0000-4000-8000-000000000000" for number, each in enumerate(chosen)}
        ((edited, (old, new)),) = manifest.pinned([file], ids).items()
        assert edited == file
        assert old.encode() == content
        file.write_bytes(new.encode())
        after = manifest.load([file])
    assert {address: resource.id for address, resource in after.resources.items() if resource.id} == ids
    assert stated(after) == stated(before)
    rest = new
    for identifier in ids.values():
        rest = without(rest, identifier)
    assert rest.encode() == content


def without(text: str, identifier: str) -> str:
    """Take one id out again, in the form in which it was written."""
    at = text.index(identifier)
    begin, end = at - len("id: "), at + len(identifier)
    if text[at - 1] == '"':
        end += 1
        begin = text.rindex('"id"', 0, at)
    if text[end : end + 1] == ",":
        end += 1
        while text[end] in " \r\n":
            end += 1
        return text[:begin] + text[end:]
    line = max(text.rfind("\n", 0, begin), text.rfind("\r", 0, begin)) + 1
    assert not text[line:begin].strip()
    end += 2 if text[end : end + 2] == "\r\n" else 1
    return text[:line] + text[end:]
