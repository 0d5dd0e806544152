"""Phone numbers as the telephony platform writes them, made E.164, or found to be none."""

import re

import phonenumbers

_WITHHELD = frozenset(
    {"anonymous", "anonymousinvalid", "blocked", "callerid", "hidden", "nocallerid", "none", "notavailable", "null"}
    | {"outofarea", "private", "privatenumber", "restricted", "unavailable", "undefined", "unknown", "unknownnumber"}
    | {"withheld"}
)
# The words ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE typed on a keypad, which platforms send as if they
# were numbers. None is assigned; taken as numbers, they would put strangers onto one ticket.
# https://help.twilio.com/articles/223179988
_KEYPAD_WORDS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
_E164 = re.compile(r"\+[0-9]{6,15}")
_URI = re.compile(r"(?:tel|sips?):", re.IGNORECASE)
_SEPARATORS = re.compile(r"\(0\)|[\s().\-/\u00a0\u2010-\u2015]")
_NO_LETTERS = re.compile(r"[\W_]+")


class UnusableNumber(ValueError):
    """There is something, and it is neither a number that can be dialled nor a withheld marker."""


def e164(text: str, region: str | None) -> str | None:
    """The number as E.164; None when the caller withheld it.

    `+` and 6 to 15 digits is taken as it is, whatever the numbering plan; a national number needs `region`
    (two letters). Raises `UnusableNumber`.
    """
    bare = _SEPARATORS.sub("", _user_part(text.strip()))
    if _withheld(bare):
        return None
    if _E164.fullmatch(bare):
        return bare
    if bare.startswith("+") or region is None:
        raise UnusableNumber
    return _national(bare, region)


def _user_part(text: str) -> str:
    uri = _URI.match(text)
    return re.split("[@;]", text[uri.end() :], maxsplit=1)[0] if uri else text


def _withheld(bare: str) -> bool:
    word = _NO_LETTERS.sub("", bare).lower()
    return not word or word in _WITHHELD or bare in _KEYPAD_WORDS or set(word) == {"0"}


def _national(bare: str, region: str) -> str:
    try:
        number = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        raise UnusableNumber from None
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(number) or not _E164.fullmatch(shown):
        raise UnusableNumber
    return shown
