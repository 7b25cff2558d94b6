"""Register a service: a project, a client with a scope, and a secret for it.

Acts as the client identity that RECONCILER_CLIENT_ID and RECONCILER_CLIENT_SECRET name. What it makes is printed as
JSON, the secret goes to the file that is given.
"""

import json
import os
import sys
from pathlib import Path

from reconciler.auth import (
    AuthAPIError,
    AuthClient,
    AuthScopes,
    ClientCredentialsAuthorizer,
    ConfidentialAppAuthClient,
    DependentScopeSpec,
)

GROUPS = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"


def main(secret_file: Path) -> int:
    """Make everything, each after what it needs."""
    client_id = os.environ["RECONCILER_CLIENT_ID"]
    app = ConfidentialAppAuthClient(client_id, os.environ["RECONCILER_CLIENT_SECRET"])
    authorizer = ClientCredentialsAuthorizer(app, [AuthScopes.openid, AuthScopes.manage_projects])
    with app, AuthClient(authorizer=authorizer) as auth:
        try:
            project = auth.create_project("Genomes", "ops@example.edu", admin_ids=client_id)["project"]
            service = auth.create_client("Genomes API", project["id"], client_type="resource_server")["client"]
            groups = next(iter(auth.get_scopes(scope_strings=GROUPS)))
            needs = [DependentScopeSpec(groups["id"], optional=False, requires_refresh_token=False)]
            scopes = auth.create_scope(
                service["id"],
                "Read genomes",
                "List and download genomes",
                "read",
                dependent_scopes=needs,
                advertised=True,  # otherwise only clients of this project could ask for it
            )["scopes"]
            credential = auth.create_client_credential(service["id"], "first")["credential"]
        except AuthAPIError as error:
            print(f"{error.http_status} {error.code}: {error.message}", file=sys.stderr)
            return 1
    secret_file.touch(mode=0o600)
    secret_file.write_text(credential["secret"], encoding="utf-8")
    made = {"project": project["id"], "client": service["id"], "scope": scopes[0]["scope_string"]}
    print(json.dumps(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
