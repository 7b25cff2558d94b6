"""The sink `file`: a file in clear, closed to everybody else, with `PATH.meta.json` that says whose secret it holds.

The metadata lists the digest of the content to come and of the content there is, and is written first: whatever the
moment of a crash, the content is the one or the other, and its digest tells which. Content that it does not list is
foreign and never replaced.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from reconciler import files, lock
from reconciler.errors import CannotWrite, Locked, SinkFailed
from reconciler.kinds.sinks import META, misplaced, parts
from reconciler.model import Data, Fields, digest
from reconciler.sinks.shape import Shape, shape
from reconciler.sinks.sink import Delivery, Meta

FORMAT = 1

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at the path: nothing, or content that is ours (`held`) or not."""

    present: bool
    held: Meta | None = None
    sha256: str = ""


class FileSink:
    """One file below the root."""

    readable = True
    plaintext = True

    def __init__(self, root: Path, parts: tuple[str, ...], form: Shape, settings: str) -> None:
        self._root = root
        self._parts = parts
        self._shape = form
        self._settings = settings

    @classmethod
    def make(cls, settings: Fields, root: Path) -> "FileSink":
        """Read the settings `path`, `format` and `keys`; raise ValueError with what is wrong with them."""
        for name in settings:
            if name not in {"path", "format", "keys"}:
                raise ValueError(f"unknown setting {name!r}; there are path, format and keys")
        form = shape(settings.get("format", "json"), settings.get("keys"))
        return cls(root, _parts(settings.get("path")), form, digest({"file": settings}))

    @property
    def destination(self) -> str:
        """The path below the root, without what says nothing in it."""
        return f"file {self._path}"

    @property
    def kept(self) -> tuple[Path, ...]:
        """The file itself, and its metadata."""
        place = self._root.joinpath(*self._parts)
        return place, place.with_name(self._name + META)

    def preflight(self) -> None:
        """Write as a delivery would, but into no file that stays."""
        with self._locked(create=True) as folder:
            self._ours(self._look(folder))
            folder.probe(self._name + META)
            folder.probe(self._name)

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Deliver, in place of the credential `expected`; see `Sink`."""
        try:
            content = self._shape.render(delivery)
        except ValueError as error:
            raise SinkFailed(self._path, str(error)) from None
        meta = Meta(delivery.credential_id, delivery.client_id, delivery.name, delivery.created, self._settings)
        with self._locked(create=True) as folder:
            found = self._look(folder)
            self._ours(found)
            holds = found.held.credential_id if found.held else None
            if expected is not None and holds not in (expected, delivery.credential_id):
                raise SinkFailed(self._path, f"holds {holds or 'nothing'} rather than {expected}", conflict=True)
            coming = _Found(present=True, held=meta, sha256=hashlib.sha256(content).hexdigest())
            folder.write(self._name + META, _document(coming, found), private=True)
            folder.write(self._name, content, private=True)

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
        content = folder.read(self._name, private=True)
        if content is None:
            return _Found(present=False)
        sha256 = hashlib.sha256(content).hexdigest()
        known = _generations(folder.read(self._name + META, private=True) or b"{}")
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


def _parts(path: Data) -> tuple[str, ...]:
    if not isinstance(path, str) or not path:
        raise ValueError("path is missing")
    if what := misplaced(path):
        raise ValueError(f"path {what}")
    return parts(path)


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
