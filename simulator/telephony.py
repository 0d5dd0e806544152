"""The telephony platform at work: plays scripts and repeats each webhook until it is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx2 as httpx

from simulator.calls import Call, Calls, Delivery
from simulator.scripts import Cue, Play, cues
from simulator.webhook import event_body, signed_headers

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_WORTH_ANOTHER_TRY = (408, 425, 429)


class Telephony:
    """Plays in the background; what was sent and answered is kept with each call."""

    def __init__(self, calls: Callable[[], Calls], clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._playing: set[asyncio.Task[None]] = set()

    def play(self, play: Play) -> list[str]:
        """Begins a script; the ids of its calls."""
        script = cues(play)
        begun = self._clock()
        calls = {cue.call_id: self._calls().obtain(cue.call_id) for cue in script}
        for call_id, call in calls.items():
            call.script, call.customer, call.started_at = play.script, play.customer, begun
            call.finished = False
            own = [cue for cue in script if cue.call_id == call_id]
            task = asyncio.create_task(self._play_call(play, call, own, begun))
            self._playing.add(task)
            task.add_done_callback(self._playing.discard)
        return list(calls)

    async def stop(self) -> None:
        """Ends what is being played."""
        playing = list(self._playing)
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    async def close(self) -> None:
        """Ends everything, connections too."""
        await self.stop()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _play_call(self, play: Play, call: Call, script: list[Cue], begun: float) -> None:
        async with asyncio.TaskGroup() as deliveries:
            for cue in script:
                await asyncio.sleep(max(0.0, begun + cue.wait_s - self._clock()))
                event_id = f"{call.id}.{cue.name}.{script.index(cue)}" if play.event_ids else None
                body = event_body(cue.event, begun + cue.happened_s, cue.data, event_id)
                sent = [deliveries.create_task(self._deliver(play, call, cue.event, body)) for _ in range(cue.copies)]
                if play.script == "out_of_order":
                    # Only what was acknowledged has certainly arrived before the next.
                    await asyncio.wait(sent)
        call.finished = True

    async def _deliver(self, play: Play, call: Call, event: str, body: bytes) -> None:
        pause, give_up_at, attempt = _FIRST_PAUSE_S, self._clock() + play.give_up_s, 0
        while True:
            attempt += 1
            delivery = Delivery(event=event, attempt=attempt, sent_at=self._clock())
            call.deliveries.append(delivery)
            retry_after = await self._send(play, body, delivery)
            if delivery.status is not None and 200 <= delivery.status < 300:
                return
            if _refused(delivery.status) or self._clock() >= give_up_at:
                call.gave_up.append(event)
                return
            await asyncio.sleep(max(pause, min(retry_after, _LONGEST_PAUSE_S)))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _send(self, play: Play, body: bytes, delivery: Delivery) -> float:
        """One attempt, recorded; the seconds the receiver asked to be left alone."""
        retry_after = ""
        try:
            headers = signed_headers(play.secret, body, delivery.sent_at)
            response = await self._http().post(play.webhook_url, content=body, headers=headers)
            delivery.status = response.status_code
            delivery.answer = _json_or_text(response)
            retry_after = response.headers.get("Retry-After", "")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            delivery.error = type(error).__name__
        delivery.answered_at = self._clock()
        return float(retry_after) if retry_after.isdigit() else 0.0

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=10.0, follow_redirects=False, trust_env=False)
        return self._client


def _refused(status: int | None) -> bool:
    return status is not None and 300 <= status < 500 and status not in _WORTH_ANOTHER_TRY


def _json_or_text(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text[:500]
