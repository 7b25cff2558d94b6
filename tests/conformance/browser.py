"""Owns how a person goes through the emulator's pages: by what the pages offer, as a browser would.

As a program (``$BROWSER``) it opens the address that it is given, as the person whom ``CONFORMANCE_PERSON`` names.
"""

import os
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

_PAGES = 8


@dataclass(slots=True)
class Form:
    """What a page asks for: where it goes, what it sends as it stands, the choices and the buttons."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms of a page, and the text of its ``code`` element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.code = ""
        self.text = ""
        self._inside = ""
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = tag
        if tag == "form":
            self.forms.append(Form(given.get("method", "get"), given.get("action", "")))
        if not self.forms:
            return
        form, name = self.forms[-1], given.get("name", "")
        match tag, given.get("type"):
            case "select", _:
                self._select = name
                form.choices[name] = []
            case "option", _:
                form.choices[self._select].append(given.get("value", ""))
            case "button", _:
                form.buttons.append((name, given.get("value", "")))
            case "input", "radio":
                form.choices.setdefault(name, []).append(given.get("value", ""))
            case "input", "checkbox" if "checked" not in given:
                form.boxes[name] = given.get("value", "on")
            case "input", _:
                form.fields[name] = given.get("value", "")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside == "code":
            self.code += data
        if self._inside == "option" and self.forms:
            choices = self.forms[-1].choices[self._select]
            choices[-1] = choices[-1] or data


class Browser:
    """One person's browser: it keeps cookies, and logs in and consents as that person."""

    def __init__(self, username: str, *, decision: str = "allow", ticks: tuple[str, ...] = ()) -> None:
        self.username = username
        self.read: list[str] = []
        self._decision = decision
        self._ticks = ticks
        self._session = requests.Session()

    def location(self, url: str) -> str:
        """Go through the pages of the service; return the first address that is not one of them."""
        service = urlsplit(url).netloc
        answer = self._session.get(url, allow_redirects=False, timeout=30)
        for _ in range(_PAGES):
            if answer.is_redirect:
                url = urljoin(answer.url, answer.headers["Location"])
                if urlsplit(url).netloc != service or urlsplit(url).path == "/v2/web/auth-code":
                    return url
                answer = self._session.get(url, allow_redirects=False, timeout=30)
                continue
            assert answer.status_code == 200, answer.text
            page = Page(answer.text)
            self.read.append(page.text)
            assert page.forms, answer.text
            answer = self._submit(answer.url, page.forms[0])
        raise AssertionError(f"The login does not end; the last page said: {self.read[-1]}")

    def code(self, url: str) -> str:
        """Return the code that the service gives, from its own page or from the address of the application."""
        location = self.location(url)
        query = parse_qs(urlsplit(location).query)
        if urlsplit(location).netloc != urlsplit(url).netloc:
            return query["code"][0]
        page = Page(self._session.get(location, timeout=30).text)
        assert page.code == query["code"][0], page.text
        return page.code

    def visit(self, url: str) -> None:
        """Go all the way, up to the application, which waits for ever: so it hears of a failure too."""
        try:
            location = self.location(url)
        except AssertionError as failure:
            location = f"{parse_qs(urlsplit(url).query)['redirect_uri'][0]}?{urlencode({'error': str(failure)})}"
        self._session.get(location, timeout=30).raise_for_status()

    def _submit(self, url: str, form: Form) -> requests.Response:
        data = form.fields | {name: value for name, value in form.boxes.items() if name in self._ticks}
        for name, choices in form.choices.items():
            data[name] = next((choice for choice in choices if self.username in choice), choices[0])
        pressed = [button for button in form.buttons if button[1] == self._decision] or form.buttons[:1]
        data.update(pressed)
        return self._session.request(
            form.method.upper(), urljoin(url, form.action), data=data, allow_redirects=False, timeout=30
        )


if __name__ == "__main__":
    Browser(os.environ["CONFORMANCE_PERSON"]).visit(sys.argv[1])
