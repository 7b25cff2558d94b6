"""Owns what a browser is shown: small pages without scripts, whose every text from outside is escaped."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from reconciler.emulator.calls import Answer
from reconciler.emulator.store import Document

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#f4f5f7;margin:0}"
    "main{max-width:34rem;margin:2rem auto;padding:1.5rem 2rem;background:#fff;border:1px solid #c9ced6;"
    "border-radius:.5rem}h1{font-size:1.4rem;margin-top:0}"
    "fieldset{border:1px solid #c9ced6;border-radius:.3rem;margin:1rem 0}legend{font-weight:600}"
    "select,input[type=text]{font:inherit;display:block;width:100%;box-sizing:border-box;padding:.3rem}"
    "code{overflow-wrap:anywhere;font-size:.85rem;color:#444}"
    "li{margin:.3rem 0}[role=alert]{background:#fdecea;border-left:.3rem solid #b3261e;padding:.5rem 1rem}"
    ".message{background:#eaf1fb;border-left:.3rem solid #1a56a0;padding:.5rem 1rem}"
    "button{font:inherit;padding:.5rem 1.5rem;border-radius:.3rem;border:2px solid #1a56a0;cursor:pointer}"
    "button[value=allow]{background:#1a56a0;color:#fff}button[value=deny]{background:#fff;color:#1a56a0}"
    ":focus-visible{outline:3px solid #c25400;outline-offset:2px}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # No form-action: browsers apply it to wherever the application redirects to after the form, too.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1>
{content}
</main></body></html>
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A scope on the page: what it is called, and how deep it hangs below the scopes that need it."""

    scope: str
    name: str
    description: str
    depth: int
    choice: str = ""
    """What an optional scope is called in the form."""


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """All that the page on which a person logs in and consents says."""

    client: Document
    hidden: Mapping[str, str]
    present: list[str]
    """The usernames in session that may go on without a new login."""
    people: list[str]
    chosen: str | None
    lines: list[Line]
    optional: list[Line]
    problems: list[str]
    message: str
    mfa: bool
    stays: str | None
    """Who is in session, and could stay there beside somebody else."""
    label: str | None
    """The name of the grant, where the client asks for one."""


def page(title: str, content: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer a page; the title is escaped, the content is HTML."""
    document = _PAGE.format(title=escape(title), style=_STYLE, content=content)
    return Answer(document, headers={**_HEADERS, **(headers or {})}, media_type="text/html")


def consent_page(shown: ConsentPage, headers: Mapping[str, str]) -> Answer:
    """Answer the page on which a person logs in and consents."""
    name = escape(shown.client["name"])
    hidden = "".join(
        f'<input type="hidden" name="{escape(one)}" value="{escape(value)}">' for one, value in shown.hidden.items()
    )
    parts = [
        f'<p class="message">{escape(shown.message)}</p>' if shown.message else "",
        *(f'<p role="alert">{escape(problem)}</p>' for problem in shown.problems),
        f'<form method="post" action="/v2/oauth2/authorize">{hidden}',
        _who(shown) if shown.present or shown.people else '<p role="alert">Nobody can meet what is asked for.</p>',
        f"<fieldset><legend>What {name} will be able to do</legend><ul>{_list(shown.lines)}</ul></fieldset>",
        _offer(shown.optional),
        _label(shown.label),
        _links(shown.client["links"]),
        _buttons(can_allow=bool(shown.present or shown.people)),
        "</form>",
    ]
    return page(f"{shown.client['name']} asks for access", "\n".join(part for part in parts if part), headers)


def _who(shown: ConsentPage) -> str:
    groups = (("Logged in", shown.present), ("Log in as", shown.people))
    options = "".join(
        f'<optgroup label="{label}">{_options(people, shown.chosen)}</optgroup>' for label, people in groups if people
    )
    factor = _check("mfa", "true", "with a second factor") if shown.mfa else ""
    stay = "" if shown.stays is None else _check("link", "true", f"and keep {escape(shown.stays)} in session, also me")
    return (
        '<fieldset><legend>Who you are</legend><p><label for="username">Identity</label>'
        f'<select id="username" name="username" required>{options}</select></p>{factor}{stay}</fieldset>'
    )


def _options(people: Iterable[str], chosen: str | None) -> str:
    return "".join(
        f"<option{' selected' if username == chosen else ''}>{escape(username)}</option>" for username in people
    )


def _check(name: str, value: str, label: str) -> str:
    return f'<p><label><input type="checkbox" name="{name}" value="{escape(value)}"> {label}</label></p>'


def _list(lines: list[Line]) -> str:
    return "".join(f"<li>{'to that end: ' if line.depth else ''}{_scope(line)}</li>" for line in lines)


def _scope(line: Line) -> str:
    return f"<strong>{escape(line.name)}</strong>. {escape(line.description)}<br><code>{escape(line.scope)}</code>"


def _offer(lines: list[Line]) -> str:
    if not lines:
        return ""
    checks = "".join(_check("optional", line.choice, _scope(line)) for line in lines)
    return f"<fieldset><legend>If you like, also</legend>{checks}</fieldset>"


def _label(label: str | None) -> str:
    if label is None:
        return ""
    return (
        '<p><label for="label">A name by which you will know this consent</label>'
        f'<input type="text" id="label" name="label" value="{escape(label)}"></p>'
    )


def _links(links: Mapping[str, str | None]) -> str:
    texts = (("terms_and_conditions", "Terms and conditions"), ("privacy_policy", "Privacy policy"))
    known = [
        f'<a href="{escape(address)}" rel="noreferrer">{text}</a>'
        for name, text in texts
        if (address := links[name] or "").startswith(("https://", "http://"))
    ]
    return f"<p>{' · '.join(known)}</p>" if known else ""


def _buttons(*, can_allow: bool) -> str:
    allow = '<button name="decision" value="allow">Allow</button> ' if can_allow else ""
    # Denying needs nobody to be chosen.
    return f'<p>{allow}<button name="decision" value="deny" formnovalidate>Deny</button></p>'
