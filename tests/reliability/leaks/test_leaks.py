"""Nothing planted is found at rest or in what is printed; and what is there to be found, is found."""

import base64
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from tests.reliability.leaks.__main__ import main
from tests.reliability.leaks.plants import Person, Plants, people, secret
from tests.reliability.leaks.rotation import Rotated
from tests.reliability.leaks.run import Found, look
from tests.reliability.leaks.scan import scan, scan_folder
from tests.reliability.leaks.section import section

PERSON = people(Random(1), 1)[0]
SECRET = secret(Random(2), "token")
PLANTS = Plants.of([PERSON], {"token": SECRET})
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "upper case": lambda text: text.upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 of a part": lambda text: base64.urlsafe_b64encode(b"x" + text.encode() + b"xy"),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "odd hexadecimal": lambda text: b"a" + text.encode().hex().encode(),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "UTF-16, other end first": lambda text: text.encode("utf-16-be"),
    "percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "JSON": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text).encode(),
    "HTML": lambda text: "".join(f"&#{ord(sign)};" for sign in text).encode(),
    "base64 of an address": lambda text: base64.b64encode(quote(text, safe="").encode()),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("what", ["email", "phone", "name", "token"])
def test_a_planted_line_is_found(encoding: str, what: str) -> None:
    """In the middle of other data, in every encoding."""
    text = {"email": PERSON.email, "phone": PERSON.phone, "name": PERSON.name, "token": SECRET}[what]
    line = b"2026-01-01 12:00:00 [info] told \x16" + ENCODINGS[encoding](text) + b"\x00 at 10.0.0.1\n"
    assert [hit.what for hit in scan(line, PLANTS)], line


@pytest.mark.parametrize("spelling", PERSON.spellings())
def test_every_spelling_of_a_customer_is_found(spelling: str) -> None:
    """As vendors and people write it."""
    assert scan(f"no answer for {spelling}, sorry".encode(), PLANTS)


@pytest.mark.parametrize("shown", ["p•••@planted.example", f"{PERSON.phone[:5]}•••{PERSON.phone[-2:]}", "1987", ""])
def test_what_is_masked_is_no_hit(shown: str) -> None:
    """What the status may show is not what was planted."""
    assert scan(shown.encode(), PLANTS) == []


def test_a_folder_of_another_run_can_be_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 when something is there, in a file or in its name, and when nothing is looked for."""
    plants = tmp_path / "plants.json"
    plants.write_text('{"emails": ["A.b@c.example"], "phones": ["+15550100"], "texts": {"key": "Sesame"}}')
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "worker.log").write_text("nothing at +1555•••00")
    monkeypatch.setattr("sys.argv", ["leaks", "--folder", str(kept), "--plants", str(plants)])
    assert main() == 0
    (kept / "worker.log").write_text("b64 " + base64.b64encode(b"open sesame!!").decode())
    (kept / "a.b@c.example.txt").touch()
    assert main() == 1
    found = {(hit.place, hit.what) for hit in scan_folder(kept, Plants.read(plants))}
    assert found == {("worker.log", "key"), ("name of a.b@c.example.txt", "email a.b@c.example")}
    plants.write_text("{}")
    assert main() == 1


async def test_nothing_planted_is_found_anywhere(tmp_path: Path) -> None:
    """Failing vendors, forged requests, crashes and wrong settings leave nothing; without the codec it is all there."""
    found = await look(tmp_path / "encrypted", seed=1, customers=2, starts=2)
    assert [str(hit) for hit in found.hits] == []
    assert found.told.ended == found.told.calls
    assert min(found.told.faults, found.starts, *found.bytes_by_kind.values()) > 0
    plain = await look(tmp_path / "plain", seed=1, customers=1, starts=0, codec=False)
    _assert_found_without_codec(plain)
    text = section(found, plain, Rotated(calls=1, restarts=1), seed=1).markdown()
    assert f"0 of {found.plants:,} (rate <" in text


def _assert_found_without_codec(plain: Found) -> None:
    (person,) = people(Random(1), 1)
    assert isinstance(person, Person)
    found = {hit.what for hit in plain.hits}
    assert {f"email {person.email}", f"phone {person.phone}", f"name of {person.email}"} <= found
    assert {"histories, visibility and descriptions without the codec", "Temporal's database file"} <= set(
        plain.hits_by_kind()
    )
