import pytest

from reconciler.manifest.scalars import LARGEST, Unusable, plain, surprise, unprintable
from reconciler.model import Data


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-0", 0),
        ("17", 17),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("2.0", 2),
        (str(LARGEST), LARGEST),
    ],
)
def test_plain_reads_the_words_of_json(word: str, value: Data) -> None:
    assert plain(word) == value
    assert type(plain(word)) is type(value)


@pytest.mark.parametrize(
    "word",
    [
        *("True", "TRUE", "Null", "NULL", "yes", "no", "on", "off", "y", "n", "017", "0o17", "0x1F", "0b1", "1_000"),
        *("1:30", "190:20:30", "+1", ".5", ".nan", ".inf", "-.inf", "08", "2020-01-01", "=", "-", "--"),
    ],
)
def test_plain_takes_everything_else_for_text(word: str) -> None:
    assert plain(word) == word


@pytest.mark.parametrize("word", [str(LARGEST + 1), "9" * 100_000, "-" + "9" * 30, "1e999", "1" + "0" * 200 + ".5"])
def test_plain_refuses_numbers_out_of_range(word: str) -> None:
    with pytest.raises(Unusable):
        plain(word)


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("no", "a truth value"),
        ("True", "a truth value"),
        ("017", "a number"),
        ("1:30", "a number"),
        ("0x1F", "a number"),
        (".inf", "a number"),
        ("2020-01-01", "a date"),
        ("=", "a special key"),
        ("Null", "null"),
        ("1e3", "text"),
        ("name", None),
        ("17", None),
        ("true", None),
        ("null", None),
        ("0x" + "f" * 100_000, None),
    ],
)
def test_surprise_says_what_yaml_1_1_sees(word: str, means: str | None) -> None:
    assert surprise(word, plain(word)) == means


def test_unprintable_finds_control_characters_and_halves_of_pairs() -> None:
    assert unprintable("a\tb\nc\u0085é\u2028🧬") is None
    for bad in ("\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\uffff"):
        assert unprintable(f"ab{bad}") == 2
