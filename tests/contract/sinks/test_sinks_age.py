"""What is in an age file, and who opens it."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.errors import InvalidManifests, Place, SinkFailed
from reconciler.model import Secret
from reconciler.sinks import Delivery, Sink, make
from tests.contract.sinks.counterparts import age_keys, ssh_keys, written

PLACE = Place("m.yaml", 1, 1)
PATH = "secrets/web.age"
ONE = Delivery("client-1", Secret("s3cret/1+=="), "credential-1", "django#1", "2026")
TWO = Delivery("client-1", Secret("s3cret/2+=="), "credential-2", "django#2", "2026")


def sink_of(root: Path, recipients: list[str], **settings: Any) -> Sink:
    return make({"age": {"path": PATH, "recipients": recipients, **settings}}, root=root, place=PLACE)


def opened(root: Path, key: Path) -> str:
    command = ["age", "--decrypt", "--identity", str(key), str(root / PATH)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("armor", [False, True])
def test_ordinary_program_opens_it_for_each_recipient_and_for_nobody_else(
    root: Path, tmp_path: Path, *, armor: bool
) -> None:
    keys = [age_keys(tmp_path / "a"), age_keys(tmp_path / "b"), ssh_keys(tmp_path / "c")]
    sink_of(root, [public for _, public in keys], armor=armor, format="plain").put(ONE, None)
    for key, _ in keys:
        assert opened(root, key) == "s3cret/1+=="
    assert (root / PATH).read_bytes().startswith(b"-----BEGIN AGE" if armor else b"age-encryption.org/v1")
    with pytest.raises(subprocess.CalledProcessError):
        opened(root, age_keys(tmp_path / "d")[0])


def test_an_rsa_key_of_ssh_opens_it(root: Path, tmp_path: Path) -> None:
    key, public = written(tmp_path / "id_rsa", rsa.generate_private_key(65537, 2048))
    sink_of(root, [public], format="plain").put(ONE, None)
    assert opened(root, key) == "s3cret/1+=="


def test_keys_of_the_ordinary_program_and_of_the_library_are_the_same(tmp_path: Path) -> None:
    key, public = age_keys(tmp_path)
    text = next(line for line in key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
    identity = pyrage.x25519.Identity.from_str(text)
    assert str(identity.to_public()) == public
    command = ["age", "--encrypt", "--recipient", public]
    sealed = subprocess.run(command, check=True, capture_output=True, input=b"from outside").stdout
    assert pyrage.decrypt(sealed, [identity]) == b"from outside"


def test_format_and_keys_are_those_of_a_file(root: Path, tmp_path: Path) -> None:
    key, public = age_keys(tmp_path)
    sink_of(root, [public], format="env", keys={"client_id": "ID", "client_secret": "SECRET"}).put(ONE, None)
    assert opened(root, key) == "ID=client-1\nSECRET=s3cret/1+==\n"


def test_metadata_tell_the_ciphertext_and_nothing_of_the_secret(root: Path, tmp_path: Path) -> None:
    sink_of(root, [age_keys(tmp_path)[1]], format="plain").put(ONE, None)
    (held,) = json.loads((root / f"{PATH}.meta.json").read_text())["generations"]
    assert held["sha256"] == hashlib.sha256((root / PATH).read_bytes()).hexdigest()
    assert hashlib.sha256(b"s3cret/1+==").hexdigest() not in json.dumps(held)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_file_may_be_as_open_as_version_control_leaves_it(root: Path, tmp_path: Path, mode: int) -> None:
    sink = sink_of(root, [age_keys(tmp_path)[1]])
    sink.put(ONE, None)
    for file in (root / "secrets").glob("web.age*"):
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(mode)
    head = sink.head()
    assert head
    assert head.credential_id == "credential-1"
    sink.preflight()
    sink.put(TWO, "credential-1")
    assert (root / PATH).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("at", [0, 30, -1])
def test_file_with_one_bit_changed_is_held_no_more(root: Path, tmp_path: Path, at: int) -> None:
    sink = sink_of(root, [age_keys(tmp_path)[1]])
    sink.put(ONE, None)
    content = bytearray((root / PATH).read_bytes())
    content[at] ^= 1
    (root / PATH).write_bytes(content)
    assert sink.head() is None
    with pytest.raises(SinkFailed) as caught:
        sink.put(TWO, None)
    assert caught.value.conflict


def test_other_recipients_are_other_settings(root: Path, tmp_path: Path) -> None:
    (_, one), (_, two) = age_keys(tmp_path / "a"), age_keys(tmp_path / "b")
    sink_of(root, [one]).put(ONE, None)
    before, after = sink_of(root, [one]).head(), sink_of(root, [one, two]).head()
    assert before == after
    sink_of(root, [one, two]).put(TWO, None)
    changed = sink_of(root, [one]).head()
    assert before
    assert changed
    assert changed.settings != before.settings


def test_it_does_not_stand_in_clear_and_is_to_be_kept(root: Path, tmp_path: Path) -> None:
    sink = sink_of(root, [age_keys(tmp_path)[1]])
    assert not sink.plaintext
    assert sink.kept == (root / PATH, root / f"{PATH}.meta.json")
    assert sink.destination == f"age {PATH}"


def test_who_is_no_recipient_is_refused_with_the_place(root: Path) -> None:
    with pytest.raises(InvalidManifests) as caught:
        sink_of(root, ["age1nobody"])
    (problem,) = caught.value.problems
    assert (problem.place, "no recipient" in problem.what) == (PLACE, True)
