"""What came of a cell, beside what had to come of it."""

from dataclasses import asdict, dataclass, field

from tests.e2e.webhooks import Json
from tests.reliability.matrix.cell import Cell
from tests.reliability.matrix.effects import Effects, effects_of
from tests.reliability.matrix.play import Play

_TOLERANCE_S = 0.05


@dataclass(kw_only=True)
class Outcome:
    """A cell that was played. `asked`: when the vendor was asked, epoch seconds; `failed`: why it got not so far."""

    cell: Cell
    play: Play
    after: int = 0
    """The number of the last request before the fault was put in force."""
    until: int = 0
    """The number of the last request when the call was over."""
    not_before: float | None = None
    failed: str | None = None
    asked: list[float] = field(default_factory=list)
    exchanges: int | None = None
    """Token exchanges meanwhile, where nobody else was at work."""
    effects: Effects = field(default_factory=Effects)

    def count(self, books: Json, journal: list[Json]) -> None:
        """Fill in what the vendor knows."""
        scene, call_id = self.cell.scene, self.play.call_id
        beginning = "token." if scene.kind == "token" else f"{call_id}.{scene.request_step}"
        self.asked = [
            request["at"]
            for request in journal
            if request["kind"] == scene.kind
            and (request["request_id"] or "").startswith(beginning)
            and (scene.kind != "token" or self.after < request["n"] <= self.until)
        ]
        if self.cell.fault.status == 401 and self.cell.alone and scene.kind != "token":
            exchanged = [r for r in journal if r["kind"] == "token" and self.after < r["n"] <= self.until]
            self.exchanges = len(exchanged)
        self.effects = effects_of(books, call_id, self.play.email, self.play.last.get("ticket_id"))

    def mismatches(self) -> list[str]:
        """Everything that is not as the contract wants it."""
        if self.failed is not None:
            return [self.failed]
        return [*self._of_effects(), *self._of_requests(), *self._of_account()]

    def _of_effects(self) -> list[str]:
        wanted, found = asdict(self.cell.effects), asdict(self.effects)
        return [f"{name}: {found[name]} instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]

    def _of_requests(self) -> list[str]:
        expected, wrong = self.cell.expected, []
        if len(self.asked) != expected.sent and not (expected.more and len(self.asked) > expected.sent):
            wrong.append(f"sent {len(self.asked)} times instead of {expected.sent}")
        apart = [later - earlier for earlier, later in zip(self.asked, self.asked[1:], strict=False)]
        if min(apart, default=expected.apart_s) < expected.apart_s - _TOLERANCE_S:
            wrong.append(f"asked again after {min(apart):.2f} s instead of {expected.apart_s:g}")
        if self.not_before is not None and any(at < self.not_before - _TOLERANCE_S for at in self.asked[1:]):
            wrong.append("asked again before the date the vendor named")
        if self.exchanges not in (None, 1):
            wrong.append(f"{self.exchanges} tokens exchanged instead of 1")
        return wrong

    def _of_account(self) -> list[str]:
        expected, status, wrong = self.cell.expected, self.play.last, []
        row = self.play.row(first=self.cell.scene.first)
        pops = [pop["state"] for pop in status["screen_pops"]]
        seen = {
            "call": (status["state"], "completed"),
            "step": (row.get("state"), expected.state),
            "needs_attention": (status["needs_attention"], expected.attention),
            "screen pops": (pops, [expected.pop]),
        }
        wrong += [
            f"{name}: {found!r} instead of {wanted!r}" for name, (found, wanted) in seen.items() if found != wanted
        ]
        if not self.words():
            wrong.append(f"nothing said {self.wanted_words!r}, but {sorted(self.play.said)!r}")
        if expected.meanwhile is not None and expected.meanwhile not in self.play.states | {self.play.from_history}:
            wrong.append(f"never seen {expected.meanwhile}, but {sorted(self.play.states)}")
        return wrong

    @property
    def wanted_words(self) -> str:
        """A part of what has to be said."""
        return self.cell.expected.says.format(step=self.cell.scene.step)

    def words(self) -> list[str]:
        """What was said of the fault, the shortest first; `[""]` where nothing has to be."""
        said = sorted((text for text in self.play.said if self.wanted_words in text), key=len)
        return said if self.wanted_words else [""]
