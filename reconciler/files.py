"""How files are read and written safely: a file is its old or its new self, never a mixture, whatever happens.

Everything happens relative to an open folder and without following links. What is not ours, not a regular file, has a
second name or is open to others is refused (`Unsafe`). All failures are OSErrors; who calls says what they mean.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from reconciler.lines import Section, backwards, read, rfind, whole_lines

OWN = ".reconciler"
"""The folder of what is never committed: journal, lock, the emulator's database."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Unsafe(OSError):
    """What stands at a path is not what this program would have put there."""


class NotReplaced(Exception):
    """One of several files cannot be replaced, and so none was."""

    def __init__(self, file: Path, cause: OSError) -> None:
        super().__init__(str(file))
        self.file = file
        self.cause = cause


def why(error: OSError) -> str:
    """Say in words what failed."""
    return (error.strerror or str(error)).lower()


class Folder:
    """An open folder. Names are single ones, inside it."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def read(self, name: str, *, private: bool = False) -> bytes | None:
        """Read a whole file; None when there is none. `private`: it must be closed to everybody else."""
        try:
            with self._reading(name, private=private) as descriptor:
                return read(descriptor, 0, os.fstat(descriptor).st_size)
        except FileNotFoundError:
            return None

    def tail(self, name: str, start: bytes) -> bytes:
        """Read whole lines, from the last one that begins with `start` (or else from the first) to the end."""
        with self._reading(name, private=False) as descriptor:
            end = whole_lines(descriptor)
            begin = rfind(descriptor, b"\n" + start, end)
            return read(descriptor, begin + 1 if begin >= 0 else 0, end)

    @contextmanager
    def sections(self, name: str, start: bytes) -> Iterator[Iterator[Section]]:
        """Go back through a file, section by section, as long as the body runs.

        Each begins with a line that begins with `start`; what stands before the first of these is a section, too. A
        torn last line is left out.
        """
        with self._reading(name, private=False) as descriptor:
            yield backwards(descriptor, start)

    def write(self, name: str, content: bytes, *, private: bool = False, loose: bool = False) -> None:
        """Put a file in place of what is there, durably. `private`: with mode 0600 from its first byte.

        `loose`: what is there may be open to others all the same.
        """
        with suppress(FileNotFoundError):
            self._inspect(name, private=private and not loose)
        with self._temporary(name, content, private=private) as temporary:
            os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        os.fsync(self._descriptor)

    def probe(self, name: str, *, private: bool = True, loose: bool = False) -> None:
        """Do all of a `write` but its last step, to learn whether it would succeed."""
        with suppress(FileNotFoundError):
            self._inspect(name, private=private and not loose)
        with self._temporary(name, bytes(4096), private=private):
            pass

    @contextmanager
    def prepared(self, name: str, content: bytes) -> Iterator[Callable[[], None]]:
        """Have what shall stand in a file on disk beside it, with its mode; what is yielded puts it in its place."""
        self._inspect(name, private=False)
        mode = stat.S_IMODE(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode)
        if not mode & stat.S_IWUSR:
            raise Unsafe(errno.EACCES, "is read-only")
        with self._temporary(name, content, private=False) as temporary:
            os.chmod(temporary, mode, dir_fd=self._descriptor)

            def put() -> None:
                os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
                os.fsync(self._descriptor)

            yield put

    def remove(self, name: str) -> None:
        """Remove a file, durably; none is fine."""
        self._sweep(name)
        with suppress(FileNotFoundError):
            self._inspect(name, private=False)
            os.unlink(name, dir_fd=self._descriptor)
        os.fsync(self._descriptor)

    def set_aside(self, name: str) -> str | None:
        """Rename a file to `name.old`, or `name.old-2` and so on, and say to what; None when there is none."""
        try:
            self._inspect(name, private=False)
        except FileNotFoundError:
            return None
        taken = set(os.listdir(self._descriptor))  # noqa: PTH208 - a Path has no descriptor
        names = (f"{name}.old{number}" for number in ("", *(f"-{count}" for count in range(2, len(taken) + 3))))
        free = next(each for each in names if each not in taken)
        os.rename(name, free, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        os.fsync(self._descriptor)
        return free

    def open(self, name: str) -> int:
        """Open a private file to read it and to append to it, and make it where there is none."""
        with suppress(FileNotFoundError):
            self._inspect(name, private=False)
        descriptor = os.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FILE, 0o600, dir_fd=self._descriptor)
        try:
            _check_file(os.fstat(descriptor), private=False)
            os.fchmod(descriptor, 0o600)
            os.fsync(self._descriptor)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    @contextmanager
    def _reading(self, name: str, *, private: bool) -> Iterator[int]:
        self._inspect(name, private=private)
        descriptor = os.open(name, os.O_RDONLY | _FILE, dir_fd=self._descriptor)
        try:
            _check_file(os.fstat(descriptor), private=private)
            yield descriptor
        finally:
            os.close(descriptor)

    def _inspect(self, name: str, *, private: bool) -> None:
        if not name:
            raise Unsafe(errno.EISDIR, "is a folder")
        _check_file(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False), private=private)

    @contextmanager
    def _temporary(self, name: str, content: bytes, *, private: bool) -> Iterator[str]:
        """Keep content in a file beside `name` until it is renamed or given up. Its lock says that we are alive."""
        self._sweep(name)
        temporary = f"{_prefix(name)}{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE
        descriptor = os.open(temporary, flags, 0o600 if private else 0o644, dir_fd=self._descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if private:
                os.fchmod(descriptor, 0o600)
            write_all(descriptor, content)
            os.fsync(descriptor)
            yield temporary
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self._descriptor)
            os.close(descriptor)

    def _sweep(self, name: str) -> None:
        """Remove temporary files whose writers were killed: those that nobody has locked."""
        for left in os.listdir(self._descriptor):  # noqa: PTH208 - a Path has no descriptor
            if left.startswith(_prefix(name)):
                with suppress(OSError):
                    self._sweep_one(left)

    def _sweep_one(self, left: str) -> None:
        descriptor = os.open(left, os.O_WRONLY | _FILE, dir_fd=self._descriptor)
        try:
            _check_file(os.fstat(descriptor), private=False)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(left, dir_fd=self._descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def folder(path: Path, *below: str, create: bool = False) -> Iterator[Folder]:
    """Open the folder `path`, and from there those named in `below`, which may not be links.

    `create` makes those of `below` that are missing, with mode 0700.
    """
    descriptor = os.open(path, _FOLDER)
    try:
        _check_folder(os.fstat(descriptor), path)
        for name in below:
            path /= name
            inner = _step(descriptor, name, create=create)
            os.close(descriptor)
            descriptor = inner
            _check_folder(os.fstat(descriptor), path)
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def own(path: Path) -> Iterator[Folder]:
    """Open a folder of this program's own files: `.reconciler` ignores itself, and is made with all below it."""
    if OWN not in path.parts:
        with folder(path) as opened:
            yield opened
        return
    depth = len(path.parts) - path.parts[::-1].index(OWN)
    outer, below = Path(*path.parts[: depth - 1]), path.parts[depth:]
    with folder(outer, OWN, create=True) as opened:
        if opened.read(".gitignore") is None:
            opened.write(".gitignore", b"*\n")
    with folder(outer, OWN, *below, create=True) as opened:
        yield opened


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Replace what stands in several files, once all of it is on disk beside them; raise NotReplaced before that."""
    with ExitStack() as stack:
        ready = []
        for file, content in sorted(contents.items()):
            try:
                opened = stack.enter_context(folder(file.parent))
                ready.append((file, stack.enter_context(opened.prepared(file.name, content))))
            except OSError as error:
                raise NotReplaced(file, error) from error
        for file, put in ready:
            try:
                put()
            except OSError as error:
                raise NotReplaced(file, error) from error


def write_all(descriptor: int, content: bytes) -> None:
    """Write content, however many calls that takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _step(outer: int, name: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=outer)
            os.fsync(outer)
    if stat.S_ISLNK(os.stat(name, dir_fd=outer, follow_symlinks=False).st_mode):
        raise Unsafe(errno.ELOOP, f"the folder {name} is a symbolic link")
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=outer)


def _check_folder(status: os.stat_result, path: Path) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        raise Unsafe(errno.EPERM, f"the folder {path} belongs to another user")
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise Unsafe(errno.EPERM, f"everybody may write to the folder {path}")


def _check_file(status: os.stat_result, *, private: bool) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Unsafe(errno.ELOOP, "is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise Unsafe(errno.EINVAL, "is not a regular file")
    if status.st_uid != os.geteuid() and (private or status.st_uid != 0):
        raise Unsafe(errno.EPERM, "belongs to another user")
    if status.st_nlink > 1:
        raise Unsafe(errno.EMLINK, "has another name (a hard link)")
    if status.st_mode & (_BY_OTHERS if private else stat.S_IWOTH):
        raise Unsafe(errno.EPERM, f"is open to others (mode {stat.S_IMODE(status.st_mode):04o}; try chmod go-rwx)")


def _prefix(name: str) -> str:
    return f".{name}.tmp."
