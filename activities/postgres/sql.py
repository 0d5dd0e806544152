"""The statements of `queries.sql`, by name, read once."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_HEADING = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)
_INCLUDE = re.compile(r"\{\{([a-z_]+)\}\}")
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Statements by name, comments gone, other blocks taken in. Raises `KeyError` for one that is not there."""
    parts = _HEADING.split(text)[1:]
    blocks = {name: _COMMENT.sub("", body).strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}

    def whole(name: str) -> str:
        return _INCLUDE.sub(lambda found: whole(found[1]), blocks[name])

    return {name: whole(name) for name in blocks}


QUERIES: Mapping[str, str] = MappingProxyType(parse(Path(__file__).with_name("queries.sql").read_text()))
