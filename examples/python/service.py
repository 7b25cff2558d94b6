"""What a service does with the token of a call: see what it is good for, and call others on behalf of whoever sent it.

Takes the id of the service's client and the token; the secret stands in SERVICE_SECRET.
"""

import json
import os
import sys

from reconciler.auth import ConfidentialAppAuthClient

GROUPS = "groups.api.globus.org"


def main(client_id: str, token: str) -> int:
    """Answer for one token."""
    with ConfidentialAppAuthClient(client_id, os.environ["SERVICE_SECRET"]) as service:
        told = service.oauth2_token_introspect(token)
        if not told["active"] or client_id not in told["aud"]:
            print("The token is not valid, or not for this service.", file=sys.stderr)
            return 1
        for_others = service.oauth2_get_dependent_tokens(token)
    print(json.dumps({"caller": told["username"], "services": sorted(for_others.by_resource_server)}))
    return 0 if GROUPS in for_others.by_resource_server else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
