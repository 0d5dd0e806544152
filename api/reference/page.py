"""The page: who may use what, each endpoint, the records in their answers, and every problem."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.problems import KINDS, SIGN_IN, SIGNATURE_REFUSED, Kind
from api.reference.mending import MENDS, kinds_of
from api.reference.schema import Schema, as_json, example, fields, name_of, resolved, table, words

_INTRODUCTION = """# The gateway's API

`python -m api` serves it on `API_HOST` and `API_PORT` (`http://127.0.0.1:8080`), in plain HTTP: a TLS proxy belongs
before it. This page is made from the OpenAPI document that each gateway serves at `/openapi.json` and shows at `/docs`;
both are open. `python -m api.reference > docs/api.md` makes it anew.

- **Tokens** are shown as `Authorization: Bearer …`. A browser signed in at `/ops` may use its cookie instead.
- **Bodies** are JSON in UTF-8, in both directions. Moments are RFC 3339 in UTC.
- **A call's id** is percent-encoded in addresses. Customer data never stands in one: to look for a customer, there is
  `POST /calls/search`.
- **Customer data** in answers is masked: `u•••@example.com`, `+1555•••00`.
- **Refusals** are problem documents (RFC 9457, `application/problem+json`) with `type`, `title`, `status` and,
  where there is more to say, `detail`. The name in `type`, after `urn:talkbridge:problem:`, does not change; texts may.
  [Problems](#problems) tells what to do about each.
- **No answer is cached**: each says `Cache-Control: no-store`.

`/ops` is the page for operations and no part of this: it is for people, and may change.
"""
_PROBLEMS = """## Problems

Every answer from 400 on is one of these. Those without an endpoint above may meet any request.
"""
_SIGNER = "whoever signs it with one of `WEBHOOK_SECRETS`"
_HEADINGS = {"webhooks": "Webhooks", "calls": "Calls", "operations": "Temporal UI", "health": "Watching"}
_VALUES = {"{call_id}": "c-1234567890"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the document."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`GET /calls`."""
        return f"{self.method.upper()} {self.path}"

    @property
    def problems(self) -> list[Kind]:
        """The refusals it declares."""
        return [kind for answer in self.told["responses"].values() for kind in kinds_of(answer["description"])]

    @property
    def body(self) -> Schema | None:
        """The schema of its body."""
        content = self.told.get("requestBody", {}).get("content", {})
        found: Schema | None = content.get("application/json", {}).get("schema")
        return found

    def parameters(self, place: str) -> list[Schema]:
        """Its parameters in `path`, `query` or `header`."""
        return [each for each in self.told.get("parameters", ()) if each["in"] == place]


def page(document: Mapping[str, Any]) -> str:
    """`docs/api.md`."""
    records = document["components"]["schemas"]
    found = [Endpoint(method=method, path=path, told=told) for path, method, told in _operations(document)]
    found.sort(key=lambda each: [*_HEADINGS].index(each.told["tags"][0]))
    parts, shown = [_INTRODUCTION, *_who(found)], dict[str, Endpoint]()
    for tag, heading in _HEADINGS.items():
        parts += [f"## {heading}", ""]
        for endpoint in found:
            if endpoint.told["tags"] == [tag]:
                parts += _endpoint(endpoint, records, shown)
    parts += [*_records(records), _PROBLEMS, *_problems()]
    return "\n".join(parts).rstrip() + "\n"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    # In the document they stand as they are matched; for people the shorter ones come first.
    for path, operations in sorted(document["paths"].items(), key=lambda each: (each[0].count("/"), "{" in each[0])):
        for method, told in operations.items():
            yield path, method, told


def users(endpoint: Endpoint) -> str:
    """Who may use it, as its own refusals and the gateway's kinds of problem tell."""
    names = {kind.name for kind in endpoint.problems}
    if SIGNATURE_REFUSED.name in names:
        return _SIGNER
    if SIGN_IN.name not in names:
        return "anybody"
    # An endpoint that only operators may use says so; where readers exist, they may use the others.
    readers = "read-only" not in names and any(kind.name == "read-only" for kind in KINDS)
    return "`OPS_TOKEN` or `OPS_TOKEN_READONLY`" if readers else "`OPS_TOKEN`"


def _who(found: list[Endpoint]) -> Iterator[str]:
    yield from ("## Who may use what", "")
    rows = ((f"[`{each.name}`](#{_anchor(each.name)})", each.told["summary"], users(each)) for each in found)
    yield from (*table(("Endpoint", "What it is for", "Who may"), rows), "")


def _anchor(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def _endpoint(endpoint: Endpoint, records: Mapping[str, Schema], shown: dict[str, Endpoint]) -> Iterator[str]:
    """`shown`: which endpoint's answer a record was shown with; it is shown once."""
    told = endpoint.told
    yield from (f"### `{endpoint.name}`", "", _sentences(told), "")
    yield from (f"**Who may:** {users(endpoint)}.", "")
    yield from (*_request(endpoint, records), "")
    for place, heading in (("path", "In the address"), ("query", "In the query"), ("header", "Header")):
        if given := endpoint.parameters(place):
            yield from (*table((heading, "Value", "Meaning"), (_parameter(each, records) for each in given)), "")
    if endpoint.body is not None:
        rows = fields(endpoint.body, records)
        yield from (*table(("In the body (* needed)", "Value", "Meaning"), rows), "")
    for status, answer in told["responses"].items():
        if int(status) < 400:
            yield from _answer(endpoint, status, answer, records, shown)
    yield from _refusals(endpoint)


def _sentences(told: Mapping[str, Any]) -> str:
    summary = str(told["summary"])
    return f"{summary}{'' if summary.endswith('?') else '.'} {told['description']}"


def _request(endpoint: Endpoint, records: Mapping[str, Schema]) -> Iterator[str]:
    path = endpoint.path
    for part, value in _VALUES.items():
        path = path.replace(part, value)
    chosen = [(each["name"], value) for each in endpoint.parameters("query") for value in _choices(each, records)[:1]]
    query = "".join(f"?{name}={value}" for name, value in chosen[:1])
    yield from ("```http", f"{endpoint.method.upper()} {path}{query}")
    if "security" in endpoint.told:
        yield "Authorization: Bearer …"
    yield from (f"{each['name']}: …" for each in endpoint.parameters("header"))
    if endpoint.body is not None and (shown := example(endpoint.body, records)) is not None:
        yield from ("Content-Type: application/json", "", as_json(shown))
    yield "```"


def _choices(parameter: Schema, records: Mapping[str, Schema]) -> list[str]:
    schemas = parameter["schema"].get("anyOf", [parameter["schema"]])
    return [value for each in schemas for value in resolved(each, records).get("enum", ())]


def _parameter(parameter: Schema, records: Mapping[str, Schema]) -> tuple[str, str, str]:
    schema = parameter["schema"]
    # That it may be left out says the same as null, which no address can hold.
    value = words(schema, records).removesuffix(" or null")
    default = f" Unless given: `{schema['default']}`." if schema.get("default") is not None else ""
    return f"`{parameter['name']}`", value, parameter.get("description", "") + default


def _answer(
    endpoint: Endpoint, status: str, answer: Schema, records: Mapping[str, Schema], shown: dict[str, Endpoint]
) -> Iterator[str]:
    ((media_type, content),) = answer["content"].items()
    schema = content["schema"]
    choices = schema.get("anyOf", [schema])
    told = "" if answer["description"] == "Successful Response" else f": {answer['description'].rstrip('.')}"
    named = [f"[{name}](#{name.lower()})" for each in choices if (name := name_of(each)) is not None]
    kind = " or ".join(named) or f"`{media_type}`"
    before = next((shown[name] for each in choices if (name := name_of(each)) in shown), None)
    again = f" As [`{before.name}`](#{_anchor(before.name)}) answers." if before else ""
    yield from (f"**{status}**{told} ({kind}).{again}", "")
    for each in choices:
        if before is None and (value := example(each, records)) is not None:
            shown[name_of(each) or ""] = endpoint
            yield from ("```json", as_json(value), "```", "")


def _refusals(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.problems:
        named = ", ".join(f"{kind.status} [`{kind.name}`](#problems)" for kind in endpoint.problems)
        yield from (f"**Refused with** {named}.", "")


def _records(records: Mapping[str, Schema]) -> Iterator[str]:
    yield from (
        "## Records",
        "",
        "What answers are made of. Fields may be added: whoever reads them skips what is new.",
        "",
    )
    for name, record in records.items():
        if "properties" in record:
            yield from (f"### {name}", "", record.get("description", ""), "")
            rows = fields({**resolved(record, records), "required": ()}, records)
            yield from (*table(("Field", "Value", "Meaning"), rows), "")


def _problems() -> Iterator[str]:
    rows = ((f"`{kind.name}`", str(kind.status), kind.title, MENDS[kind.name]) for kind in KINDS)
    yield from table(("Name", "Status", "Meaning", "What to do"), rows)
