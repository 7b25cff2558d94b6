"""Owns what a name in a field means: a resource of the manifests, an id, or a name that the service knows."""

import re
from functools import cache

from reconciler.kinds import KINDS, Field
from reconciler.manifest.addresses import NoAddress, is_address, missing, read
from reconciler.manifest.index import Entry, Index, problem
from reconciler.manifest.schema import schema
from reconciler.manifest.wellknown import PREFIX, wellknown
from reconciler.manifest.words import closest, did_you_mean, listed, shown
from reconciler.model import UUID, Data, Pointer, Ref, Want

# Of blanks, the schemas have seen to it that there are none.
_FORMS = {
    Want.IDENTITY: (re.compile(r"[^@]+@[^@]+"), "a username, an id, or the address of a client"),
    Want.SCOPE: (
        re.compile(r"urn:globus:auth:scope:[^:]+:.+|https://[^/]+/scopes/[^/]+/[^/]+|openid|email|profile"),
        "an address, a well-known name, a scope string or an id",
    ),
    Want.PROVIDER: (re.compile(r"[^@/]+"), "a domain, a short name or an id"),
    Want.GROUP: (re.compile(r"(?!)"), "the id of a group"),
}
_SCOPES = "https://auth.globus.org/scopes/"


def refer(entry: Entry, declared: Field, index: Index) -> Data:
    """Read the names in a field: the value comes back with an id or a `Ref` for each; problems go to the index."""
    value = entry.data[declared.name]
    if value is None or declared.want is None:
        return value
    if not isinstance(value, list):
        return _name(entry, (declared.name,), value, declared.want, index)
    if not declared.element:
        return [_name(entry, (declared.name, at), each, declared.want, index) for at, each in enumerate(value)]
    defaults = _defaults(entry.kind.name, declared.name)
    made = []
    for at, each in enumerate(value):
        path: Pointer = (declared.name, at)
        if isinstance(each, str):
            made.append({declared.element: _name(entry, path, each, declared.want, index)} | defaults)
        elif declared.element in each:
            name = _name(entry, (*path, declared.element), each[declared.element], declared.want, index)
            made.append({declared.element: name} | defaults | each | {declared.element: name})
    return made


@cache
def _defaults(kind: str, field: str) -> dict[str, Data]:
    properties = schema(kind)["properties"][field]["items"]["properties"]
    return {name: each["default"] for name, each in properties.items() if "default" in each}


def _name(entry: Entry, path: Pointer, text: str, want: Want, index: Index) -> Ref | str:
    if UUID.fullmatch(text.lower()):
        return text.lower()
    if is_address(text):
        return _address(entry, path, text, want, index)
    if want is Want.SCOPE and text.lower().startswith(PREFIX):
        known = wellknown()
        if text in known:
            return Ref(want, str(known[text]["scope_string"]))
        what = f"there is no well-known scope {shown(text)}"
        index.problems.append(problem(entry, path, what, did_you_mean(text, tuple(known))))
        return text
    pattern, form = _FORMS[want]
    if not pattern.fullmatch(text):
        what = f"{shown(text)} names no {want}"
        index.problems.append(problem(entry, path, what, _meant(text) or f"write {form}"))
    return Ref(want, text)


def _meant(text: str) -> str | None:
    """Guess what was meant by a text that begins almost as an address does, or as a scope string."""
    if text.lower().startswith(_SCOPES):
        return f"a scope string is {_SCOPES}CLIENT_ID/SUFFIX"
    kind, slash, rest = text.partition("/")
    near = closest(kind, tuple(KINDS)) if slash else None
    return f"did you mean {shown(f'{near}/{rest}')}?" if near else None


def _address(entry: Entry, path: Pointer, text: str, want: Want, index: Index) -> Ref | str:
    try:
        address = read(text, entry.address.path[0])
    except NoAddress as error:
        index.problems.append(problem(entry, path, str(error), error.hint))
        return text
    if KINDS[address.kind].denotes is not want:
        fit = [kind.name for kind in KINDS.values() if kind.denotes is want]
        hint = f"write the address of a {listed(fit)}" if fit else None
        index.problems.append(problem(entry, path, f"{shown(text)} names no {want}", hint))
    elif wrong := missing(address, index):
        index.problems.append(problem(entry, path, *wrong))
    return Ref(want, text, address)
