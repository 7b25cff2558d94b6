"""The protocol with a program of the user's own, and what happens when it does not keep to it."""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InvalidManifests, Place, SinkFailed
from reconciler.model import Secret
from reconciler.sinks import Delivery, Meta, Sink, make

PLACE = Place("m.yaml", 1, 1)
SECRET = "s3cret/1+=="
ONE = Delivery("client-1", Secret(SECRET), "credential-1", "django#1", "2026")
FORMS = ('a"\\b/ c', SECRET)


def program(root: Path, text: str, name: str = "bin/keep") -> str:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/usr/bin/env python3\nimport base64, json, os, sys, time, urllib.parse\n" + text)
    file.chmod(0o755)
    return name


def sink_of(root: Path, text: str, slept: list[float] | None = None, **settings: Any) -> Sink:
    own = {"command": [program(root, text)], "with": {"place": "here"}, **settings}
    pauses: list[float] = [] if slept is None else slept
    environ = {"PATH": os.environ["PATH"], "RECONCILER_CLIENT_SECRET": "ours", "VENDOR": "theirs"}
    return make({"exec": own}, root=root, place=PLACE, environ=environ, sleep=pauses.append)


TELL = "question = json.load(sys.stdin)\n"


def test_question_holds_all_that_a_program_needs(root: Path) -> None:
    note = "json.dump([question, sys.argv[1:], dict(os.environ), os.getcwd()], open('asked.json', 'w'))"
    keys = {"client_secret": "SECRET"}
    command = [program(root, TELL + note), "one argument; true"]
    sink = sink_of(root, TELL + note, command=command, format="env", keys=keys)
    sink.put(ONE, "credential-0")
    question, arguments, environ, folder = json.loads((root / "asked.json").read_text())
    assert question.pop("metadata")["credential_id"] == "credential-1"
    assert question == {
        "protocol": 1,
        "action": "put",
        "with": {"place": "here"},
        "content": f"SECRET={SECRET}\n",
        "delivery": {
            "client_id": "client-1",
            "client_secret": SECRET,
            "credential_id": "credential-1",
            "name": "django#1",
            "created": "2026",
        },
        "expected": "credential-0",
    }
    assert arguments == ["one argument; true"]
    assert environ["VENDOR"] == "theirs"
    assert "RECONCILER_CLIENT_SECRET" not in environ
    assert folder == str(root.resolve())
    assert SECRET not in json.dumps([arguments, environ])


@pytest.mark.parametrize("action", ["preflight", "head", "delete"])
def test_other_questions_hold_no_secret(root: Path, action: str) -> None:
    note = "open('asked.json', 'a').write(json.dumps(question) + '\\n'); print('{\"metadata\": null}')"
    sink = sink_of(root, TELL + note, readable=True)
    getattr(sink, action)()
    assert json.loads((root / "asked.json").read_text()) == {
        "protocol": 1,
        "action": action,
        "with": {"place": "here"},
    }


def test_head_is_what_the_program_says(root: Path) -> None:
    held = {"credential_id": "c", "client_id": "i", "name": "n", "created": "t", "settings": "s"}
    assert sink_of(root, f"print(json.dumps({{'metadata': {held}}}))").head() == Meta(**held)


@pytest.mark.parametrize(
    ("said", "settings", "readable"),
    [
        ('{"readable": false}', {}, False),
        ('{"readable": true, "metadata": null}', {}, True),
        ('{"metadata": null}', {}, True),
        ("", {}, True),
        ('{"readable": false}', {"readable": True}, True),
        ('{"readable": true}', {"readable": False}, False),
    ],
)
def test_settings_or_else_the_program_say_whether_it_can_be_read(
    root: Path, said: str, settings: dict[str, Any], *, readable: bool
) -> None:
    assert sink_of(root, f"print({said!r})", **settings).readable is readable


def test_program_that_fails_when_asked_is_not_taken_for_unreadable(root: Path) -> None:
    sink = sink_of(root, "sys.exit(1)")
    assert sink.readable
    with pytest.raises(SinkFailed):
        sink.head()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('no json')", "is no JSON object of protocol 1"),
        ("print('[]')", "is no JSON object of protocol 1"),
        ("print('{\"protocol\": 2}')", "is no JSON object of protocol 1"),
        ('print(\'{"metadata": {"credential_id": "c"}}\')', "are not those of a delivery"),
        ("print('{\"metadata\": 3}')", "are not those of a delivery"),
        ("print('x' * 70000)", "more than 65536 bytes"),
        ("sys.exit(4)", "head: the program ended with 4"),
        ("os.kill(os.getpid(), 9)", "head: the program ended with -9"),
    ],
)
def test_answers_that_make_no_sense_are_errors(root: Path, text: str, said: str) -> None:
    with pytest.raises(SinkFailed, match=said) as caught:
        sink_of(root, text, readable=True).head()
    assert not caught.value.conflict


