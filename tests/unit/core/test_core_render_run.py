import json

import pytest
import yaml
from inline_snapshot import snapshot

from reconciler.errors import CallFailed, Outcome, StaleObject, Unrecorded
from reconciler.model import Address, Event, Failed, Finished, Operation, Progress, Skipped, Started, Unchecked, Verb
from reconciler.render.outputs import Format, text
from reconciler.render.run import line, summary
from reconciler.render.safe import safe
from reconciler.render.style import Style

PLAIN = Style()


def operation(verb: Verb, address: str) -> Operation:
    return Operation(key=f"{verb} {address}", verb=verb, address=Address.parse(address))


CREATE = operation(Verb.CREATE, "client/p/web")
BIND = operation(Verb.BIND, "project/p")
DENIED = CallFailed("create client", Outcome.NOT_DONE, "no\x1b[2J rights", status=403, request_id="r1")


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Started(CREATE), "client/p/web: creating …"),
        (Progress(((CREATE, 12.3),)), "client/p/web: still creating (12 s)"),
        (Finished(CREATE, "id-1", 0.5), "client/p/web: created, id-1 (0.50 s)"),
        (
            Failed(CREATE, DENIED, 0.5),
            r"client/p/web: creating failed: create client: no\u{1b}[2J rights (403) [request r1]",
        ),
        (Skipped(CREATE, "create project/p failed"), "client/p/web: not created: create project/p failed"),
        (Started(BIND), None),
        (Finished(BIND, "id-1", 0.5), None),
    ],
)
def test_line_shows_an_event_that_people_need_to_see(event: Event, shown: str | None) -> None:
    assert line(event, PLAIN) == shown


def test_line_is_ascii_where_that_is_asked_for() -> None:
    assert line(Started(CREATE), Style(ascii=True)) == "client/p/web: creating ..."


def test_summary_of_a_whole_run() -> None:
    assert summary([Finished(CREATE, "a", 1), Finished(BIND, "b", 1)], PLAIN, again=["x"]) == snapshot(
        "Apply complete! 1 created, 0 changed, 0 deleted, 1 bound."
    )


def test_summary_of_a_part_says_what_is_left_and_how_to_go_on() -> None:
    events: list[Event] = [
        Finished(operation(Verb.CREATE, "project/p"), "a", 1),
        Failed(CREATE, DENIED, 1),
        Skipped(operation(Verb.UPDATE, "project/p"), "create client/p/web failed"),
    ]
    assert summary(events, PLAIN, again=["reconciler", "apply", "sp dir", "a;b"]) == snapshot("""\
Apply incomplete: 1 created, 0 changed, 0 deleted, 1 failed, 1 not begun.
  failed: client/p/web: create client: no\\u{1b}[2J rights (403) [request r1]
  not begun: update project/p
What was done is recorded. To go on from here: reconciler apply 'sp dir' 'a;b'\
""")


def test_summary_of_a_run_that_is_not_recorded_is_never_complete() -> None:
    assert summary([Finished(CREATE, "a", 1)], PLAIN, again=["x"], unrecorded=Unrecorded("b", "full")) == snapshot("""\
Apply incomplete: 1 created, 0 changed, 0 deleted, 0 failed, 0 not begun.
The bindings do not say yet what was done; the journal does. To go on from here: x\
""")


def test_outputs_are_written_in_the_forms_that_others_read() -> None:
    outputs = {"B": "https://auth.globus.org/scopes/x/y", "A": "it's"}
    assert text(outputs, Format.TEXT).splitlines() == ["A = it's", "B = https://auth.globus.org/scopes/x/y"]
    assert json.loads(text(outputs, Format.JSON)) == outputs
    assert yaml.safe_load(text(outputs, Format.YAML)) == outputs
    assert text(outputs, Format.ENV).splitlines()[0] == "A='it'\"'\"'s'"
    assert text(outputs, Format.GITHUB).splitlines() == ["A=it's", "B=https://auth.globus.org/scopes/x/y"]
    assert text({}, Format.YAML) == "{}"


@pytest.mark.parametrize(
    "letter", ["\x00", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2028", "\ufeff", "\ud800", "\n"]
)
def test_safe_writes_out_what_does_not_show(letter: str) -> None:
    assert safe(f"a{letter}b") == f"a\\u{{{ord(letter):x}}}b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::set-env name=X::y", "\\u{3a}:set-env name=X::y"),
        ("  ::add-mask::x", "\\u{20} ::add-mask::x"),
        ("é::stop-commands::x", "é::stop-commands::x"),
        ("a ##[error]b", "a \\u{23}#[error]b"),
        ("é ##VSO[task.x]", "é \\u{23}#VSO[task.x]"),
    ],
)
def test_safe_breaks_what_a_pipeline_would_obey(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_safe_leaves_letters_of_every_script() -> None:
    assert safe("Žluť 基因 🧬") == "Žluť 基因 🧬"


def test_summary_says_where_it_stands_what_was_done() -> None:
    done = [Finished(CREATE, "a", 1)]
    said = summary(done, PLAIN, again=["x"], unrecorded=Unrecorded("journal.jsonl", "full", bound=True))
    assert said.startswith("Apply incomplete: 1 created")
    assert said.endswith("The bindings say what was done; the journal does not. To go on from here: x")


def test_summary_counts_what_was_taken_back_as_failed() -> None:
    taken_back = Failed(CREATE, StaleObject("client/p/web", "somebody else made the same"), 0)
    said = summary([Finished(CREATE, "a", 1), taken_back], PLAIN, again=["x"])
    assert said.startswith("Apply incomplete: 0 created, 0 changed, 0 deleted, 1 failed, 0 not begun.")


def test_line_warns_of_what_nobody_has_looked_for() -> None:
    assert line(Unchecked("client", "list clients: down (503)"), PLAIN) == (
        "warning: nobody has looked whether a client was made twice, here and elsewhere: list clients: down (503)"
    )
