"""The options of the commands: each declared once, and gathered in the dataclass that a command takes."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar, get_type_hints

import typer

from reconciler.config import MOST_CALLS

T = TypeVar("T")


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


def _consent(name: str, told: str) -> object:
    return typer.Option(name, metavar="ADDRESS", callback=_addresses, help=told)


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


@dataclass(frozen=True, slots=True)
class ManifestOptions:
    """What every command on manifests takes."""

    paths: Paths = None
    overlay: Overlays = None


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What every command takes that talks to a service, and needs no manifests."""

    base_url: BaseUrl = None


@dataclass(frozen=True, slots=True)
class LoginOptions(TargetOptions):
    """What a login takes: with which application, and what it must satisfy."""

    client_id: ClientId = None
    policy: Policy = None
    identity: Identity = None
    domain: Domain = None
    mfa: Mfa = False
    no_local_server: NoLocalServer = False
    no_input: NoInput = False


@dataclass(frozen=True, slots=True)
class WhoamiOptions(TargetOptions):
    """What `whoami` takes."""

    emulator: Emulated = False
    emulator_db: EmulatorDb = None
    json: AsJson = False


@dataclass(frozen=True, slots=True)
class ServiceOptions(ManifestOptions):
    """What every command on manifests takes that needs to know which service is meant."""

    emulator: Emulated = False
    emulator_db: EmulatorDb = None
    base_url: BaseUrl = None
    bindings: BindingsFile = None


@dataclass(frozen=True, slots=True)
class ReadOptions(ServiceOptions):
    """What every command takes that reads what is there."""

    parallelism: Parallelism = None
    no_color: NoColour = False
    ascii: Ascii = False


@dataclass(frozen=True, slots=True)
class PartOptions(ReadOptions):
    """What every command takes that can be about a part."""

    target: Targets = None
    exclude: Excluded = None
    allow_delete: AllowDelete = None


@dataclass(frozen=True, slots=True)
class PlanOptions(PartOptions):
    """What every command takes that makes a plan."""

    replace: Replaced = None
    allow_replace: AllowReplace = None
    allow_create: AllowCreate = None
    allow_lockout: AllowLockout = None
    no_adopt: NoAdopt = False


@dataclass(frozen=True, slots=True)
class SaveOptions(PlanOptions):
    """What `plan` takes besides."""

    detailed_exitcode: Detailed = False
    out: Out = None
    json_into: JsonInto = None
    expires_after: ExpiresAfter = None


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """What `show` takes."""

    file: PlanFile
    json: AsJson = False
    no_color: NoColour = False
    ascii: Ascii = False


@dataclass(frozen=True, slots=True)
class ApplyOptions(PlanOptions):
    """What an apply takes besides."""

    rehearse: Rehearsed = False
    auto_approve: AutoApprove = False
    no_input: NoInput = False
    lock_timeout: LockTimeout = 0


@dataclass(frozen=True, slots=True)
class DestroyOptions(PartOptions):
    """What `destroy` takes: nothing of what allows to make something."""

    auto_approve: AutoApprove = False
    no_input: NoInput = False
    lock_timeout: LockTimeout = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateOptions(ReadOptions):
    """What `rotate` takes: which credentials, and whether their secrets are known to others."""

    paths: AddressesAndPaths
    revoke_old: RevokeOld = False
    auto_approve: AutoApprove = False
    no_input: NoInput = False
    lock_timeout: LockTimeout = 0


@dataclass(frozen=True, slots=True)
class DriftOptions(ReadOptions):
    """What `drift` takes besides."""

    json: AsJson = False
    detailed_exitcode: Detailed = False


@dataclass(frozen=True, slots=True)
class OutputOptions(ServiceOptions):
    """What `output` takes besides."""

    paths: NameAndPaths = None

    form: OutputForm = "text"


Running: TypeAlias = ApplyOptions | DestroyOptions | RotateOptions
"""The options of a command that changes something."""

Targeting: TypeAlias = TargetOptions | ServiceOptions
"""The options of a command that talks to a service."""


def taking(options: type[T], command: Callable[[T], None]) -> Callable[..., None]:
    """Make a command whose parameters are the fields of a dataclass, as Typer reads them from a signature.

    Paths come last: whatever else is given without a name stands before them.
    """
    signature = inspect.signature(options)
    fields = sorted(signature.parameters.values(), key=lambda each: each.name == "paths")
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in fields]

    @functools.wraps(command)
    def called(**values: object) -> None:
        command(options(**values))

    called.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]
    called.__annotations__ = get_type_hints(options, include_extras=True)
    return called
