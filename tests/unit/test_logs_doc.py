"""`docs/logs.md` names every log event of gateway and worker, with its level, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "logs.md").read_text()
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
IN_WORKFLOWS = ("workflows/call.py", "workflows/lanes.py", "workflows/token.py")
"""Their lines have no name: a workflow's code is not changed for a log."""

Names = set[tuple[str, str]]


def documented(heading: str) -> Names:
    """Names and levels in the table under a heading."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE))


def calls(source: str) -> Iterator[ast.Call]:
    """Every call in a module."""
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def level_of(call: ast.Call) -> str | None:
    """The level, if this writes a log line."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in LEVELS:
        return None
    target = ast.unparse(call.func.value)
    return LEVELS[call.func.attr] if re.fullmatch(r"(self\.)?_?log(ger)?|workflow\.logger", target) else None


def text(node: ast.expr) -> str | None:
    """A plain text, None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def gateway_events(source: str) -> Names:
    """Events of structlog; those of the two helpers have the helper's level."""
    found: Names = set()
    for call in calls(source):
        level, name = level_of(call), ast.unparse(call.func)
        if level is not None and (event := text(call.args[0])) is not None:
            found.add((event, level))
        elif name == "Sparing" and (event := text(call.args[1])) is not None:
            found.add((event, "warning"))
        elif name == "self._say" and (event := text(call.args[0])) is not None:
            found.add((event, "error" if event == "keys_do_not_fit" else "warning"))
    return found


def worker_actions(source: str) -> Names:
    """Actions in `extra`, given there or as fields made just before; a line without one is `("", level)`."""
    found: Names = set()
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            made: str | None = None
            for node in sorted((n for n in ast.walk(function) if hasattr(n, "lineno")), key=lambda n: n.lineno):
                made = _action(node) or made
                if isinstance(node, ast.Call) and (level := level_of(node)) is not None:
                    extra = next((each.value for each in node.keywords if each.arg == "extra"), None)
                    given = [a for inner in ast.walk(extra) if (a := _action(inner))] if extra is not None else []
                    found.add((given[0] if given else (made or "") if extra is not None else "", level))
    return found


def _action(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Dict):
        return None
    pairs = ((key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None)
    return next((text(value) for key, value in pairs if text(key) == "action"), None)


def test_every_event_of_the_gateway_is_explained() -> None:
    """With its level."""
    found: Names = set().union(*(gateway_events(file.read_text()) for file in (ROOT / "api").rglob("*.py")))
    assert found == documented("Gateway")


def test_every_action_of_a_worker_is_explained() -> None:
    """With its level; no line is without a name, but those of workflows."""
    files = [
        ROOT / "worker.py",
        *(file for name in ("activities", "workflows") for file in (ROOT / name).rglob("*.py")),
    ]
    named = [file for file in files if file.relative_to(ROOT).as_posix() not in IN_WORKFLOWS]
    found: Names = set().union(*(worker_actions(file.read_text()) for file in named))
    assert found == documented("Worker")


def test_lines_without_a_name_are_quoted() -> None:
    """What a workflow says is on the page in its own words."""
    page = " ".join(PAGE.split())
    said = [
        sentence
        for name in IN_WORKFLOWS
        for call in calls((ROOT / name).read_text())
        if level_of(call) is not None and (sentence := text(call.args[0]))
    ]
    assert len(said) == 3
    assert [sentence for sentence in said if f"`{sentence}`" not in page] == []


def test_planted_lines_are_found() -> None:
    """The readers see what they are there to see."""
    assert gateway_events("log.info('planted', a=1)\nSparing(get_logger('x'), 'rare')") == {
        ("planted", "info"),
        ("rare", "warning"),
    }
    source = "def f():\n    fields = {'action': 'made'}\n    log.error('x', extra=fields)\n    log.warning('nameless')"
    assert worker_actions(source) == {("made", "error"), ("", "warning")}
