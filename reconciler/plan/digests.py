"""The digests that tie a plan to what it was made from, and to what it says. Pure.

No clock counts, and no place in a file: the same manifests, service and consents make the same digest.
"""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model import Data, Plan, digest
from reconciler.plan.form import change_form, operation_form, refusal_form, seen_form


def digested(plan: Plan) -> Plan:
    """Fill in the digest of what was observed, and that of the whole plan."""
    plan = replace(plan, observed=digest([seen_form(each) for each in plan.seen]))
    return replace(plan, digest=digest(_counting(plan)))


def _counting(plan: Plan) -> Mapping[str, Data]:
    changes = [{**change_form(each), "place": None} for each in plan.changes]
    return {
        "target": plan.target,
        "environment": plan.environment,
        "manifests": plan.manifests,
        "observed": plan.observed,
        "complete": plan.complete,
        "consents": plan.consents,
        "operations": [operation_form(each) for each in plan.operations],
        "changes": changes,
        "refusals": [refusal_form(each) for each in plan.refusals],
    }
