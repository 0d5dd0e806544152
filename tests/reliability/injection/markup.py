"""What a browser would make of a page of `/ops`, held against what its templates alone can make.

A tag, an attribute or a value of one that no template holds was made by data. So was a tag that is closed where none
is open, and an address that leads elsewhere.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

TICKET_URL = "https://desk.example.com/agent/tickets/{ticket_id}"
TEMPORAL_UI_URL = "https://temporal.example.com"
"""The only places outside that a page may lead to."""

_TEMPLATES = Path(__file__).parents[3] / "api" / "ops" / "templates"
_FILLED, _DECIDED = "\ue0fe", "\ue0ff"
"""Stand where a template leaves room, and where it decides what follows: no template holds them."""
_EXPRESSION = re.compile(r"\{\{.*?\}\}", flags=re.DOTALL)
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", flags=re.DOTALL)
_CHOICE = re.compile(f"{_DECIDED}.*{_DECIDED}", flags=re.DOTALL)
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect"})
_FORBIDDEN = re.compile(r"on.*|hx-on.*|style|srcdoc|srcset|http-equiv|xlink:href")
_OWN = re.compile(r"/ops([/?#][!-\[\]-~]*)?|#[\w-]+", flags=re.ASCII)
_STATIC = re.compile(r"/ops/static/[\w.-]+\?v=[0-9a-f]{16}", flags=re.ASCII)
_OUTSIDE = re.compile(
    f"{re.escape(TICKET_URL).replace(re.escape('{ticket_id}'), '[0-9]+')}"
    rf"|{re.escape(TEMPORAL_UI_URL)}/namespaces/default/workflows/[\w.%~-]+",
    flags=re.ASCII,
)

Attributes = list[tuple[str, str | None]]


@dataclass(kw_only=True)
class Element:
    """One element of the page, and in order what is in it."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    inside: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return "".join(each if isinstance(each, str) else each.text for each in self.inside)

    def all(self, *tags: str) -> "Iterator[Element]":
        """The elements of such tags within, in the page's order."""
        for each in self.inside:
            if isinstance(each, Element):
                if each.tag in tags:
                    yield each
                yield from each.all(*tags)


@dataclass(kw_only=True)
class Table:
    """Each row of a table by its columns' headings."""

    rows: list[dict[str, str]]

    @classmethod
    def of(cls, table: Element) -> "Table":
        """The table as it is read."""
        headings = [each.text for head in table.all("thead") for each in head.all("th")]
        cells = [[each.text for each in row.all("th", "td")] for body in table.all("tbody") for row in body.all("tr")]
        # A row that data broke has other cells; what is missing is found by whoever looks for it.
        return cls(rows=[dict(zip(headings, row, strict=False)) for row in cells])


@cache
def vocabulary() -> Mapping[tuple[str, str], "list[re.Pattern[str]]"]:
    """By tag and attribute the values that the templates leave room for; under "" whether there is such a tag."""
    found: dict[tuple[str, str], list[re.Pattern[str]]] = defaultdict(list)
    for template in sorted(_TEMPLATES.glob("*.html")):
        read = _Template()
        read.feed(_STATEMENT.sub(_DECIDED, _EXPRESSION.sub(_FILLED, template.read_text())))
        for tag, attribute, value in read.found:
            parts = map(re.escape, _CHOICE.sub(_FILLED, value).split(_FILLED))
            found[tag, attribute].append(re.compile(".*".join(parts), flags=re.DOTALL))
    return found


class _Template(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """A tag with every attribute that it may have."""
        self.found.append((tag, "", ""))
        # Between attributes stands what decides whether one is there.
        named = [(name.strip(_DECIDED), value or "") for name, value in attrs]
        self.found += [(tag, name, value) for name, value in named if name]


class Page(HTMLParser):
    """A page as a tree under `root`; `wrong` says what no template of ours can have made."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.root = Element(tag="")
        self._open = [self.root]
        self.feed(html)
        self.close()
        self.wrong += [f"the page holds <{each.tag}> that is not closed" for each in self._open[1:]]

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """A tag begins."""
        self.wrong += [f"the page holds {what}" for what in _strange(tag, attrs)]
        element = Element(tag=tag, attributes={name: value or "" for name, value in attrs})
        self._open[-1].inside.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """A tag ends: the one that began last."""
        if len(self._open) > 1 and self._open[-1].tag == tag:
            self._open.pop()
        else:
            self.wrong.append(f"the page holds </{tag}> within <{self._open[-1].tag}>")

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if self._open[-1].tag in ("script", "style"):
            self.wrong.append(f"the page holds a {self._open[-1].tag} of its own: {data[:200]!r}")
        self._open[-1].inside.append(data)

    def handle_comment(self, data: str) -> None:
        """No page of ours has a comment."""
        self.wrong.append(f"the page holds a comment: {data[:200]!r}")

    def handle_decl(self, decl: str) -> None:
        """A declaration: the type of the document alone."""
        if decl != "doctype html":
            self.unknown_decl(decl)

    def unknown_decl(self, data: str) -> None:
        """Another declaration."""
        self.wrong.append(f"the page holds a declaration: {data[:200]!r}")

    def handle_pi(self, data: str) -> None:
        """An instruction."""
        self.wrong.append(f"the page holds an instruction: {data[:200]!r}")


def _strange(tag: str, attrs: Attributes) -> Iterator[str]:
    """What is wrong with one tag."""
    known = vocabulary()
    if (tag, "") not in known:
        yield f"<{tag}>"
    if len({name for name, _ in attrs}) != len(attrs):
        yield f"<{tag}> with an attribute twice"
    if tag == "script" and "src" not in dict(attrs):
        yield "<script> without src"
    for name, value in attrs:
        fits = any(pattern.fullmatch(value or "") for pattern in known.get((tag, name), ()))
        leads_away = name in _ADDRESSES and not _is_ours(tag, value or "")
        if not fits or leads_away or _FORBIDDEN.fullmatch(name):
            yield f"<{tag} {name}={value!r}>"


def _is_ours(tag: str, address: str) -> bool:
    if tag in ("script", "link"):
        return bool(_STATIC.fullmatch(address))
    return bool(_OWN.fullmatch(address)) or (tag == "a" and bool(_OUTSIDE.fullmatch(address)))
