"""The flags and arguments of the commands, each declared once, and what is checked of them at once."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from reconciler.config import MOST_CALLS


def an_address(text: str) -> str:
    """Check that an argument is an address of a kind there is."""
    from reconciler.manifest.addresses import NoAddress, read

    try:
        read(text)
    except NoAddress as error:
        raise typer.BadParameter(f"{error}, {error.hint}" if error.hint else str(error)) from None
    return text


def _addresses(texts: list[str] | None) -> list[str] | None:
    _named([text for text in texts or () if text != "all"])
    return texts


def _named(texts: list[str] | None) -> list[str] | None:
    for text in texts or ():
        an_address(text)
    return texts


Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Files and folders of manifests; none means the current folder."),
]
NameAndPaths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="NAME|PATH", help="One output by its name; and files and folders of manifests."),
]
Overlays: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--overlay", metavar="FILE", help="Merge this overlay over the rest (repeatable).")
]
Emulated: TypeAlias = Annotated[
    bool, typer.Option("--emulator", help="Use the built-in local Globus Auth instead of the real one.")
]
EmulatorDb: TypeAlias = Annotated[
    Path | None,
    typer.Option("--emulator-db", metavar="FILE", help="The emulator's state.  [default: .reconciler/emulator.db]"),
]
BaseUrl: TypeAlias = Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Where Globus Auth is.")]
BindingsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--bindings", metavar="FILE", dir_okay=False, help="Keep the bindings here instead of in the root."),
]
Parallelism: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--parallelism",
        min=1,
        max=MOST_CALLS,
        metavar="N",
        help="How many calls may be under way at once.  [default: 10]",
    ),
]
NoColour: TypeAlias = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]
Ascii: TypeAlias = Annotated[bool, typer.Option("--ascii", help="Print symbols in ASCII only.")]
Detailed: TypeAlias = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there are differences.")
]
AllowDelete: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-delete", metavar="ADDRESS", callback=_addresses, help="Approve a deletion (repeatable; `all`)."
    ),
]
AllowReplace: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-replace", metavar="ADDRESS", callback=_addresses, help="Approve a replacement (repeatable; `all`)."
    ),
]
AllowCreate: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-create",
        metavar="ADDRESS",
        callback=_addresses,
        help="Approve a create beside unknown siblings (repeatable; `all`).",
    ),
]
AllowLockout: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-lockout",
        metavar="ADDRESS",
        callback=_addresses,
        help="Approve that you lose a project (repeatable; `all`).",
    ),
]
Targets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="ADDRESS",
        callback=_named,
        help="Only this, what is below it, and what they need (repeatable).",
    ),
]
Excluded: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="ADDRESS",
        callback=_named,
        help="All but this, what is below it, and what needs it (repeatable).",
    ),
]
Replaced: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--replace", metavar="ADDRESS", callback=_named, help="Make this anew (repeatable)."),
]
NoAdopt: TypeAlias = Annotated[bool, typer.Option("--no-adopt", help="Refuse to take over objects that exist.")]
Rehearsed: TypeAlias = Annotated[
    bool,
    typer.Option("--rehearse", help="Try the plan on a copy of the service first, and apply it if that goes well."),
]
AutoApprove: TypeAlias = Annotated[bool, typer.Option("--auto-approve", help="Apply without asking.")]
NoInput: TypeAlias = Annotated[
    bool, typer.Option("--no-input", envvar="RECONCILER_NO_INPUT", help="Never ask; what would ask is refused.")
]
LockTimeout: TypeAlias = Annotated[
    float, typer.Option("--lock-timeout", min=0, metavar="SECONDS", help="Wait this long for another run to end.")
]
ClientId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--client-id", metavar="UUID", help="The native application to log in with.  [default: reconciler.toml]"
    ),
]
Policy: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="ID", help="Satisfy this authentication policy (repeatable)."),
]
Identity: TypeAlias = Annotated[
    list[str] | None, typer.Option("--identity", metavar="ID", help="Log in with this identity (repeatable).")
]
Domain: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--domain", metavar="NAME", help="Log in with an identity of this domain (repeatable)."),
]
Mfa: TypeAlias = Annotated[bool, typer.Option("--mfa", help="Log in with more than one factor.")]
NoLocalServer: TypeAlias = Annotated[
    bool, typer.Option("--no-local-server", help="Paste a code, instead of waiting for the browser to bring it.")
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", dir_okay=False, help="Save the plan here, to be applied by `apply FILE`."),
]
JsonInto: TypeAlias = Annotated[
    Path | None, typer.Option("--json-into", metavar="FILE", help="Write the plan as JSON here, for other tools.")
]
ExpiresAfter: TypeAlias = Annotated[
    str | None,
    typer.Option("--expires-after", metavar="DURATION", help="How long a saved plan holds (12h, 3d).  [default: 3d]"),
]
AddressesAndPaths: TypeAlias = Annotated[
    list[Path],
    typer.Argument(metavar="ADDRESS|PATH", help="Credentials by their addresses; and files and folders of manifests."),
]
RevokeOld: TypeAlias = Annotated[
    bool,
    typer.Option("--revoke-old", help="Their secrets have leaked: revoke the old ones as soon as the new are there."),
]
PlanFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="A saved plan.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OutputForm: TypeAlias = Annotated[
    str, typer.Option("--format", metavar="FORM", help="text, json, env, yaml or github.")
]