def test_exit_code_3_is_a_conflict(root: Path) -> None:
    with pytest.raises(SinkFailed, match="not ours") as caught:
        sink_of(root, "print('not ours', file=sys.stderr); sys.exit(3)").put(ONE, None)
    assert caught.value.conflict


def test_exit_code_75_is_tried_again_for_a_minute(root: Path) -> None:
    slept: list[float] = []
    sink = sink_of(root, "print('busy', file=sys.stderr); sys.exit(75)", slept)
    with pytest.raises(SinkFailed, match="busy"):
        sink.preflight()
    assert 30 < sum(slept) <= 60
    done = "count = len(open('n', 'a+').read() or ''); open('n', 'a').write('x')\n"
    again = sink_of(root, f"{done}sys.exit(0 if os.path.getsize('n') > 2 else 75)", slept)
    again.preflight()
    assert (root / "n").read_text() == "xxx"


@pytest.mark.parametrize(
    "form",
    [
        "secret",
        "repr(secret)",
        "json.dumps(question)",
        "base64.b64encode(secret.encode()).decode()",
        "urllib.parse.quote(secret, safe='')",
        "secret * 20",
    ],
)
@pytest.mark.parametrize("value", FORMS)
def test_secret_is_censored_in_what_the_program_says(
    root: Path, form: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = f"secret = question['delivery']['client_secret']\nprint('went wrong', {form}, file=sys.stderr)\nsys.exit(1)"
    sink = sink_of(root, TELL + told)
    one = Delivery("client-1", Secret(value), "credential-1", "django#1", "2026")
    with pytest.raises(SinkFailed) as caught:
        sink.put(one, None)
    for text in (str(caught.value), repr(caught.value), caplog.text):
        assert value not in text
        assert json.dumps(value)[1:-1] not in text


def test_what_the_program_says_is_one_short_printable_line(root: Path) -> None:
    with pytest.raises(SinkFailed) as caught:
        sink_of(root, "sys.stderr.write('a\\x1b[2Jb\\n\\u202e' + 'c' * 900); sys.exit(1)").preflight()
    assert str(caught.value).isprintable()
    assert len(caught.value.what) < 600


def test_program_that_says_too_much_is_not_shown(root: Path) -> None:
    with pytest.raises(SinkFailed, match="it said too much to be shown"):
        sink_of(root, "sys.stderr.write('c' * 900000); sys.exit(1)").preflight()


def test_program_that_takes_too_long_is_ended_with_all_that_it_started(root: Path) -> None:
    sleeper = "pid = os.fork()\nif pid: open('pid', 'w').write(str(pid))\ntime.sleep(60)"
    sink = sink_of(root, sleeper, timeout=1, readable=False)
    with pytest.raises(SinkFailed, match="took more than 1 s, and was ended"):
        sink.put(ONE, None)
    pid = int((root / "pid").read_text())
    for _ in range(100):
        if not alive(pid):
            break
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_delivery_that_took_too_long_but_arrived_is_one(root: Path) -> None:
    text = """
question = json.load(sys.stdin)
if question["action"] == "head":
    print(json.dumps({"metadata": json.load(open("held")) if os.path.exists("held") else None}))
else:
    json.dump(question["metadata"], open("held", "w"))
    sys.stdout.flush()
    time.sleep(60)
"""
    sink = sink_of(root, text, timeout=1)
    sink.put(ONE, None)
    head = sink.head()
    assert head
    assert head.credential_id == "credential-1"


def test_program_that_does_not_read_its_question_may_do_so(root: Path) -> None:
    sink_of(root, "sys.stdin.close()").preflight()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["bin/missing"], "cannot be run: no such file or directory"),
        (["no-such-program"], "no such program on the path"),
        (["bin/plain"], "cannot be run: permission denied"),
        (["link/true"], "must not lead out of the root"),
    ],
)
def test_program_that_cannot_be_run_is_told(root: Path, command: list[str], said: str) -> None:
    (root / "bin").mkdir()
    (root / "bin" / "plain").write_text("")
    (root / "link").symlink_to("/bin")
    with pytest.raises(SinkFailed, match=said):
        make({"exec": {"command": command}}, root=root, place=PLACE).preflight()


def test_programs_of_the_path_and_absolute_ones_run(root: Path) -> None:
    for command in (["true"], ["/bin/true"]):
        make({"exec": {"command": command}}, root=root, place=PLACE).preflight()


def test_program_outside_of_the_root_is_refused_at_once(root: Path) -> None:
    with pytest.raises(InvalidManifests) as caught:
        make({"exec": {"command": ["../keep"]}}, root=root, place=PLACE)
    assert "must not lead out of the root" in caught.value.problems[0].what


def test_env_that_cannot_express_a_value_is_refused_before_the_program_runs(root: Path) -> None:
    sink = sink_of(root, "open('ran', 'w')", format="env")
    with pytest.raises(SinkFailed, match="NAME"):
        sink.put(Delivery("i", Secret("s"), "c", "a\nb", "2026"), None)
    assert not (root / "ran").exists()
