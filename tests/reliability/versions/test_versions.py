"""Calls that began under one version of the code end under another, on a real Temporal server."""

from tests.reliability.versions.__main__ import good, play, replay


async def test_calls_outlive_the_code_they_began_under() -> None:
    """A guarded change takes over open calls; an unguarded one, and a roll-back, stand still and lose nothing."""
    told = await play(5, "v")
    assert [text for each in told.values() for text in each.wrong] == []
    assert told["upgraded"].patched == 0
    assert told["rolled-back"].patched == told["rolled-back"].calls
    assert good(told, await replay())
