"""What the options of a command ask for and agree to, as the pipeline takes it."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from reconciler.cli.flags import an_address
from reconciler.cli.options import DestroyOptions, ManifestOptions, PlanOptions, RotateOptions, Running

if TYPE_CHECKING:
    from reconciler.guards import Consents
    from reconciler.model import Address, Aim


def consents(options: PlanOptions | DestroyOptions | RotateOptions) -> "Consents":
    """Say what is agreed to."""
    from reconciler.guards import Consents

    if isinstance(options, RotateOptions):
        return Consents()
    delete = frozenset(options.allow_delete or ())
    if isinstance(options, DestroyOptions):
        return Consents(delete=delete)
    return Consents(
        delete=delete,
        replace=frozenset(options.allow_replace or ()),
        create=frozenset(options.allow_create or ()),
        lockout=frozenset(options.allow_lockout or ()),
        adopt=not options.no_adopt,
    )


def aim(options: PlanOptions | DestroyOptions | RotateOptions) -> "Aim":
    """Say what the run is about."""
    from reconciler.model import Aim

    if isinstance(options, RotateOptions):
        named, _ = _to_rotate(options)
        return Aim(targets=named, rotate=named, revoke=options.revoke_old, in_use=in_use())
    destroys = isinstance(options, DestroyOptions)
    return Aim(
        targets=_addresses(options.target),
        excluded=_addresses(options.exclude),
        replace=() if isinstance(options, DestroyOptions) else _addresses(options.replace),
        destroy=destroys,
        in_use=in_use(),
    )


def in_use() -> str | None:
    """Name the credential that this run uses, where that is told."""
    return os.environ.get("RECONCILER_CREDENTIAL_ID")


def manifests(options: Running) -> ManifestOptions:
    """Give the options that say which manifests are meant."""
    return replace(options, paths=_to_rotate(options)[1]) if isinstance(options, RotateOptions) else options


def apart(words: Iterable[Path]) -> "tuple[list[Address], list[Path]]":
    """Tell addresses from paths: a path exists, or is nothing that an address can be."""
    from reconciler.kinds import parse

    addresses, paths = [], []
    for word in words:
        try:
            address = None if word.exists() else parse(str(word))
        except (OSError, ValueError):
            address = None
        if address:
            addresses.append(address)
        else:
            paths.append(word)
    return addresses, paths


def _to_rotate(options: RotateOptions) -> "tuple[tuple[Address, ...], list[Path]]":
    """Tell the credentials that are to be rotated from the manifests; what is neither is wrong usage."""
    addresses, paths = apart(options.paths)
    for path in paths:
        if not path.exists():
            an_address(str(path))
    if not addresses:
        raise typer.BadParameter(
            "name what is to be rotated: credential/PROJECT/CLIENT/CREDENTIAL", param_hint="ADDRESS"
        )
    return tuple(addresses), paths


def _addresses(texts: Iterable[str] | None) -> "tuple[Address, ...]":
    from reconciler.kinds import parse

    return tuple(parse(text) for text in texts or ())
