"""What is taken of a customer's record."""

import json

from activities.crm import cut


def test_a_record_of_odd_numbers_is_still_json() -> None:
    """NaN and the infinite are left out, integers of hundreds of digits become texts that can be shortened."""
    record = json.loads('{"a": NaN, "b": 1e400, "c": -Infinity, "d": 1.5, "e": true, "f": ' + "9" * 300 + "}")
    taken = cut(record, ["a", "b", "c", "d", "e", "f", "g"])
    assert taken == {"d": 1.5, "e": True, "f": "9" * 300}
    json.dumps(taken, allow_nan=False)
