#!/usr/bin/env python3
"""A program for the sink `exec`: keeps a secret in a Secret of Kubernetes, by `kubectl apply --server-side`.

`with: {namespace: …, name: …}` names it. Annotations say whose it is; the version that was read is the one that is
replaced. Nothing is written to a file, and the secret is in no argument.
"""

import json
import subprocess
import sys
from typing import Any

CONFLICT, TRY_AGAIN = 3, 75
NOTE = "reconciler/metadata"


def main() -> int:
    """Do what the question on standard input asks; answer on standard output."""
    question = json.load(sys.stdin)
    there = secret(question["with"])
    held = whose(there)
    if there and held is None and question["action"] != "head":
        print("there is a Secret that was not delivered from here; remove it", file=sys.stderr)
        return CONFLICT
    match question["action"]:
        case "head":
            json.dump({"metadata": held}, sys.stdout)
        case "preflight":
            apply({"probe": "probe"}, metadata(question["with"], there), "--dry-run=server")
        case "put":
            if question["expected"] and (held or {}).get("credential_id") not in (
                question["expected"],
                question["metadata"]["credential_id"],
            ):
                print("the Secret does not hold what is to be replaced", file=sys.stderr)
                return CONFLICT
            stated = metadata(question["with"], there)
            stated["annotations"] = {NOTE: json.dumps(question["metadata"])}
            apply(json.loads(question["content"]), stated)
        case "delete":
            kubectl(
                "delete",
                "secret",
                question["with"]["name"],
                "--namespace",
                question["with"]["namespace"],
                "--ignore-not-found",
                "--wait=false",
            )
        case _:
            print("asked for what this program does not know", file=sys.stderr)
            return 1
    return 0


def secret(place: dict[str, str]) -> dict[str, Any] | None:
    """Get the Secret; None when there is none."""
    said = kubectl("get", "secret", place["name"], "--namespace", place["namespace"], "--ignore-not-found", "-o=json")
    found: dict[str, Any] | None = json.loads(said) if said.strip() else None
    return found


def whose(there: dict[str, Any] | None) -> dict[str, str] | None:
    """Read whose secret it holds."""
    try:
        held: dict[str, str] = json.loads((there or {})["metadata"]["annotations"][NOTE])
    except (KeyError, TypeError, ValueError):
        return None
    return held


def metadata(place: dict[str, str], there: dict[str, Any] | None) -> dict[str, Any]:
    """Say which Secret is meant, in the version that was read."""
    version = {"resourceVersion": there["metadata"]["resourceVersion"]} if there else {}
    return {"namespace": place["namespace"], "name": place["name"], **version}


def apply(values: dict[str, str], stated: dict[str, Any], *flags: str) -> None:
    """Apply the Secret, in place of the version that was read."""
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": stated, "type": "Opaque", "stringData": values}
    command = ("apply", "--server-side", "--force-conflicts", "--validate=false", "--field-manager=reconciler")
    kubectl(*command, *flags, "-f", "-", told=document)


def kubectl(*arguments: str, told: dict[str, Any] | None = None) -> str:
    """Run kubectl; end with what its failure means."""
    done = subprocess.run(  # noqa: S603 - no argument is a secret
        ["kubectl", *arguments],  # noqa: S607 - where kubectl is, the path knows
        input=json.dumps(told) if told else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    print(done.stderr or done.stdout, file=sys.stderr)
    if "Conflict" in done.stderr or "has been modified" in done.stderr:
        sys.exit(CONFLICT)
    sys.exit(TRY_AGAIN if "connect" in done.stderr else 1)


if __name__ == "__main__":
    sys.exit(main())
