"""Secrets in files below the root, each with `PATH.meta.json` that says whose secret the file holds.

The metadata lists the digest of the content to come and of the content there is, and is written first: whatever the
moment of a crash, the content is the one or the other, and its digest tells which. Content that it does not list is
foreign and never replaced. Files are written closed to everybody else; one that is encrypted may be found open, as
version control leaves it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from reconciler import files, lock
from reconciler.errors import CannotWrite, Locked, SinkFailed
from reconciler.kinds.places import META, parts
from reconciler.sinks.sink import Delivery, Meta, meta

FORMAT = 1

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at the path: nothing, or content that is ours (`held`) or not."""

    present: bool
    held: Meta | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file sink writes: the content of a delivery, whether that stands in clear, and its settings' digest."""

    kind: str
    content: Callable[[Delivery], bytes]
    plaintext: bool
    settings: str


class StoredFile:
    """One file below the root."""

    readable = True

    def __init__(self, root: Path, path: str, form: Form) -> None:
        self._root = root
        self._parts = parts(path)
        self._form = form

    @property
    def destination(self) -> str:
        """The path below the root, without what says nothing in it."""
        return f"{self._form.kind} {self._path}"

    @property
    def plaintext(self) -> bool:
        """Whether everybody who can read the file reads the secret."""
        return self._form.plaintext

    @property
    def kept(self) -> tuple[Path, ...]:
        """The file itself, and its metadata."""
        place = self._root.joinpath(*self._parts)
        return place, place.with_name(self._name + META)

    def preflight(self) -> None:
        """Write as a delivery would, but into no file that stays."""
        with self._locked(create=True) as folder:
            self._ours(self._look(folder))
            folder.probe(self._name + META, loose=not self._form.plaintext)
            folder.probe(self._name, loose=not self._form.plaintext)

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Deliver, in place of the credential `expected`; see `Sink`."""
        try:
            content = self._form.content(delivery)
        except ValueError as error:
            raise SinkFailed(self._path, str(error)) from None
        with self._locked(create=True) as folder:
            found = self._look(folder)
            self._ours(found)
            holds = found.held.credential_id if found.held else None
            if expected is not None and holds not in (expected, delivery.credential_id):
                raise SinkFailed(self._path, f"holds {holds or 'nothing'} rather than {expected}", conflict=True)
            coming = _Found(
                present=True, held=meta(delivery, self._form.settings), sha256=hashlib.sha256(content).hexdigest()
            )
            loose = not self._form.plaintext
            folder.write(self._name + META, _document(coming, found), private=True, loose=loose)
            folder.write(self._name, content, private=True, loose=loose)

    def head(self) -> Meta | None:
        """Look up whose secret is held. Reads only, and needs no lock: content changes after its metadata."""
        with self._opened(create=False) as folder:
            return self._look(folder).held if folder else None

    def delete(self) -> None:
        """Remove the file, then its metadata; see `Sink`."""
        with self._opened(create=False) as there:
            if there is None:
                return
        with self._locked(create=False) as folder:
            self._ours(self._look(folder))
            folder.remove(self._name)
            folder.remove(self._name + META)

    @property
    def _name(self) -> str:
        return self._parts[-1]

    @property
    def _path(self) -> str:
        return "/".join(self._parts)

    def _look(self, folder: files.Folder) -> _Found:
        content = folder.read(self._name, private=self._form.plaintext)
        if content is None:
            return _Found(present=False)
        sha256 = hashlib.sha256(content).hexdigest()
        known = _generations(folder.read(self._name + META, private=self._form.plaintext) or b"{}")
        return _Found(present=True, held=known.get(sha256), sha256=sha256)

    def _ours(self, found: _Found) -> None:
        if found.present and found.held is None:
            what = "there is a file that was not delivered from here, or was changed since; move it away"
            raise SinkFailed(self._path, what, conflict=True)

    @contextmanager
    def _opened(self, *, create: bool) -> Iterator[files.Folder | None]:
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(files.folder(self._root, *self._parts[:-1], create=create))
            except FileNotFoundError:
                folder = None
            except OSError as error:
                raise SinkFailed(self._path, files.why(error)) from error
            try:
                yield folder
            except OSError as error:
                raise SinkFailed(self._path, files.why(error)) from error

    @contextmanager
    def _locked(self, *, create: bool) -> Iterator[files.Folder]:
        with self._opened(create=create) as folder:
            if folder is None:
                raise SinkFailed(self._path, "its folder is gone")
            try:
                with lock.hold(folder.path / f".{self._name}.lock", timeout=_PATIENCE):
                    yield folder
            except (Locked, CannotWrite) as error:
                raise SinkFailed(self._path, str(error)) from error


def _document(*generations: _Found) -> bytes:
    held = [{**asdict(each.held), "sha256": each.sha256} for each in generations if each.held]
    return (json.dumps({"format": FORMAT, "generations": held}, indent=2, ensure_ascii=False) + "\n").encode()


def _generations(content: bytes) -> dict[str, Meta]:
    """Read the metadata by the digest of the content that it is about; what cannot be read says nothing."""
    try:
        document = json.loads(content)
        if document.get("format") != FORMAT:
            return {}
        return {each.pop("sha256"): Meta(**each) for each in document["generations"]}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
