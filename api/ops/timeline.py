"""A call's story as a drawing: where everything stands, for `timeline.svg.html`. Units are those of its view box."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.ops.axis import Axis, Span, axis_over
from api.ops.pieces import EVENTS, Kind, Look, Piece
from api.ops.story import Story
from api.ops.wording import duration

WIDTH = 960
_LEFT, _RIGHT = 172.0, 944.0
_TOP, _LANE, _BOTTOM = 30.0, 38.0, 30.0
_LETTER, _GAP = 7.0, 8.0
"""About as wide as a letter of a label is in a wide font, at 11 units, and what is left free between two labels."""
_LEAST_BAR = 4.0
_GLYPHS = {Look.DONE: "✓", Look.FAILED: "✕", Look.UNKNOWN: "?", Look.NOT_SENT: "–", Look.RUNNING: "▸"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row with its name; `y` is its middle."""

    name: str
    top: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One piece as it is drawn, from `x0` to `x1`. `x`: its moment. `label` stands at `label_x`; empty has no room."""

    kind: str
    look: str
    x0: float
    x1: float
    x: float
    y: float
    title: str
    glyph: str = ""
    label: str = ""
    label_x: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of the axis that is not to scale."""

    x0: float
    x1: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything the template draws. `ticks`: place, its label's begin, label. `now_x`: None once it is over."""

    width: int
    height: float
    lanes: Sequence[Lane]
    shapes: Sequence[Shape]
    cuts: Sequence[Cut]
    ticks: Sequence[tuple[float, float, str]]
    now_x: float | None
    description: str
    left: float = _LEFT
    right: float = _RIGHT


def drawing_of(story: Story, *, going_on: bool) -> Drawing | None:
    """The drawing, None while nothing has happened. `going_on`: the axis reaches to now."""
    if not story.pieces:
        return None
    spans = [span for piece in story.pieces for span in _spans(piece)]
    axis = axis_over([*spans, *([(story.now, story.now)] if going_on else [])], _LEFT, _RIGHT)
    lanes = [_lane(name, number) for number, name in enumerate(story.lanes)]
    return Drawing(
        width=WIDTH,
        height=_TOP + _LANE * len(lanes) + _BOTTOM,
        lanes=lanes,
        shapes=[shape for lane in lanes for shape in _shapes(lane, story.pieces, axis)],
        cuts=[Cut(x0=_round(cut.x0), x1=_round(cut.x1), label=words) for cut, words in axis.cuts()],
        ticks=[(_round(x), _round(axis.label_x(x, label)), label) for x, label in axis.ticks()],
        now_x=_round(axis.x(story.now)) if going_on else None,
        description=description_of(story),
    )


def description_of(story: Story) -> str:
    """The drawing in a sentence."""
    counted = [(kind, sum(piece.kind == kind for piece in story.pieces)) for kind in Kind]
    parts = [f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counted if number]
    first, last = min(piece.start for piece in story.pieces), max(piece.end for piece in story.pieces)
    return f"{', '.join(parts)} within {duration((last - first).total_seconds())}. The table below says the same."


def _spans(piece: Piece) -> list[Span]:
    """What has to be seen of a piece: a request whole, of an event or a wait where it begins and ends."""
    if piece.kind == Kind.REQUEST:
        return [(piece.start, piece.end)]
    return [(piece.start, piece.start), (piece.end, piece.end)]


def _lane(name: str, number: int) -> Lane:
    top = _TOP + _LANE * number
    return Lane(name=name, top=top, y=top + _LANE * 0.62)


def _shapes(lane: Lane, pieces: Sequence[Piece], axis: Axis) -> Iterator[Shape]:
    """The lane's pieces from left to right; waits below, so that no line crosses a bar."""
    own = sorted((piece for piece in pieces if piece.lane == lane.name), key=lambda piece: axis.x(piece.at))
    labels = dict(_labels(own, axis))
    for piece in sorted(own, key=lambda piece: piece.kind != Kind.WAIT):
        x0, x1 = axis.x(piece.start), axis.x(piece.end)
        label, label_x = labels.get(id(piece), ("", 0.0))
        yield Shape(
            kind=piece.kind,
            look=piece.look,
            x0=_round(x0),
            x1=_round(max(x1, x0 + _LEAST_BAR) if piece.kind == Kind.REQUEST else x1),
            x=_round(axis.x(piece.at)),
            y=_round(lane.y),
            title=title_of(piece),
            glyph=_GLYPHS.get(piece.look, ""),
            label=label,
            label_x=_round(label_x),
        )


def title_of(piece: Piece) -> str:
    """What a piece is, in a line: also its tooltip."""
    parts = (f"{piece.what}: {piece.outcome}" if piece.outcome else piece.what, piece.lasted)
    return ", ".join(filter(None, parts))


def _labels(own: Sequence[Piece], axis: Axis) -> Iterator[tuple[int, tuple[str, float]]]:
    """Texts above the lane where there is room, the latest waits first: what is waited for now matters most."""
    taken: list[tuple[float, float]] = []
    for piece in sorted(own, key=lambda piece: (piece.kind != Kind.WAIT, -axis.x(piece.end))):
        for text in _texts(piece):
            wide = len(text) * _LETTER
            middle = (axis.x(piece.start) + axis.x(piece.end)) / 2 if piece.kind == Kind.WAIT else axis.x(piece.at)
            x0 = min(max(middle - wide / 2, _LEFT), _RIGHT - wide)
            if all(x0 + wide + _GAP <= begin or x0 >= end + _GAP for begin, end in taken):
                taken.append((x0, x0 + wide))
                yield id(piece), (text, x0)
                break


def _texts(piece: Piece) -> tuple[str, ...]:
    """The label of a piece, and shorter ones."""
    match piece.kind:
        case Kind.WAIT:
            return (
                piece.what,
                piece.what.removeprefix("waiting").removeprefix(":").removeprefix(" for").strip(),
                piece.lasted,
            )
        case Kind.REQUEST:
            return (f"{_GLYPHS[piece.look]} {piece.outcome}", _GLYPHS[piece.look])
        case _:
            return (
                (piece.what.removeprefix("call.").removesuffix(" received"),) if piece.lane == EVENTS else (piece.what,)
            )


def _round(value: float) -> float:
    return round(value, 1)
