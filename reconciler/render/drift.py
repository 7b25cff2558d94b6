"""Drift as people read it, and as JSON for other programs."""

import json
from collections.abc import Iterator, Mapping

from reconciler.drift import Drift, Drifts, FieldDrift
from reconciler.model import Action, Data, FieldChange
from reconciler.render.plan import difference
from reconciler.render.safe import safe, value
from reconciler.render.style import Style

_FORMAT = "1.0"


def text(drifts: Drifts, style: Style) -> str:
    """Show each object that is not as it was applied, and the sums."""
    lines = [line for drift in drifts.found for line in (*_drift(drift, drifts.names, style), "")]
    lines += [f"Not read: {address} ({safe(why)})" for address, why in drifts.unread.items()]
    gone = sum(drift.gone for drift in drifts.found)
    changed = len(drifts.found) - gone
    if drifts.found:
        sums = f"{changed} of {drifts.compared} bound objects changed, {gone} gone"
        lines.append(f"{style.paint('Drift:', 'bold')} {sums}, since they were last applied.")
    elif drifts.compared:
        compared = f"{drifts.compared} bound object{'' if drifts.compared == 1 else 's'}"
        lines.append(f"{style.paint('No drift.', 'green')} {compared} compared with what was last applied.")
    elif not drifts.unread:
        lines.append("Nothing is bound here, so there is nothing to compare with.")
    return "\n".join(lines)


def document(drifts: Drifts) -> str:
    """Write the same as one JSON object, in the form of diagnostics: one for each field, and for each object gone."""
    diagnostics = [each for drift in drifts.found for each in _diagnostics(drift)]
    diagnostics += [_diagnostic(str(address), "was not read", why, "error") for address, why in drifts.unread.items()]
    whole = {
        "format_version": _FORMAT,
        "drifted": bool(drifts.found),
        "compared": drifts.compared,
        "changed": sum(not drift.gone for drift in drifts.found),
        "gone": sum(drift.gone for drift in drifts.found),
        "diagnostics": diagnostics,
    }
    return json.dumps(whole, indent=2)


def _drift(drift: Drift, names: Mapping[str, str], style: Style) -> Iterator[str]:
    sign = style.symbol(Action.DELETE if drift.gone else Action.UPDATE)
    is_gone = ", is gone" if drift.gone else ""
    yield f"{sign} {style.paint(str(drift.address), 'bold')}  {drift.id}{is_gone}"
    if drift.place:
        yield style.paint(f"      at {safe(str(drift.place))}", "dim")
    for field in drift.fields:
        if field.known:
            yield from difference(FieldChange(field.name, field.applied, field.live), "", names, style)
        else:
            yield f"      {safe(field.name)}: (as last applied) -> {value(field.live, names)}"


def _diagnostics(drift: Drift) -> Iterator[dict[str, Data]]:
    place = drift.place
    where = {"filename": place.file, "start": {"line": place.line, "column": place.column}} if place else None
    address, common = str(drift.address), {"id": drift.id, "range": where}
    if drift.gone:
        yield _diagnostic(address, "is gone", f"{drift.id} is not there any more", "warning") | common
    for field in drift.fields:
        yield (
            _diagnostic(address, f"{field.name} was changed", _detail(field), "warning")
            | common
            | {
                "field": field.name,
                "live": field.live,
                "applied": field.applied,
                "applied_known": field.known,
            }
        )


def _detail(field: FieldDrift) -> str:
    applied = value(field.applied) if field.known else "what was last applied"
    return f"{value(field.live)} instead of {applied}"


def _diagnostic(address: str, summary: str, detail: str, severity: str) -> dict[str, Data]:
    return {"severity": severity, "summary": f"{address}: {summary}", "detail": detail, "address": address}
