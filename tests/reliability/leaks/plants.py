"""What is planted to be looked for: customers nobody else has, and secrets nothing else contains."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

_DOMAIN = "planted.example"
_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer as webhooks name them: email in lower case, phone in E.164, a name."""

    email: str
    phone: str
    name: str

    def spellings(self) -> list[str]:
        """How a vendor may repeat email and phone in its errors."""
        country, area, exchange, line = self.phone[1], self.phone[2:5], self.phone[5:8], self.phone[8:]
        return [
            self.email,
            self.email.upper(),
            self.email.replace("@", "%40"),
            self.email.replace("@", "\\u0040"),
            self.email.replace("@", "&#64;"),
            self.phone,
            f"+{country} {area} {exchange} {line}",
            f"({area}) {exchange}-{line}",
            f"+{country}/{area}/{exchange}/{line}",
            f"%2B{country}%20{area}%20{exchange}%20{line}",
            f"+{country}+{area}+{exchange}+{line}",
        ]


@dataclass(frozen=True, kw_only=True)
class Plants:
    """What must be found nowhere. `texts`: secrets, tokens and names by what they are; compared in lower case."""

    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    texts: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[Person] = (), secrets: Mapping[str, str] | None = None) -> "Plants":
        """These people with their names, and these secrets."""
        known = list(people)
        texts = {what: secret.lower().encode() for what, secret in (secrets or {}).items()}
        for person in known:
            # The part that is the same in every character set.
            texts[f"name of {person.email}"] = person.name.partition(" ")[2].lower().encode()
        return cls(
            emails=frozenset(person.email for person in known),
            phones=frozenset(person.phone for person in known),
            texts=texts,
        )

    @cached_property
    def digests(self) -> Mapping[bytes, str]:
        """The plain SHA-256 of emails and phones: whoever has one can try every number."""
        values = sorted(self.emails | self.phones)
        return {hashlib.sha256(value.encode()).hexdigest().encode(): value for value in values}

    @classmethod
    def read(cls, path: Path) -> "Plants":
        """From JSON: `{"emails": […], "phones": […], "texts": {what: text}}`."""
        given = json.loads(path.read_text())
        texts = {what: str(text).lower().encode() for what, text in given.get("texts", {}).items()}
        emails = frozenset(email.lower() for email in given.get("emails", []))
        return cls(emails=emails, phones=frozenset(given.get("phones", [])), texts=texts)

    def __len__(self) -> int:
        return len(self.emails) + len(self.phones) + len(self.texts) + len(self.digests)

    def __or__(self, other: "Plants") -> "Plants":
        texts = {**self.texts, **other.texts}
        return Plants(emails=self.emails | other.emails, phones=self.phones | other.phones, texts=texts)


def people(random: Random, count: int) -> list[Person]:
    """So many customers; no two share anything, and no number is one that a clock or an id would show."""
    return [_person(random, number) for number in range(count)]


def secret(random: Random, what: str) -> str:
    """A text that stands nowhere else, and tells where it is from: `planted-crm-token-k3…`."""
    return f"planted-{what}-{''.join(random.choices(_SIGNS, k=20))}"


def _person(random: Random, number: int) -> Person:
    word = "".join(random.choices(_SIGNS[:22], k=8))
    # The area code of no country's clock: runs of digits in logs are moments, ids and ports.
    phone = f"+1987{random.randrange(2, 10)}{random.randrange(10**6):06d}"
    return Person(email=f"{word}.{number}@{_DOMAIN}", phone=phone, name=f"Plánted {word.title()} {word[::-1].title()}")
