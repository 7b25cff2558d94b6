"""What each command takes: its flags and arguments, gathered in one dataclass a command."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, get_type_hints

from reconciler.cli.flags import (
    AddressesAndPaths,
    AllowCreate,
    AllowDelete,
    AllowLockout,
    AllowReplace,
    Ascii,
    AsJson,
    AutoApprove,
    BaseUrl,
    BindingsFile,
    ClientId,
    Detailed,
    Domain,
    Emulated,
    EmulatorDb,
    Excluded,
    ExpiresAfter,
    Identity,
    JsonInto,
    LockTimeout,
    Mfa,
    NameAndPaths,
    NoAdopt,
    NoColour,
    NoInput,
    NoLocalServer,
    Out,
    OutputForm,
    Overlays,
    Parallelism,
    Paths,
    PlanFile,
    Policy,
    Rehearsed,
    Replaced,
    RevokeOld,
    Targets,
)

T = TypeVar("T")


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
