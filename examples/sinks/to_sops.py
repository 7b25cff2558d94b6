#!/usr/bin/env python3
"""A program for the sink `exec`: keeps a secret in a file that sops has encrypted, for whom your .sops.yaml says.

`with: {path: …}` names the file, below the root. What stands there in clear beside the secret says whose it is.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONFLICT = 3
CLEAR = "reconciler_unencrypted"


def main() -> int:
    """Do what the question on standard input asks; answer on standard output."""
    question = json.load(sys.stdin)
    file = Path(question["with"]["path"])
    held = whose(file)
    if held is None and file.exists() and question["action"] != "head":
        print(f"{file} was not delivered from here; move it away", file=sys.stderr)
        return CONFLICT
    match question["action"]:
        case "head":
            json.dump({"metadata": held}, sys.stdout)
        case "preflight":
            encrypted({"probe": "probe"}, file)
            with tempfile.TemporaryFile(dir=existing(file.parent)):
                pass
        case "put":
            if question["expected"] and (held or {}).get("credential_id") not in (
                question["expected"],
                question["metadata"]["credential_id"],
            ):
                print(f"{file} does not hold what is to be replaced", file=sys.stderr)
                return CONFLICT
            replace(file, encrypted({**json.loads(question["content"]), CLEAR: question["metadata"]}, file))
        case "delete":
            file.unlink(missing_ok=True)
        case _:
            print("asked for what this program does not know", file=sys.stderr)
            return 1
    return 0


def whose(file: Path) -> dict[str, str] | None:
    """Read whose secret a file holds; None when there is none, or it is not from here."""
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        held: dict[str, str] = document[CLEAR]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return held if "sops" in document else None


def encrypted(document: dict[str, Any], file: Path) -> bytes:
    """Have sops encrypt a document as if it stood in the file; the secret goes through pipes alone."""
    command = ["sops", "encrypt", "--input-type", "json", "--output-type", "json", "--filename-override", str(file)]
    suffix = ["--unencrypted-suffix", "_unencrypted"]
    done = subprocess.run(  # noqa: S603 - no part of it is a secret
        [*command, *suffix], input=json.dumps(document).encode(), stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        sys.exit("sops could not encrypt")
    return done.stdout


def replace(file: Path, content: bytes) -> None:
    """Put a file in place of what is there: the old one or the new one, never a mixture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(file)


def existing(folder: Path) -> Path:
    """Find the folder itself, or the nearest one above it that is there."""
    return folder if folder.is_dir() else existing(folder.parent)


if __name__ == "__main__":
    sys.exit(main())
