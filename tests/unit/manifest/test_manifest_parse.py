import pytest
import yaml

from reconciler.errors import Place
from reconciler.manifest import parse as module
from reconciler.manifest.node import Map, Places, spot_at, value_place
from reconciler.manifest.parse import DEEPEST, parse


@pytest.fixture(params=["C", "Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with both parsers."""
    if request.param == "Python":
        monkeypatch.setattr(yaml, "__with_libyaml__", False)


def only(text: str) -> str:
    parsed = parse(text, "f")
    assert parsed.stopped
    assert parsed.tree is None
    (problem,) = parsed.problems
    return f"{problem.place}: {problem.what}"


def test_parse_gives_a_place_to_every_key_and_value() -> None:
    tree = parse("a:\n  b: x\n  c: [1, {d: 2}]\n", "f").tree
    assert tree == {"a": {"b": "x", "c": [1, {"d": 2}]}}
    assert isinstance(tree, Map)
    places = Places(tree)
    assert places["a", "b"] == Place("f", 2, 6)
    assert places["a", "c", 1, "d"] == Place("f", 3, 14)
    assert set(places) == {("a",), ("a", "b"), ("a", "c"), ("a", "c", 0), ("a", "c", 1), ("a", "c", 1, "d")}
    assert len(places) == 6
    assert spot_at(tree, ("a", "c", 7)) is None
    spot = spot_at(tree, ("a", "c", 0))
    assert spot
    assert value_place(spot) == Place("f", 3, 7)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "%YAML 1.2\n---\n", "\n\n"])
def test_parse_takes_a_file_without_content_for_nothing(text: str) -> None:
    parsed = parse(text, "f")
    assert (parsed.tree, parsed.problems, parsed.stopped) == (None, [], False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "f:1:4: anchors are not supported"),
        ("b: *x\n", "f:1:4: aliases are not supported"),
        ("&a [*a]\n", "f:1:1: anchors are not supported"),
        ("a:\n  <<: {b: 1}\n", "f:2:3: merge keys are not supported"),
        ("a: !!set {b}\n", "f:1:4: tags are not supported"),
        ("a: !!python/object/apply:os.system [id]\n", "f:1:4: tags are not supported"),
        ("!!map {a: 1}\n", "f:1:1: tags are not supported"),
        ("!!str a: 1\n", "f:1:1: tags are not supported"),
        ("a: 1\n--- \nb: 2\n", "f:2:1: a second document begins here; a file holds one"),
        ("- a\n", "f:1:1: a manifest is a map that begins with a key such as `projects:`"),
        ("a\n", "f:1:1: a manifest is a map that begins with a key such as `projects:`"),
        ("? [a]\n: b\n", "f:1:3: a key must be text"),
        ("? {a: 1}\n: b\n", "f:1:3: a key must be text"),
        ('a: "\\0"\n', "f:1:4: a control character, or half of a pair, in a text"),
        ('a: "\\x1b[2J"\n', "f:1:4: a control character, or half of a pair, in a text"),
    ],
)
def test_parse_stops_where_what_it_refuses_begins(text: str, said: str) -> None:
    assert only(text) == said


@pytest.mark.parametrize(
    "text", ["a: [1\n", "a:\n\t- b\n", "a: b: c\n", 'a: "b\n', "%YAML 3.0\n---\n", "a: {b\n", "@\n"]
)
def test_parse_says_where_text_is_no_yaml(text: str) -> None:
    assert ": not valid YAML: " in only(text)


@pytest.mark.parametrize("open_", ["[", "{a: ", "- "])
def test_parse_refuses_deep_nesting_before_it_grows(open_: str) -> None:
    prefix = "a:\n  " if open_ == "- " else "a: "
    assert only(prefix + open_ * 50_000).endswith(f"nested more than {DEEPEST} levels deep")


def test_parse_takes_the_deepest_nesting_that_is_allowed() -> None:
    assert not parse("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1), "f").problems
    assert parse("a: " + "[" * DEEPEST + "]" * DEEPEST, "f").stopped


def test_parse_counts_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 10)
    assert not parse("a: [" + "1," * 8 + "]", "f").problems
    assert only("a: [" + "1," * 9 + "]") == "f:1:21: more than 10 values in one file"


def test_parse_reports_each_duplicate_key_with_the_first() -> None:
    parsed = parse("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f")
    assert parsed.tree == {"a": 1, "b": {"c": 1}}
    assert [(str(each.place), each.what) for each in parsed.problems] == [
        ("f:2:11", "`c` is already set at f:2:5"),
        ("f:3:1", "`a` is already set at f:1:1"),
    ]


@pytest.mark.parametrize(
    ("key", "hint"), [("1", 'write "1" in quotes'), ("true", 'write "true" in quotes'), ("? ", None)]
)
def test_parse_refuses_keys_that_are_no_text(key: str, hint: str | None) -> None:
    (problem,) = parse(f"{{{key}: x}}", "f").problems
    assert (problem.what, problem.hint) == ("a key must be text", hint)


def test_parse_drops_a_number_out_of_range_and_keeps_its_place() -> None:
    parsed = parse("a: 9007199254740993\nb: [1e999, 2]\n", "f")
    assert parsed.tree == {"b": [2]}
    assert parsed.tree is not None
    assert "a" in parsed.tree.spots
    assert [str(each.place) for each in parsed.problems] == ["f:1:4", "f:2:5"]


def test_parse_warns_where_an_older_reader_sees_something_else() -> None:
    (warning,) = parse("country: no\n", "f").warnings
    assert warning.warning
    assert (str(warning.place), warning.what, warning.hint) == (
        "f:1:10",
        "`no` is text here, but a truth value to readers of YAML 1.1",
        'write "no" in quotes',
    )


@pytest.mark.parametrize("style", ["'no'", '"no"', "|\n  no\n", ">\n  no\n"])
def test_parse_does_not_warn_of_quoted_text(style: str) -> None:
    parsed = parse(f"a: {style}", "f")
    assert not parsed.warnings
    assert parsed.tree is not None
    assert parsed.tree["a"].strip() == "no"
