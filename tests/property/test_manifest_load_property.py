"""Whatever the files hold, they end in manifests or in problems with places; what `build` writes means the same."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InvalidManifests, Problem
from reconciler.manifest import build, load

KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,6}", fullmatch=True)
SUFFIXES = st.from_regex(r"[a-z0-9][a-z0-9_]{0,6}", fullmatch=True)
LINES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), min_size=1)
TEXTS = LINES | st.sampled_from(
    (
        "no",
        "1e3",
        "017",
        "1:30",
        "null",
        "~",
        "<<",
        "- a",
        "a: b",
        "#",
        " x ",
        "=",
        "2020-01-01",
        "a\nb",
        "\n",
        "\u2028",
    )
)
IDS = st.uuids().map(str)
URIS = st.sampled_from(("https://example.org/a", "http://localhost:1/", "globus://x", "https://example.org/?q=1#f"))


def resource(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    optional |= {"lifecycle": st.fixed_dictionaries({}, optional={"prevent_destroy": st.booleans()})}
    return st.fixed_dictionaries(required, optional=optional)


POLICY = resource(
    {"display_name": LINES, "description": TEXTS},
    {
        "high_assurance": st.booleans(),
        "authentication_assurance_timeout": st.integers(0, 2**31 - 1) | st.none(),
        "domain_constraints_include": st.lists(
            SUFFIXES.filter(lambda key: key[-1] != "_" and "_" not in key), unique=True
        )
        | st.none(),
    },
)
SCOPE = resource(
    {"name": LINES, "description": TEXTS},
    {
        "scope_suffix": SUFFIXES,
        "advertised": st.booleans(),
        "dependent_scopes": st.lists(st.sampled_from(("globus/transfer/all", "openid")) | IDS, unique=True, max_size=3),
    },
)
CREDENTIAL = resource({}, {"rotate_after": st.sampled_from(("180d", "12h")), "verify": st.booleans()})
CLIENT = resource(
    {"name": LINES, "client_type": st.sampled_from(("resource_server", "client_identity"))},
    {
        "visibility": st.sampled_from(("public", "private")),
        "redirect_uris": st.lists(URIS, unique=True),
        "required_idp": st.none() | IDS,
        "scopes": st.dictionaries(SUFFIXES, SCOPE, max_size=2),
        "credentials": st.dictionaries(KEYS, CREDENTIAL, max_size=2),
    },
)
PROJECT = resource(
    {"display_name": LINES, "contact_email": st.just("ops@example.org")},
    {
        "admin_ids": st.lists(IDS | st.just("rosalind@globusid.org"), unique=True),
        "policies": st.dictionaries(KEYS, POLICY, max_size=2),
        "clients": st.dictionaries(KEYS, CLIENT, max_size=3),
    },
)
MANIFEST = st.fixed_dictionaries({"projects": st.dictionaries(KEYS, PROJECT, max_size=3)})

WORDS = st.sampled_from(
    (
        *("version", "environment", "templates", "projects", "removed", "outputs", "policies", "clients", "scopes"),
        *("credentials", "id", "extends", "previously", "lifecycle", "ignore", "prevent_destroy", "display_name"),
        *("name", "client_type", "public_client", "links", "redirect_uris", "admin_ids", "sink", "file", "path"),
        *("format", "keys", "dependent_scopes", "scope", "address", "keep", "required_mfa", "scope_suffix"),
        *("a", "b", "confidential_client", "client/./a", "client/a/b", "globus/transfer/all", "client/a/b.id"),
        *("scope/a/b/c", "x@y", "https://x", "../x", "env", "required_idp", "previously", "overlap", "12h"),
    )
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**54) | WORDS | IDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def near_manifest(value: Any) -> Any:
    return value if isinstance(value, dict) else {"projects": value}


def wrong(file: Path, *overlays: Path) -> tuple[Problem, ...]:
    try:
        load([file], overlays=overlays)
    except InvalidManifests as error:
        return error.problems or (Problem(None, "no problem is named"),)
    return ()


@settings(max_examples=60, deadline=None)
@given(MANIFEST)
def test_build_writes_what_reads_back_to_the_same_resources(manifest: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name, "one"), Path(name, "two")
        first.mkdir()
        second.mkdir()
        (first / "a.yaml").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
        read = load([first])
        (second / "b.yaml").write_text(build([first])[1], encoding="utf-8")
        again = load([second])

    assert again.digest == read.digest
    assert not again.warnings
    assert {each.address: (each.fields, each.settings, each.prevent_destroy) for each in again.resources.values()} == {
        each.address: (each.fields, each.settings, each.prevent_destroy) for each in read.resources.values()
    }


@settings(max_examples=40, deadline=None)
@given(MANIFEST)
def test_digest_does_not_depend_on_files_order_or_layout(manifest: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        whole, parts = Path(name, "whole"), Path(name, "parts")
        whole.mkdir()
        parts.mkdir()
        (whole / "a.yaml").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
        (parts / "none.yaml").write_text("# nothing\n", encoding="utf-8")
        for key, project in manifest["projects"].items():
            for field in reversed(project):
                part = {"projects": {key: {field: project[field]}}}
                (parts / f"{key}.{field}.yaml").write_text(
                    json.dumps(part, indent=3, ensure_ascii=False), encoding="utf-8"
                )

        assert load([whole]).digest == load([parts]).digest


@settings(max_examples=300, deadline=None)
@given(ANYTHING.map(near_manifest), ANYTHING.map(near_manifest))
def test_load_ends_in_manifests_or_problems(value: dict[str, Any], overlay: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file, over = Path(name, "a.yaml"), Path(name, "b.overlay.yaml")
        file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        over.write_text(json.dumps(overlay, ensure_ascii=False), encoding="utf-8")
        problems = wrong(file, over)

    assert all(problem.place and problem.what for problem in problems)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("-[]{}:,&*!|>'\"%@`# \nab1?<~", max_size=40))
def test_load_survives_any_text(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "a.yaml")
        file.write_bytes(text.encode(errors="surrogatepass"))
        problems = wrong(file)

    assert all(problem.place and "\n" not in problem.what for problem in problems)
