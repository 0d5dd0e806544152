"""Schemas of the OpenAPI document as words and tables."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_REF = "#/components/schemas/"


def name_of(schema: Schema) -> str | None:
    """The record that a schema refers to."""
    return str(schema["$ref"]).removeprefix(_REF) if "$ref" in schema else None


def resolved(schema: Schema, records: Mapping[str, Schema]) -> Schema:
    """The schema itself, or the record it refers to."""
    name = name_of(schema)
    return records[name] if name is not None else schema


def words(schema: Schema, records: Mapping[str, Schema]) -> str:
    """What a value may be: `text, 1 to 128 characters`, `list of [Step](#step)`, with `or null` where it may be."""
    if (name := name_of(schema)) is not None:
        record = records[name]
        return words(record, records) if "properties" not in record else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(words(each, records) for each in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kinds = schema.get("type", "anything")
    return " or ".join(_plain(kind, schema, records) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _plain(kind: str, schema: Schema, records: Mapping[str, Schema]) -> str:
    match kind:
        case "string":
            return "text" + _bounds(schema, "minLength", "maxLength", " characters")
        case "integer":
            return "whole number" + _bounds(schema, "minimum", "maximum", "")
        case "boolean":
            return "`true` · `false`"
        case "array":
            return f"list of {words(schema['items'], records)}"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {words(schema['additionalProperties'], records)} by name"
        case _:
            return kind


def _bounds(schema: Schema, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    # The largest number of all is no bound worth telling.
    if high is None or high > 10**15:
        return "" if not low else ", not empty" if unit else f", at least {low:g}"
    return f", {low:g} to {high:g}{unit}" if low else f", at most {high:g}{unit}"


def fields(schema: Schema, records: Mapping[str, Schema], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Each field with what it may be and what it means; those of objects inside by their path."""
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        shown = f"`{path}{name}`" + (" *" if name in required else "")
        yield shown, words(each, records), _meaning(each)
        yield from fields(each, records, f"{path}{name}.")
        if isinstance(each.get("items"), Mapping) and "properties" in each["items"]:
            yield from fields(each["items"], records, f"{path}{name}[].")


def _meaning(schema: Schema) -> str:
    told = [str(schema.get("description", "")).strip()]
    if schema.get("default"):
        told.append(f"Unless given: `{schema['default']}`.")
    return " ".join(filter(None, told))


def example(schema: Schema, records: Mapping[str, Schema]) -> Any | None:  # noqa: ANN401 - any JSON
    """A schema's example, or its record's, whole: the document leaves out what is null."""
    schema = resolved(schema, records)
    given = schema["example"] if "example" in schema else next(iter(schema.get("examples", ())), None)
    return None if given is None else _whole(given, schema, records)


def _whole(given: Any, schema: Schema, records: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - any JSON
    schema = resolved(schema, records)
    if isinstance(given, list):
        return [_whole(each, schema.get("items", {}), records) for each in given]
    if not isinstance(given, Mapping):
        return given
    known = schema.get("properties", {})
    needed = [name for name in known if name in given or name in schema.get("required", ())]
    ordered = {name: _whole(given.get(name), known[name], records) for name in needed}
    return {**ordered, **{name: value for name, value in given.items() if name not in known}}


def as_json(value: object) -> str:
    """JSON for the page: small objects inside others on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r"\{\s+([^{}\[\]]{1,90}?)\s+\}", lambda found: "{" + re.sub(r"\s*\n\s*", " ", found[1]) + "}", text)


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """A table in Markdown; a bar would end a cell."""
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
