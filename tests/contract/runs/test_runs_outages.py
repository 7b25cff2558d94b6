"""A service that is away for a while (N7, N11): what was not sent is sent again, and trouble is not made worse."""

from collections.abc import Callable
from contextlib import ExitStack
from socket import create_server
from typing import Any

from reconciler import pipeline
from reconciler.auth import AccessTokenAuthorizer, AuthClient
from reconciler.cli.exits import Exit, of_events
from reconciler.emulator import Emulator
from reconciler.model import Event

PROJECT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
"""
CLIENT = PROJECT + "    clients: {web: {name: Web, client_type: client_identity}}\n"
MANY = 60


def carried_out(runs: Any, url: str, sleep: Callable[[float], None]) -> list[Event]:
    """Plan at the service, and carry it out at an address of the test's own."""
    planned = runs.plan()
    authorizer = AccessTokenAuthorizer(runs.emulator.person_token("rosalind@globusid.org"))
    with AuthClient(base_url=url, authorizer=authorizer, transport_params={"sleep": sleep}) as client:
        return list(pipeline.apply(planned, client, runs.site, pipeline.Steering(1, sleep=runs.slept.append)))


def test_create_that_could_not_connect_is_sent_again_and_nothing_is_looked_up(runs: Any) -> None:
    """N7."""
    runs.write(CLIENT)
    waited: list[float] = []
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with ExitStack() as back:

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                back.enter_context(Emulator(runs.site.folder / "emulator.db", port=port))

        assert of_events(carried_out(runs, f"http://127.0.0.1:{port}", sleep)) is Exit.DONE
    assert (len(waited), runs.slept) == (3, [])
    assert len(runs.call("GET", "/v2/api/projects")["projects"]) == 1
    assert runs.plan().plan.operations == ()


def test_service_that_never_comes_back_is_16_and_nothing_was_done(runs: Any) -> None:
    """N7."""
    runs.write(CLIENT)
    waited: list[float] = []
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert of_events(carried_out(runs, f"http://127.0.0.1:{port}", waited.append)) is Exit.UNAVAILABLE
    assert (len(waited), runs.slept) == (4, [])
    assert runs.call("GET", "/v2/api/projects")["projects"] == []
    assert runs.left().open == ()
    runs.settle()


def test_service_in_trouble_is_not_stormed(runs: Any) -> None:
    """N11."""
    policies = "".join(f"      p{n}: {{display_name: P{n}, description: Before}}\n" for n in range(MANY))
    runs.write(f"{PROJECT}    policies:\n{policies}")
    runs.settle()
    runs.write(f"{PROJECT}    policies:\n{policies}".replace("Before", "After"))
    planned = runs.plan()
    runs.forget_calls()
    runs.emulator.add_fault({"method": "PUT", "status": 503, "times": None})
    assert of_events(runs.carry_out(planned)) is Exit.UNAVAILABLE
    quota = 20
    assert len([call for call in runs.calls() if call.startswith("PUT ")]) <= MANY + quota
    runs.emulator.clear_faults()
    runs.settle()
