"""The vocabulary: the data that travels from manifests and service through plan and apply to the report. Pure."""

from reconciler.model.data import (
    KEY,
    UUID,
    Address,
    Data,
    Fields,
    Pointer,
    Ref,
    Want,
    canonical,
    digest,
    references,
    substitute,
)
from reconciler.model.events import Event, Failed, Finished, Progress, Skipped, Started
from reconciler.model.manifests import Former, Manifests, Output, Removal, Resource
from reconciler.model.plan import Action, Change, FieldChange, Operation, Plan, Reason, Refusal, Verb
from reconciler.model.record import Run, Step
from reconciler.model.service import Binding, Live, Secret, Snapshot, Unanswered, Undelivered

__all__ = [
    "KEY",
    "UUID",
    "Action",
    "Address",
    "Binding",
    "Change",
    "Data",
    "Event",
    "Failed",
    "FieldChange",
    "Fields",
    "Finished",
    "Former",
    "Live",
    "Manifests",
    "Operation",
    "Output",
    "Plan",
    "Pointer",
    "Progress",
    "Reason",
    "Ref",
    "Refusal",
    "Removal",
    "Resource",
    "Run",
    "Secret",
    "Skipped",
    "Snapshot",
    "Started",
    "Step",
    "Unanswered",
    "Undelivered",
    "Verb",
    "Want",
    "canonical",
    "digest",
    "references",
    "substitute",
]
