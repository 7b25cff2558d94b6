import json
import re
import time
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds import KINDS, owned
from reconciler.kinds.delivered import KEYS, Format
from reconciler.kinds.sinks import SINKS
from reconciler.manifest import schema_names, schema_text, wellknown
from reconciler.manifest.schema import fast, matches, schema, thorough
from reconciler.manifest.sinks import SINK
from reconciler.model import UUID

COMMON = {"id", "previously", "lifecycle", "extends"}


def parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for item in part.values():
            yield from parts(item)
    elif isinstance(part, list):
        for item in part:
            yield from parts(item)


def test_there_is_a_schema_for_each_kind_and_file() -> None:
    assert {"manifest", "bindings", "common", "plan", *KINDS} <= set(schema_names())
    with pytest.raises(KeyError):
        schema_text("../pyproject")


@pytest.mark.parametrize("name", schema_names())
def test_schemas_are_draft_2020_12_and_explain_themselves(name: str) -> None:
    raw = json.loads(schema_text(name))
    assert raw["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert raw["title"]
    assert raw["description"]
    Draft202012Validator.check_schema(raw)
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_schema_of_a_kind_says_what_the_registry_says(kind: Any) -> None:
    properties = schema(kind.name)["properties"]
    sections = {each.section for each in owned(kind.name)}
    assert set(properties) == set(kind.by_name) | set(kind.settings) | sections | COMMON
    for field in kind.fields:
        accepts_null = "null" in properties[field.name].get("type", ())
        assert accepts_null == field.nullable, field.name
    for name, each in properties.items():
        assert each["title"], name
        assert each["description"], name


def test_schema_of_a_manifest_has_every_section() -> None:
    properties = schema("manifest")["properties"]
    assert set(properties["templates"]["properties"]) == {kind.section for kind in KINDS.values()}
    assert {kind.section for kind in owned(None)} <= set(properties)


def test_schema_and_table_know_the_same_sinks() -> None:
    known = schema("credential")["properties"][SINK]["properties"]
    assert set(known) == set(SINKS)
    for name, sink in SINKS.items():
        settings = known[name]["properties"]
        assert tuple(settings) == sink.settings
        assert set(sink.required) | set(sink.paths) <= set(settings)
        assert "format" not in settings or settings["format"]["enum"] == list(Format)
        assert tuple(settings["keys"]["properties"]) == KEYS


WRITTEN_BY_PEOPLE = [name for name in schema_names() if name not in ("bindings", "plan")]


def properties(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in parts(part):
        if "type" in each and isinstance(stated := each.get("properties"), dict):
            yield from stated.items()


@pytest.mark.parametrize("name", WRITTEN_BY_PEOPLE)
def test_properties_explain_themselves_to_an_editor(name: str) -> None:
    for key, each in properties(schema(name)):
        for explanation in ("title", "description", "examples"):
            assert each.get(explanation), (key, explanation)


@pytest.mark.parametrize("name", WRITTEN_BY_PEOPLE)
def test_values_are_bounded(name: str) -> None:
    for each in parts(schema(name)):
        types = each["type"] if isinstance(each.get("type"), list) else [each.get("type")]
        assert "string" not in types or {"maxLength", "enum"} & set(each), each
        assert "array" not in types or "maxItems" in each, each
        assert "integer" not in types or {"minimum", "maximum"} <= set(each), each


def test_examples_in_schemas_are_valid() -> None:
    for name in schema_names():
        for part in parts(schema(name)):
            for example in part.get("examples", ()) if isinstance(part.get("examples"), list) else ():
                assert not [*Draft202012Validator(part).iter_errors(example)], (name, example)


def test_patterns_are_anchored_explained_and_linear() -> None:
    for name in schema_names():
        for part in parts(schema(name)):
            if not isinstance(pattern := part.get("pattern"), str):
                continue
            assert pattern.startswith("^"), pattern
            assert pattern.endswith("$"), pattern
            assert name in ("bindings", "plan") or part["patternErrorMessage"], pattern
            for bad in ("a" * 20_000 + "\n", "a." * 10_000 + "!", "-" * 20_000, "@" * 20_000, "/a" * 10_000 + "/"):
                started = time.process_time()
                matches(pattern, bad)
                assert time.process_time() - started < 0.5, pattern


def test_maps_say_what_becomes_of_other_keys() -> None:
    """Without that, the thorough validator would not look into them."""
    for name in schema_names():
        for part in parts(schema(name)):
            if {"properties", "propertyNames"} & set(part) and "object" in part.get("type", ()):
                assert "additionalProperties" in part, (name, part.get("title"))


BLANKS = [chr(code) for code in range(0x3001) if chr(code).isspace()] + ["\ufeff", "\u180e", "\u200b", "\u2060", "\n"]


@pytest.mark.parametrize("name", schema_names())
def test_both_validators_mean_the_same_by_a_pattern(name: str) -> None:
    for pattern in {part["pattern"] for part in parts(schema(name)) if isinstance(part.get("pattern"), str)}:
        assert not re.search(r"\\[sSdDwWbB]|(?<!\\)\.(?![^\[]*\])", pattern), pattern
        fast_one = jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions()
        )
        for blank in ("", *BLANKS):
            for text in (f"a{blank}", f"{blank}a", f"a{blank}@b", f"https://a{blank}b", f"client/a{blank}"):
                assert fast_one.is_valid(text) == matches(pattern, text), (pattern, text)


def test_names_and_addresses_have_no_blanks() -> None:
    for blank in {*BLANKS} - {"\u180e", "\u200b", "\u2060"}:
        for client in ({"redirect_uris": [f"https://a{blank}"]}, {"required_idp": f"a{blank}b"}):
            assert not fast().is_valid({"projects": {"p": {"clients": {"c": client}}}})
        assert not fast().is_valid({"projects": {"p": {"contact_email": f"a{blank}@b"}}})


def test_both_validators_refuse_a_last_line_break() -> None:
    for text, valid in (("P", True), ("P\n", False), ("P\nQ", False)):
        tree = {"projects": {"p": {"display_name": text}}}
        assert fast().is_valid(tree) is valid
        assert (not [*thorough().iter_errors(tree)]) is valid


def test_wellknown_scopes_are_scope_strings_with_ids_where_public() -> None:
    table = wellknown()
    assert table["globus/transfer/all"]["scope_string"] == "urn:globus:auth:scope:transfer.api.globus.org:all"
    assert table["globus/groups/view_my_groups_and_memberships"]["id"] == "73320ffe-4cb4-4b25-a0a3-83d53d59ce4f"
    assert {name.split("/")[1] for name in table} == {"transfer", "groups", "search", "flows", "timers", "compute"}
    for name, each in table.items():
        text = str(each["scope_string"])
        assert text.endswith((":" + name.split("/")[2], "/" + name.split("/")[2]))
        assert each["id"] is None or UUID.fullmatch(each["id"])
