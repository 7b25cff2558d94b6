"""From files to what they want: positioned data, overlays, templates, schemas, resources. Reads files, writes none.

Whatever the files hold, they end in `Manifests` or in `InvalidManifests` with every problem of every file.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.errors import InvalidManifests, Place, Problem
from reconciler.kinds import KINDS, normal
from reconciler.manifest.compose import compose
from reconciler.manifest.exclusion import NOTHING, Exclusion
from reconciler.manifest.index import Index, index
from reconciler.manifest.pinning import edits, unkeyed
from reconciler.manifest.resources import make, outputs, removals
from reconciler.manifest.schema import fits, is_output_name, schema_names, schema_text
from reconciler.manifest.select import Selection, root_of, select
from reconciler.manifest.wellknown import wellknown
from reconciler.manifest.write import text
from reconciler.model import Address, Data, Manifests, Output, Removal, Resource, digest

__all__ = [
    "Exclusion",
    "Selection",
    "build",
    "fits",
    "is_output_name",
    "load",
    "pinned",
    "root_of",
    "schema_names",
    "schema_text",
    "select",
    "wellknown",
]


def load(
    paths: Sequence[Path],
    *,
    overlays: Sequence[Path] = (),
    exclude: Exclusion = NOTHING,
    cwd: Path | None = None,
) -> Manifests:
    """Read the manifests that paths name; raise `InvalidManifests` with all that is wrong with them."""
    return _load(select(paths, overlays=overlays, exclude=exclude, cwd=cwd))[0]


def build(
    paths: Sequence[Path], *, overlays: Sequence[Path] = (), exclude: Exclusion = NOTHING
) -> tuple[Manifests, str]:
    """Load the manifests, and write them as one file, overlays and templates applied; it reads back to the same."""
    manifests, found = _load(select(paths, overlays=overlays, exclude=exclude))
    return manifests, text(manifests, found)


def pinned(
    paths: Sequence[Path],
    ids: Mapping[Address, str],
    *,
    overlays: Sequence[Path] = (),
    exclude: Exclusion = NOTHING,
) -> dict[Path, tuple[str, str]]:
    """Add an `id` to each of these resources at its place; give the files, each as it was and as it then is.

    Nothing is written. Raise `InvalidManifests` for what has no place of its own, and when anything else would change.
    """
    selection = select(paths, overlays=overlays, exclude=exclude)
    before, found = _load(selection)
    edited = edits(selection, [found.entries[address] for address in ids], ids, apart=before.environment is not None)
    after, _ = _load(replace(selection, edited={path: new for path, (_, new) in edited.items()}))
    given = {
        address: replace(resource, id=ids[address], fields=unkeyed(resource)) if address in ids else resource
        for address, resource in before.resources.items()
    }
    if after.digest != _digest(given.values(), before.removed, before.outputs):
        raise InvalidManifests((Problem(None, "adding the ids would change more than the ids; write them by hand"),))
    return edited


def _load(selection: Selection) -> tuple[Manifests, Index]:
    with _undisturbed():
        composed = compose(selection)
        found = index(composed.tree)
        removed = removals(composed.tree, found)
        resources = make(found, selection.root)
        named = outputs(composed.tree, found)
    if problems := [*composed.problems, *found.problems]:
        raise InvalidManifests(_in_order(problems))
    manifests = Manifests(
        root=selection.root,
        environment=composed.environment,
        resources=resources,
        removed=removed,
        outputs=named,
        complete=selection.complete,
        digest=_digest(resources.values(), removed, named),
        warnings=_in_order(composed.warnings),
    )
    return manifests, found


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=_order))


def _order(problem: Problem) -> tuple[bool, Place | None, str]:
    return problem.place is not None, problem.place, problem.what


@contextmanager
def _undisturbed() -> Iterator[None]:
    # Nothing here makes cycles, and the collector would walk over all that was read, again and again.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    except MemoryError:
        raise InvalidManifests((Problem(None, "the manifests do not fit into memory"),)) from None
    finally:
        if enabled:
            gc.enable()


def _digest(resources: Iterable[Resource], removed: Sequence[Removal], named: Sequence[Output]) -> str:
    stated: dict[str, Data] = {str(each.address): _stated(each) for each in resources}
    gone = {str(each.address): [each.keep, each.id] for each in removed}
    told = {each.name: [str(each.address), each.attribute] for each in named}
    return digest([stated, gone, told])


def _stated(resource: Resource) -> list[Data]:
    declared = KINDS[resource.address.kind].by_name
    return [
        {name: normal(declared[name], value) for name, value in resource.fields.items()},
        resource.settings,
        resource.id,
        sorted([str(former.address), former.id or ""] for former in resource.previously),
        resource.prevent_destroy,
        sorted(resource.ignore),
    ]
