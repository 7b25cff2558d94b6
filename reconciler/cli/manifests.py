"""Commands that need nothing but the manifests (and for `output` the bindings): no network, no credentials."""

from dataclasses import replace
from pathlib import Path

import typer

from reconciler.cli import terminal
from reconciler.cli.exits import Exit
from reconciler.cli.load import load, written
from reconciler.cli.options import ManifestOptions, OutputOptions


def validate(options: ManifestOptions) -> None:
    """Check the manifests: every problem of every file, each with its place."""
    count = len(load(options).resources)
    if not count:
        terminal.warn("warning: there are no resources in these manifests")
    terminal.say(f"Valid: {count} resource{'' if count == 1 else 's'}.")


def build(options: ManifestOptions) -> None:
    """Print the manifests as they are after overlays and templates."""
    terminal.say(written(options).rstrip("\n"))


def output(options: OutputOptions) -> None:
    """Print what applications need to know, as last applied. Never a secret."""
    from reconciler import pipeline
    from reconciler.cli.session import locate
    from reconciler.render import outputs

    if options.form not in list(outputs.Format):
        raise typer.BadParameter(f"{options.form!r} is none of {', '.join(outputs.Format)}", param_hint="--format")
    form, (name, paths) = outputs.Format(options.form), _name_first(options.paths or [])
    manifests = load(replace(options, paths=paths))
    with locate(options, manifests) as site:
        known = pipeline.outputs(manifests, pipeline.state(site).entries)
    missing = sorted({each.name for each in manifests.outputs} - set(known))
    if name is None:
        for each in missing:
            terminal.warn(f"warning: {each} is not applied yet")
        if written := outputs.text(known, form):
            terminal.say(written)
    elif name in known:
        terminal.say(known[name] if form is outputs.Format.TEXT else outputs.text({name: known[name]}, form))
    else:
        told = "is not applied yet" if name in missing else "is no output of these manifests, and there is no such file"
        terminal.warn(f"{name} {told}")
        raise typer.Exit(Exit.ERROR)


def _name_first(words: list[Path]) -> tuple[str | None, list[Path]]:
    """Tell the name of an output from a path: a path exists, or is nothing that an output can be called."""
    from reconciler.manifest import is_output_name

    first = words[0] if words else None
    if first is None or first.exists() or not is_output_name(str(first)):
        return None, words
    return str(first), words[1:]
