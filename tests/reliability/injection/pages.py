"""The pages of `/ops` under hostile data: each text where it belongs, as text, in elements of our templates alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from tests.e2e.stack import OPS_TOKEN, Stack, eventually
from tests.e2e.webhooks import Json
from tests.reliability.injection.calls import Call
from tests.reliability.injection.markup import Element, Page, Table
from tests.reliability.injection.texts import cleaned

_POLICY = ("default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "base-uri 'none'")
_CUT_BELOW = 230
"""Bytes of HTML that no cell is too narrow for."""

Told = Mapping[str, Json]
"""What `GET /calls/{call_id}` says of each call."""


class Reader:
    """Reads pages as an operator; what is wrong with any of them gathers in `wrong`."""

    def __init__(self, stack: Stack, calls: Sequence[Call]) -> None:
        self._stack, self._calls = stack, calls
        self.wrong: list[str] = []
        self.count = 0

    def get(self, path: str) -> Page:
        """One page, held against the templates and against every text that was sent."""
        bearer = {"Authorization": f"Bearer {OPS_TOKEN}"}
        answer = self._stack.http.get(f"http://127.0.0.1:{self._stack.gateway_port}{path}", headers=bearer)
        self.count += 1
        policy = answer.headers.get("content-security-policy", "")
        if answer.status_code != 200 or any(part not in policy for part in _POLICY) or "unsafe" in policy:
            self.wrong.append(f"{path} is answered {answer.status_code} with the policy {policy!r}")
        page = Page(answer.text)
        self.wrong += [f"{path}: {what}" for what in (*page.wrong, *unescaped(answer.text, self._calls))]
        return page

    def live(self) -> list[dict[str, str]]:
        """The rows of *Live*, from the newest to the oldest."""
        rows: list[dict[str, str]] = []
        path = "/ops"
        while path:
            page = self.get(path)
            rows += rows_of(page)
            links = [
                link for each in page.root.all("p") if each.attributes.get("id") == "older" for link in each.all("a")
            ]
            path = links[0].attributes["href"] if links else ""
        return rows


def read(stack: Stack, calls: Sequence[Call], told: Told, stuck: Sequence[Call]) -> tuple[int, list[str]]:
    """Every page that shows one of these calls, `stuck` being those that need a person: how many, what is wrong."""
    reader = Reader(stack, calls)
    in_need = f"{len(stuck)} calls need a person."
    eventually(lambda: in_need in Reader(stack, stuck).get("/ops/attention").root.text)
    reader.wrong += listed("Live", reader.live(), calls, told, agent_and_customer)
    reader.wrong += listed("Needs attention", rows_of(reader.get("/ops/attention")), stuck, told, agent_or_customer)
    for call in calls:
        reader.wrong += account(reader.get(f"/ops/calls/{call.call_id}"), call, told[call.call_id])
    return reader.count, reader.wrong


def unescaped(html: str, calls: Sequence[Call]) -> Iterator[str]:
    """No text that means something in HTML stands in a page as it was sent."""
    sent = {text for call in calls for text in (*call.fields.values(), *map(str, call.record.values()))}
    addresses = {text for call in calls for text in (call.email, call.recording_url)}
    for text in sorted({cleaned(text) or "" for text in sent | addresses}):
        if escape(text) != text and text in html:
            yield f"the page holds {text[:200]!r} as it was sent"


def rows_of(page: Page) -> list[dict[str, str]]:
    """The rows of all its tables."""
    return [row for table in page.root.all("table") for row in Table.of(table).rows]


def listed(
    page: str,
    rows: Sequence[dict[str, str]],
    calls: Sequence[Call],
    told: Told,
    cells: Callable[[Json], dict[str, str]],
) -> Iterator[str]:
    """One row for each call and none for others, with its people in it."""
    found = [row.get("Call", "") for row in rows]
    if sorted(found) != sorted(call.call_id for call in calls):
        yield f"{page} shows the calls {found}, not those that were made"
        return
    shown = dict(zip(found, rows, strict=True))
    for call in calls:
        for name, text in cells(told[call.call_id]).items():
            if not is_shown(cell := shown[call.call_id].get(name, ""), text):
                yield f"{call.kind}: {page} shows {name} as {cell!r}, not {text!r}"


def is_shown(found: str, text: str) -> bool:
    """Whether a cell holds the text, or says that it holds its beginning."""
    cut = found.endswith("…") and len(escape(found).encode()) > _CUT_BELOW and text.startswith(found[:-1])
    return found == text or cut


def agent_and_customer(told: Json) -> dict[str, str]:
    """What *Live* shows of the people in a call."""
    return {"Agent": _agent(told), "Customer": ", ".join(_customer(told)) or "anonymous"}


def agent_or_customer(told: Json) -> dict[str, str]:
    """What *Needs attention* shows of them: one way to reach the customer."""
    return {"Agent": _agent(told), "Customer": next(iter(_customer(told)), "")}


def _agent(told: Json) -> str:
    agent = told["agent"] or {}
    return str(agent.get("name") or agent.get("id") or "")


def _customer(told: Json) -> list[str]:
    return [told["customer"][name] for name in ("email", "phone") if told["customer"].get(name)]


def account(page: Page, call: Call, told: Json) -> Iterator[str]:
    """A call's own page: its facts, and its drawing."""
    facts = {each.text: fact.text for block in page.root.all("div") for each, fact in _fact(block)}
    name, agent_id = ((told["agent"] or {}).get(key) for key in ("name", "id"))
    pops = [f"for {pop['agent_id'] or 'an unnamed agent'}" for pop in told["screen_pops"]]
    for label, text in (
        ("Agent", " ".join(filter(None, (name, agent_id))) or "unnamed"),
        ("Customer", ", ".join(_customer(told)) or "anonymous"),
    ):
        if facts.get(label) != text:
            yield f"{call.kind}: its page shows {label} as {facts.get(label)!r}, not {text!r}"
    if any(pop not in facts.get("Screen pops", "") for pop in pops):
        yield f"{call.kind}: its page shows the screen pops as {facts.get('Screen pops')!r}"
    titles = [each.text for drawing in page.root.all("svg") for each in drawing.all("title")]
    if titles[:1] != [f"Timeline of call {call.call_id}"]:
        yield f"{call.kind}: its page has no drawing of it"


def _fact(block: Element) -> Iterator[tuple[Element, Element]]:
    inside = [each for each in block.inside if isinstance(each, Element)]
    if [each.tag for each in inside] == ["dt", "dd"]:
        yield inside[0], inside[1]
