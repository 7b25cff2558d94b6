"""The bindings file: which object each address is. It is fit to be committed, holds no secret, and tells when altered.

The live service is the truth: bindings make renames and deletions exact, and losing them loses no object.
"""

import errno
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler import files
from reconciler.errors import CannotWrite, InvalidSettings, StaleBindings, Unrecorded
from reconciler.kinds import parse
from reconciler.model import KEY, Address, Binding, Data, digest

FORMAT = 1

_WORLDS = "emulator:"
"""How targets begin that are worlds of the emulator: made on a whim, and gone with their file."""

_KEYS = {"id", "digests", "prevent_destroy", "attributes", "sink", "predecessors"}
_REBUILD = "restore it from version control, or make it anew with `reconciler bindings rebuild`"


@dataclass(frozen=True, slots=True)
class Bindings:
    """All bindings of one target and environment. `lineage` names their history, `serial` counts its versions."""

    lineage: str
    serial: int
    target: str
    environment: str | None
    entries: Mapping[Address, Binding]


def path_of(root: Path, environment: str | None) -> Path:
    """Name the file of an environment."""
    return root / named("reconciler.bindings", environment, "json")


def named(stem: str, environment: str | None, suffix: str) -> str:
    """Make the file name `stem[.environment].suffix`; raise InvalidSettings when that would be no such name."""
    if environment is None:
        return f"{stem}.{suffix}"
    if not KEY.fullmatch(environment):
        raise InvalidSettings(f"{environment!r} cannot be the name of an environment")
    return f"{stem}.{environment}.{suffix}"


def new(target: str, environment: str | None) -> Bindings:
    """Begin a history: no bindings, serial 0."""
    return Bindings(str(uuid.uuid4()), 0, target, environment, {})


def read(file: Path, *, target: str, environment: str | None) -> Bindings | None:
    """Read the bindings; None when there is no file, or one of another world of the emulator.

    Raise StaleBindings when they are not to be trusted.
    """
    bindings = _read(file)
    if bindings is None:
        return None
    if bindings.target != target and bindings.target.startswith(_WORLDS) and target.startswith(_WORLDS):
        return None
    if bindings.target != target:
        raise StaleBindings(str(file), f"belongs to {bindings.target}, not to {target}")
    if bindings.environment != environment:
        raise StaleBindings(str(file), f"belongs to {_name(bindings.environment)}, not to {_name(environment)}")
    return bindings


def beside(file: Path, *, target: str, environment: str | None) -> Iterator[tuple[Path, Mapping[Address, Binding]]]:
    """Read what the other environments of a root have bound on a target.

    Raise StaleBindings for a file that is not to be trusted.
    """
    for other in sorted(file.parent.glob("reconciler.bindings*.json")):
        if other.name != file.name:
            found = _read(other)
            if found and found.target == target and found.environment != environment:
                yield other, found.entries


def probe(file: Path) -> None:
    """Do all of a `write` but the last step; raise CannotWrite when it would fail."""
    try:
        with files.folder(file.parent) as folder:
            folder.probe(file.name, private=False)
    except OSError as error:
        raise CannotWrite(str(file), files.why(error)) from error


def set_aside(file: Path) -> Path | None:
    """Give the file another name beside its own, and say which; None when there is no file.

    Raise CannotWrite, and leave it where it is, when a new one could not be written either.
    """
    probe(file)
    try:
        with files.folder(file.parent) as folder:
            name = folder.set_aside(file.name)
    except OSError as error:
        raise CannotWrite(str(file), files.why(error)) from error
    return file.with_name(name) if name else None


def write(file: Path, bindings: Bindings) -> None:
    """Replace the file, atomically and durably. Whoever calls has raised the serial, and holds the lock.

    Raise Unrecorded, with what would have been written, when that fails.
    """
    text = json.dumps(_document(bindings), indent=2, ensure_ascii=False)
    try:
        with files.folder(file.parent) as folder:
            folder.write(file.name, f"{text}\n".encode())
    except OSError as error:
        raise Unrecorded(str(file), files.why(error), line(bindings)) from error


def line(bindings: Bindings) -> str:
    """Write the bindings on one line, for whoever has nothing else left of them."""
    return json.dumps(_document(bindings), ensure_ascii=True)


