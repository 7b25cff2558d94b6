"""Where sinks send secrets, and how long they try."""

import pytest

from reconciler.sinks.patience import MayPass, patiently
from reconciler.sinks.web import Untrusted, escaped, trusted


@pytest.mark.parametrize(
    "url", ["https://v.example.org:8200/", "http://127.0.0.1:8200", "http://localhost", "http://[::1]:1/api/v3"]
)
def test_https_and_this_machine_are_trusted(url: str) -> None:
    assert trusted(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "v.example.org",
        "http://v.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://10.0.0.1",
        "https://",
        "https://u:p@v.example.org",
        "https://v.example.org?x=1",
        "https://v.example.org#x",
        "https://v.example.org:port",
        "file:///etc/passwd",
    ],
)
def test_everything_else_is_not_and_is_not_shown(url: str) -> None:
    with pytest.raises(Untrusted) as caught:
        trusted(url)
    assert "example" not in str(caught.value)


def test_a_step_of_a_path_stays_one() -> None:
    assert escaped("a?b/c#d//e%2f") == "a%3Fb/c%23d/e%252f"


def attempts(*errors: MayPass) -> tuple[list[float], list[int]]:
    """Fail with these, one after the other, and then not; tell the pauses and the number of tries."""
    slept, tries = list[float](), list[int]()

    def do() -> None:
        tries.append(len(tries))
        if len(tries) <= len(errors):
            raise errors[len(tries) - 1]

    try:
        patiently(do, slept.append)
    except MayPass:
        tries.append(-1)
    return slept, tries


def test_what_passes_is_done_in_the_end() -> None:
    assert attempts(MayPass("a"), MayPass("b")) == ([0.5, 1.0], [0, 1, 2])


def test_what_does_not_pass_is_given_up_within_a_minute() -> None:
    slept, tries = attempts(*[MayPass("a")] * 99)
    assert 30 < sum(slept) <= 60
    assert tries[-1] == -1


def test_wishes_are_granted_within_the_minute() -> None:
    assert attempts(MayPass("a", wish=30)) == ([30], [0, 1])
    assert attempts(MayPass("a", wish=61)) == ([], [0, -1])
    assert attempts(MayPass("a", wish=40), MayPass("b", wish=40)) == ([40], [0, 1, -1])


def test_what_is_final_is_not_tried_again() -> None:
    assert attempts(MayPass("a", final=True)) == ([], [0, -1])
