"""What people do: behind the program's back, and when it asks them for something that only they can decide."""

import shutil
from dataclasses import dataclass

from reconciler.errors import InvalidManifests, Problem, StaleBindings
from reconciler.model import Refusal
from tests.chaos.declared import Declared
from tests.chaos.stage import SECTIONS, Ran, Stage
from tests.chaos.truth import Truth, name_of, token_of

PATHS = {**{kind: f"/v2/api/{section}" for kind, section in SECTIONS.items()}, "credential": "/v2/api/clients"}
SOMEBODY = "barbara@globusid.org"


@dataclass
class People:
    """Those who administer the same service, and who look after the root. `older`: the bindings are from a backup."""

    stage: Stage
    declared: Declared
    truth: Truth
    older: bool = False
    hurries: int = 0

    def own_something(self) -> None:
        """Make a project of somebody else, that is called as ours will be."""
        me = self.stage.call("GET", "/v2/oauth2/userinfo", person=SOMEBODY)["sub"]
        fields = {"display_name": "pr1 one", "contact_email": "b@b.org", "admin_ids": [me]}
        made = self.stage.call("POST", "/v2/api/projects", {"project": fields}, SOMEBODY)["project"]["id"]
        client = {"name": "cl3 one", "project": made, "client_type": "client_identity"}
        other = self.stage.call("POST", "/v2/api/clients", {"client": client}, SOMEBODY)["client"]["id"]
        self.truth.set_apart(("project", made), ("client", other))

    def edit(self, token: str, word: str, *, described: bool = False) -> None:
        """Change the second word of the name, or the description, of what a resource has."""
        kind = self.declared.wanted[token].kind
        name = "description" if described and kind in ("policy", "scope") else naming(kind)
        for key in self.truth.rows(token):
            self.stage.call("PUT", f"{PATHS[kind]}/{key}", {kind: {name: f"{token} {word}"}})
        self.truth.accept()

    def hurry(self, token: str) -> str:
        """Give what a resource has a name that it never had; return the name."""
        self.hurries += 1
        self.edit(token, f"hurried{self.hurries}")
        return f"{token} hurried{self.hurries}"

    def delete(self, token: str) -> None:
        """Delete what a resource has, where the service lets them."""
        for key in self.truth.rows(token):
            self.stage.call("DELETE", self._path(key))
        self.truth.accept()

    def make_another(self, token: str) -> None:
        """Make what looks like the object of a resource, beside it; no two scopes can look alike."""
        kind = self.declared.wanted[token].kind
        for row in [*self.truth.rows(token).values()][:1]:
            match kind:
                case "project":
                    more = {"contact_email": "x@y.org", "admin_ids": row["admin_ids"][:1]}
                case "policy":
                    more = {"project_id": row["project_id"], "description": "by hand"}
                case "client":
                    more = {"project": row["project"], "client_type": "client_identity"}
                case _:
                    continue
            made = self.stage.call("POST", PATHS[kind], {kind: {naming(kind): name_of(row), **more}})
            self.truth.set_apart((kind, made[kind]["id"]))

    def tamper(self, token: str, how: str) -> None:
        """Change or lose the file of a sink, its metadata, or both."""
        file = self.stage.root / self.declared.sink(token)
        if how == "changed" and file.exists():
            file.write_bytes(file.read_bytes() + b"changed\n")
        if how in ("gone", "all gone"):
            file.unlink(missing_ok=True)
        if how in ("without metadata", "all gone"):
            file.with_name(file.name + ".meta.json").unlink(missing_ok=True)

    def answer(self, ran: Ran) -> None:
        """Do what a refusal asks them for. One that nothing here explains is a defect."""
        match ran.error:
            case StaleBindings() if self.older:
                shutil.copy(self.stage.place / "newest.json", self.stage.site.bindings)
                self.older = False
            case InvalidManifests(problems):
                for problem in problems:
                    self._solve(problem)
            case None:
                pass
            case error:
                raise AssertionError(f"I6: {error}")
        for refusal in ran.planned.plan.refusals if ran.planned else ():
            self._grant(refusal)

    def clear_sinks(self) -> None:
        """Move away what was not delivered, or was changed since."""
        for token in self.declared.tokens("credential"):
            file = self.stage.root / self.declared.sink(token)
            held = file.read_bytes() if file.exists() else b""
            if held and (held.endswith(b"changed\n") or not file.with_name(file.name + ".meta.json").exists()):
                self.tamper(token, "all gone")

    def _solve(self, problem: Problem) -> None:
        """Write `id:` with the one that is meant, or delete the others; take out a pin that no longer fits."""
        token = self._named(problem.address)
        assert token is not None, f"I6: {problem.address}: {problem.what}"
        each = self.declared.wanted[token]
        if each.id:
            each.id = None
        elif "unclaimed object" in problem.what:
            strays = [key for key in self.truth.apart if key in problem.what]
            assert strays or token in self.truth.loose, f"I6: {problem.what}"
            for key in strays:
                assert self.stage.call("DELETE", self._path(key)) is not None
            rows = [*self.truth.rows(token)]
            each.id = rows[0] if not strays and rows else None
            self.truth.accept()
        else:
            assert each.kind == "credential", f"I6: {problem.what}"
            self.tamper(token, "all gone")

    def _grant(self, refusal: Refusal) -> None:
        """Delete what stands in the way and is nobody's, or take out the pin that forbids a replacement."""
        token = self._named(str(refusal.address))
        if token and self.declared.wanted[token].id:
            self.declared.wanted[token].id = None
            return
        rows = {key: row for rows in self.stage.world().values() for key, row in rows.items()}
        ours = [key for key in rows if key in refusal.reason and token_of(rows[key]) in self.truth.known_tokens()]
        apart = [key for key in ours if key in self.truth.apart]
        doubtful = [key for key in ours if token_of(rows[key]) in self.truth.loose | self.truth.kept]
        assert apart or doubtful, f"I6: {refusal.address}: {refusal.reason}"
        for key in apart or doubtful:
            assert self.stage.call("DELETE", self._path(key)) is not None
        self.truth.accept()

    def _named(self, address: str | None) -> str | None:
        return next((token for token in self.declared.wanted if self.declared.address(token) == address), None)

    def _path(self, key: str) -> str:
        kind, row = next((kind, rows[key]) for kind, rows in self.stage.world().items() if key in rows)
        return f"{PATHS[kind]}/{row['client']}/credentials/{key}" if kind == "credential" else f"{PATHS[kind]}/{key}"


def naming(kind: str) -> str:
    """Name the field that says what an object is called."""
    return "display_name" if kind in ("project", "policy") else "name"


def where(kind: str | None, *, listing: bool = False) -> dict[str, str]:
    """Say which calls a fault meets: those about a kind, or all."""
    if kind is None:
        return {"path_prefix": "/v2/api/"}
    if kind == "credential":
        return {"path": "/v2/api/clients/*/credentials"}
    return {"path" if listing else "path_prefix": PATHS[kind]}
