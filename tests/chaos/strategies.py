"""What is drawn for the state machine of chaos: deaths, faults, and choices among what there is at the moment."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from reconciler.guards import Consents
from tests.chaos.declared import ABSENT
from tests.chaos.people import PATHS, where
from tests.chaos.stage import Death

if TYPE_CHECKING:
    from tests.chaos.test_chaos_machine import Reconciling

WORDS = st.sampled_from(("one", "two"))
TYPES = st.sampled_from(("resource_server", "client_identity", "confidential_client"))
_DOMAINS = st.lists(st.sampled_from(("example.edu", "globusid.org")), unique=True, max_size=2)
EDITS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "project": {"word": WORDS, "contact_email": st.sampled_from(("a@b.org", "c@d.org"))},
    "policy": {
        "word": WORDS,
        "description": WORDS,
        "high_assurance": st.booleans(),
        "authentication_assurance_timeout": st.sampled_from((60, 3600, ABSENT)),
        "domain_constraints_include": _DOMAINS | st.just(ABSENT),
    },
    "client": {
        "word": WORDS,
        "client_type": TYPES,
        "visibility": st.sampled_from(("public", "private", ABSENT)),
        "redirect_uris": st.sampled_from(([], ["https://a.example.org/"], ABSENT)),
        "required_idp": st.sampled_from((None, "example.edu", ABSENT)),
    },
    "scope": {
        "word": WORDS,
        "description": WORDS,
        "advertised": st.booleans() | st.just(ABSENT),
        "allows_refresh_token": st.booleans() | st.just(ABSENT),
    },
    "credential": {
        "rotate_after": st.sampled_from(("90d", ABSENT)),
        "overlap": st.sampled_from(("2d", ABSENT)),
        "sink": st.sampled_from(("file", "env", "age")),
    },
}
"""What can be edited, by kind, and to what. `word` is the second word of the name."""

_EVERY = frozenset({"all"})
CONSENTS = {"all": Consents(_EVERY, _EVERY, _EVERY, _EVERY), "none": Consents(), "delete": Consents(delete=_EVERY)}
CALLS = st.builds(Death, call=st.integers(1, 8), done=st.booleans(), hard=st.booleans())
DEATHS = st.none() | CALLS | st.builds(Death, event=st.integers(1, 12))
TROUBLES = DEATHS | st.builds(
    lambda method, kind, effect: {"method": method, **where(kind), **effect},
    st.sampled_from(("POST", "PUT", "DELETE")),
    st.sampled_from(sorted(PATHS)),
    st.sampled_from(({"status": 403}, {"status": 503, "after_commit": True}, {"effect": "cut_body"})),
)
"""What goes wrong while a plan is carried out: the process dies, or a call meets a fault."""

EFFECTS = (
    {"status": 503, "after_commit": True},
    {"status": 500},
    {"status": 429, "retry_after": 1},
    {"status": 403},
    {"effect": "reset", "after_commit": True},
    {"effect": "reset"},
    {"effect": "close", "after_commit": True},
    {"effect": "cut_headers"},
    {"effect": "cut_body"},
    {"effect": "html", "after_commit": True},
    {"effect": "session_required"},
    {"effect": "token_expired"},
    {"effect": "late_in_lists", "lists": 2},
)


def chosen(of: str) -> st.SearchStrategy[Any]:
    """Choose among what the machine has now, by the name of the method that lists it."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, of)()))


def there_are(of: str) -> Callable[[Any], bool]:
    """Tell whether there is anything to choose from."""
    return lambda machine: bool(getattr(machine, of)())


def edits(machine: "Reconciling") -> st.SearchStrategy[tuple[str, str, Any]]:
    """Choose a resource, one of its fields, and a value for that."""
    return st.sampled_from(machine.fields()).flatmap(
        lambda at: st.tuples(st.just(at[0]), st.just(at[1]), EDITS[machine.declared.wanted[at[0]].kind][at[1]])
    )