def follow(file: Path, bindings: Bindings, *, lineage: str, serial: int) -> None:
    """Raise StaleBindings unless these are of the same history as, and not older than, what was seen before."""
    if bindings.lineage != lineage:
        what = f"is of another history ({bindings.lineage}) than the last run's ({lineage})"
        raise StaleBindings(str(file), f"{what}; {_REBUILD}", rebuild=True)
    if bindings.serial < serial:
        what = f"is older (serial {bindings.serial}) than what the last run left ({serial})"
        raise StaleBindings(str(file), f"{what}; {_REBUILD}", rebuild=True)


def changes(before: Mapping[Address, Binding], after: Mapping[Address, Binding]) -> dict[str, Data]:
    """Say for the record what is bound now and was not, and what no longer is, by address."""
    bound = {str(address): after[address].id for address in sorted(after) if _id(before, address) != after[address].id}
    gone = {str(address): before[address].id for address in sorted(before) if address not in after}
    return {name: each for name, each in (("bound", bound), ("forgotten", gone)) if each}


def _id(entries: Mapping[Address, Binding], address: Address) -> str | None:
    return entries[address].id if address in entries else None


def encode(binding: Binding) -> dict[str, Data]:
    """Make the JSON form of a binding, without what is not set."""
    form: dict[str, Data] = {"id": binding.id, "digests": dict(sorted(binding.digests.items()))}
    if binding.prevent_destroy:
        form["prevent_destroy"] = True
    if binding.attributes:
        form["attributes"] = dict(sorted(binding.attributes.items()))
    if binding.sink is not None:
        form["sink"] = binding.sink
    if binding.predecessors:
        form["predecessors"] = list(binding.predecessors)
    return form


def decode(form: Data) -> Binding:
    """Read the JSON form of a binding; raise ValueError when it is none."""
    if not isinstance(form, dict) or not form.keys() <= _KEYS:
        raise ValueError("no binding")
    protected, sink = form.get("prevent_destroy", False), form.get("sink")
    if not isinstance(protected, bool) or not isinstance(sink, str | None):
        raise ValueError("no binding")  # noqa: TRY004 - one error for whatever is wrong with a file
    return Binding(
        id=_text(form.get("id")),
        digests=_texts(form.get("digests")),
        prevent_destroy=protected,
        attributes=_texts(form.get("attributes", {})),
        sink=sink,
        predecessors=tuple(_text(each) for each in form.get("predecessors", ())),
    )


def _read(file: Path) -> Bindings | None:
    try:
        with files.folder(file.parent) as folder:
            content = folder.read(file.name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StaleBindings(str(file), files.why(error), rebuild=error.errno == errno.EFBIG) from error
    if content is None:
        return None
    try:
        return _parse(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = str(error) if isinstance(error, _Unusable) else f"is damaged; {_REBUILD}"
        raise StaleBindings(str(file), said, rebuild=not isinstance(error, _Newer)) from error


class _Unusable(ValueError):
    """Something better to say than that the file is damaged."""


class _Newer(_Unusable):
    """The file is good, for a newer version of this program."""


def _document(bindings: Bindings) -> dict[str, Data]:
    head: dict[str, Data] = {
        "format": FORMAT,
        "lineage": bindings.lineage,
        "serial": bindings.serial,
        "base_url": bindings.target,
        "environment": bindings.environment,
    }
    entries = {str(address): encode(bindings.entries[address]) for address in sorted(bindings.entries)}
    return {**head, "checksum": digest({**head, "bindings": entries}), "bindings": entries}


def _parse(content: bytes) -> Bindings:
    document = json.loads(content.decode())
    version = document["format"]
    if isinstance(version, int) and version > FORMAT:
        raise _Newer(f"has format {version}; this version of the program knows up to {FORMAT}: use a newer one")
    if document.pop("checksum") != digest(document):
        raise _Unusable(f"was altered by hand or by a merge (its checksum does not match); {_REBUILD}")
    serial, environment = document["serial"], document["environment"]
    if version != FORMAT or type(serial) is not int or serial < 0 or not isinstance(environment, str | None):
        raise ValueError("no bindings")
    return Bindings(
        lineage=_text(document["lineage"]),
        serial=serial,
        target=_text(document["base_url"]),
        environment=environment,
        entries={parse(address): decode(form) for address, form in document["bindings"].items()},
    )


def _text(value: Data) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value


def _texts(value: Data) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("no texts")
    return value


def _name(environment: str | None) -> str:
    return f"the environment {environment}" if environment else "no environment"
