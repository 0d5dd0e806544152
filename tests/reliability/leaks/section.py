"""The section of docs/reliability.md on leaks, from what the runs found."""

from tests.reliability.leaks.rotation import Rotated
from tests.reliability.leaks.run import Found
from tests.reliability.report import Section, table, zero


def section(found: Found, plain: Found, rotated: Rotated, *, seed: int) -> Section:
    """Places and hits, with the codec and without; the rotation."""
    parts = [_story(found, seed), _places(found, plain), _self_check(plain), _rotation(rotated)]
    return Section(name="leaks", command="make leaks", text="\n\n".join(parts))


def _story(found: Found, seed: int) -> str:
    told = found.told
    return (
        f"{told.calls} calls (seed {seed}), {told.ended} of them ended while it was watched. {told.faults} faults of "
        "the vendors were met, whose errors repeat customer data, the access token, the client secret and the CRM's "
        f"token. {len(told.answers)} answers of the gateway were kept, many to malformed or forged requests with "
        f"customer data in body, address and headers. {found.starts} starts with a wrong setting that has a secret in "
        "it; workers and gateways ended by SIGABRT with the interpreter's own dump on; logs at DEBUG.\n\n"
        f"Planted and looked for: {found.plants} texts (emails, phone numbers, their SHA-256, customers' names, "
        "secrets, keys, tokens), in either case, numbers in any spelling (nine digits in a row are a hit), each as it "
        "is and in base64, hexadecimal, UTF-16, percent-encoded, JSON- and HTML-escaped, up to two of these around "
        f"one another. Found: {zero(len({hit.what for hit in found.hits}), found.plants)}."
    )


def _places(found: Found, plain: Found) -> str:
    hits, without = found.hits_by_kind(), plain.hits_by_kind()
    rows = [
        (kind, f"{size // 1024:,} KiB", hits[kind], without[kind]) for kind, size in found.bytes_by_kind.most_common()
    ]
    return table(["Where", "Looked through", "Planted texts found", "Found with the codec off"], rows)


def _self_check(plain: Found) -> str:
    return (
        f"With the codec off, the same scan after {plain.told.calls} calls finds {len({h.what for h in plain.hits})} "
        f"of {plain.plants} planted texts. A planted log line is found in each of the encodings (`test_leaks.py`). "
        "`python -m tests.reliability.leaks --folder X --n N --seed S` looks through what `make chaos N=N SEED=S "
        "ARGS=--keep=X` kept.\n\n"
        "Not protected, by contract: the name of a customer in a vendor's error (emails and numbers are masked), and "
        "whatever stands in a call id, an event id or an agent's name."
    )


def _rotation(rotated: Rotated) -> str:
    keys = ", ".join(f"{count:,} under {key}" for key, count in sorted(rotated.payloads.items()))
    return (
        f"**Keys rotated while calls are open**: {rotated.calls} calls, {rotated.restarts} restarts one by one: the "
        "new key appended everywhere, then put first everywhere; then a third key, first in the gateway while no "
        "worker had it. Calls that ended wrong, payloads under the wrong key, data of before that could not be read: "
        f"{zero(len(rotated.problems), rotated.calls)}. Payloads of these calls: {keys}. In the wrong order "
        f"{rotated.stood_still} calls stood still, their workers named the key, and they went on once it was appended."
        + "".join(f"\n- {problem}" for problem in rotated.problems)
    )
