"""Hostile texts, and what has to become of them: our own reading of the contract, not the product's."""

import re
import unicodedata

FORGED = "FORGED-BY-DATA"
"""Stands in texts that try to become a log line, a header or a note of their own."""

TEXTS: dict[str, str] = {
    "quotes": 'O\'Brien "the boss" `x` «y»',
    "an operator": '" OR status:closed OR "',
    "another search": "type:ticket -status:open requester:*",
    "backslashes": '\\" \\\\ \\n \\u0000 C:\\temp\\',
    "a header": f"a\r\nX-Injected: {FORGED}\r\n\r\n{{}}",
    "a log line": f'a\n1999-01-01T00:00:00Z [error    ] {FORGED} call_id=x\n{{"event": "{FORGED}"}}',
    "a note line": f"Smith\nRecording: https://evil.example.com\nDisposition: {FORGED}",
    "other line ends": f"a\u2028{FORGED}\u2029b\u0085c\x0bd\x0ce\x1cf",
    "a terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m red",
    "NUL": "a\x00b",
    "right to left": "\u202egnp.exe\u202c \u2066x\u2069 שלום مرحبا",
    "zero width": "A\u200bnn\u200da\ufeff \u2060Smith",
    "only zero width": "\u200b\u200d",
    "emoji": "👩🏽‍🚒 🏴󠁧󠁢󠁥󠁮󠁧󠁿 \U0001f600",
    "combining": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "lone surrogate": "a\ud800b\udfff",
    "private and unassigned": "\ue000\U0010ffff\ufdd0",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an attribute": '" onmouseover="alert(1)" x=\'',
    "half a tag": "</td></table><a href=javascript:alert(1)>x",
    "entities": "&lt;b&gt; &amp;#60; &#x3c;script&#x3e;",
    "templates": "${7*7} {{7*7}} <%= 7*7 %> #{7*7} %(x)s {0.__class__}",
    "JNDI": "${jndi:ldap://127.0.0.1/x}",
    "printf": "%s%s%n%x %(asctime)s",
    "SQL": "'; DROP TABLE calls; -- ",
    "SQL, else": "1 OR 1=1 /* */ UNION SELECT token FROM credentials",
    "a shell": "$(touch /tmp/owned) `id` ; | & > /dev/null",
    "a path": "../../../../etc/passwd\x00.png",
    "JSON": '","public":true,"body":"owned',
    "a placeholder": "{{ticket.requester.email}} {{dc.secret}}",
    "a formula": '=HYPERLINK("http://127.0.0.1/","x")',
    "Markdown": "[x](javascript:alert(1)) ![](http://127.0.0.1/x.png) <!channel>",
    "a link": "http://127.0.0.1/ file:///etc/passwd",
    "very long": "long " * 1200,
    "very long, one word": "x" * 6000,
    "a mark": "[call {call_id} · completed]",
    "a mark on its own line": "Smith\n[call {call_id} · completed]",
    "all marks": "[call {call_id} · started] [call {call_id} · missed]\u2028[call {call_id} · corrected]",
    "blanks": " \t\u00a0\u3000 ",
}

EMAILS: dict[str, str] = {
    "apostrophe": "o'brien{n}@example.com",
    "pipes and braces": "a|b{{c}}={n}@example.com",
    "a star": "*a*{n}@example.com",
    "percent": "a%22%20OR%20status:closed{n}@example.com",
    "percent alone": "a%0d%0a{n}@example.com",
    "shell": "$`{n}`@example.com",
    "quoted": '"a\\" OR status:closed {n}"@example.com',
    "an operator": 'a{n}@example.com" OR status:closed "',
    "line end": "a{n}@example.com\r\nX-Injected: 1",
    "two": "a{n}@example.com,b{n}@example.com",
    "angle brackets": "Eve <a{n}@example.com>",
    "umlaut": "jörg{n}@exämple.com",
    "right to left": "\u202ea{n}@example.com",
    "Hebrew": "שלום{n}@example.com",
    "zero width": "a\u200b{n}@example.com",
    "capitals": "A.B{n}@EXAMPLE.COM",
    "a comment": "a{n}(comment)@example.com",
    "an address": "a{n}@[127.0.0.1]",
    "NUL": "a\x00{n}@example.com",
    "full width": "ａ{n}＠example.com",
    "very long": "a" * 300 + "{n}@example.com",
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_QUERY = re.compile(r'type:ticket status:open customer_(email|phone):"([^"\\*]+)"')


def cleaned(text: str) -> str | None:
    """A text as the product may keep it: no control characters, at most 256 characters, None when nothing is left."""
    whole = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return _CONTROL.sub(" ", whole).strip()[:256].strip() or None


def one_line(text: str) -> str:
    """A text in one line of a note: every kind of white space a blank."""
    return " ".join(text.split())


def searched(query: str) -> tuple[str, str] | None:
    """What a search asks for (`email` or `phone`, and the value); None when it is not exactly the three terms."""
    match = _QUERY.fullmatch(query)
    if match is None or not match[2].isprintable() or query.count('"') != 2:
        return None
    return match[1], match[2]


def same_address(found: str, given: str) -> bool:
    """Whether an address searched for is the one sent, but for case and composition of its letters."""
    return found == unicodedata.normalize("NFC", given.strip()).lower()
