"""Owns what a request demands of the session (``prompt``, ``session_required_*``), and whether a session meets it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.emulator.accounts import identity_set
from reconciler.emulator.calls import Service
from reconciler.emulator.errors import TokenError
from reconciler.emulator.identities import identity_by_username
from reconciler.emulator.sessions import Authentication, Session
from reconciler.emulator.store import Document, Store
from reconciler.emulator.switches import Switches


@dataclass(frozen=True, slots=True)
class Demands:
    """What a session has to hold; ``identities`` are ids, ``policies`` documents."""

    identities: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    policies: tuple[Document, ...] = ()
    mfa: bool = False
    new_login: bool = False

    @property
    def wants_mfa(self) -> bool:
        """Say whether a second factor is asked for, by the request itself or by a policy."""
        return self.mfa or any(policy["required_mfa"] for policy in self.policies)


def read_demands(service: Service, given: Mapping[str, str]) -> Demands:
    """Read the demands of a request.

    Raises:
        TokenError: ``invalid_request``, when a policy is not known.
    """
    policies = [policy_by_id(service, one) for one in listed(given.get("session_required_policies", ""))]
    known = tuple(policy for policy in policies if policy is not None)
    if len(known) != len(policies):
        raise TokenError(400, "invalid_request")
    return Demands(
        identities=tuple(_identity(service.store, one) for one in listed(given.get("session_required_identities", ""))),
        domains=tuple(one.lower() for one in listed(given.get("session_required_single_domain", ""))),
        policies=known,
        mfa=given.get("session_required_mfa", "").lower() == "true",
        new_login=given.get("prompt") == "login",
    )


def listed(text: str) -> list[str]:
    """Return the elements of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def policy_by_id(service: Service, identifier: str) -> Document | None:
    """Return a policy of the world, or the one by which the session gate asks for a recent login."""
    if identifier.lower() == service.switches.session_policy.lower():
        return gate_policy(service.switches)
    return service.store.find("policy", identifier.lower())


def gate_policy(switches: Switches) -> Document:
    """Return the policy that the session gate names: a login as recent as the gate demands."""
    return {
        "id": switches.session_policy,
        "display_name": "Recent login",
        "high_assurance": True,
        "authentication_assurance_timeout": switches.session_seconds,
        "required_mfa": False,
        "domain_constraints_include": None,
        "domain_constraints_exclude": None,
    }


def unmet(service: Service, demands: Demands, session: Session) -> list[str]:
    """Say in sentences what a session lacks; nothing when it meets the demands."""
    store, present = service.store, session.authentications
    lacks = []
    absent = [one for one in demands.identities if one not in present]
    any_will_do = service.switches.session_required_identities == "any"
    if absent and (not any_will_do or len(absent) == len(demands.identities)):
        lacks.append(f"Log in as {', '.join(_username(store, one) for one in absent)}.")
    domains = {domain_of(_username(store, one)) for one in present}
    if demands.domains and not domains & set(demands.domains):
        lacks.append(f"Log in with an identity of {' or '.join(demands.domains)}.")
    lacks += [
        f"Log in as the policy {policy['display_name']} demands."
        for policy in demands.policies
        if not satisfies(service, policy, session)
    ]
    if demands.mfa and not any(one.mfa for one in present.values()):
        lacks.append("Log in with a second factor.")
    return lacks


def satisfies(service: Service, policy: Document, session: Session) -> bool:
    """Say whether a session satisfies a policy.

    One of high assurance is about who is in session, how recently and with what [DOC, "applied to sessions"]; any other
    only about the domains of the identity set [INF].
    """
    present = session.authentications
    if not policy["high_assurance"]:
        members = {str(one["username"]) for each in present for one in identity_set(service.store, each)}
        return any(_domain_fits(policy, username) for username in members)
    return any(
        _domain_fits(policy, _username(service.store, identity)) and _login_fits(policy, login, service.clock())
        for identity, login in present.items()
    )


def could_meet(service: Service, demands: Demands, identity: str) -> bool:
    """Say whether a person meets the demands by logging in now with all linked identities and a second factor."""
    login = Authentication(service.clock(), mfa=True)
    members = identity_set(service.store, identity)
    return not unmet(service, demands, Session("", {str(one["id"]): login for one in members}))


def domain_of(username: str) -> str:
    """Return the domain of a username."""
    return username.rpartition("@")[2].lower()


def _domain_fits(policy: Document, username: str) -> bool:
    domain = domain_of(username)
    include: Sequence[str] | None = policy["domain_constraints_include"]
    exclude: Sequence[str] = policy["domain_constraints_exclude"] or ()
    included = include is None or domain in (one.lower() for one in include)
    return included and domain not in (one.lower() for one in exclude)


def _login_fits(policy: Document, login: Authentication, now: float) -> bool:
    timeout = policy["authentication_assurance_timeout"]
    recent = timeout is None or now - login.at <= timeout
    return recent and (login.mfa or not policy["required_mfa"])


def _identity(store: Store, stated: str) -> str:
    found = identity_by_username(store, stated)
    return stated.lower() if found is None else str(found["id"])


def _username(store: Store, identity: str) -> str:
    found = store.find("identity", identity)
    return identity if found is None else str(found["username"])
