"""Starts that fail: settings that are wrong, with a secret in them; what gateway, worker and `talkbridge` print."""

import base64
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from tests.e2e.process import Process
from tests.e2e.stack import ROOT
from tests.e2e.waiting import eventually
from tests.reliability.leaks.house import House
from tests.reliability.leaks.plants import secret

_SAYS_THE_REST_S = 4.0
_AT_ONCE = 6
_PROGRAMS = {
    "gateway": ["-m", "api"],
    "worker": [str(ROOT / "worker.py")],
    "setup": ["-m", "cli.main", "setup"],
    "settings": ["-m", "cli.main", "settings"],
}
_SECRET = ("DATABASE_URL", "ENCRYPTION_KEYS", "ALERT_WEBHOOK_URL", "ZENDESK_CLIENT_SECRET", "TEMPORAL_API_KEY")
_OF_WORKERS = ("ZENDESK_", "CRM_", "ALERT_", "METRICS_", "CALL_", "SCREEN_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A setting that is wrong, and the secret in it."""

    setting: str
    value: str
    secret: str


def wrong(random: Random, port: int) -> list[Start]:
    """Every setting that may hold a secret, wrong in the ways people get it wrong."""
    return [*_addresses(random, port), *_keys(random), *_others(random)]


def _addresses(random: Random, port: int) -> list[Start]:
    found = []
    # Signs that mean something in an address, unescaped in a password; each part of it is looked for.
    for sign in "/#?@%: []":
        words = secret(random, "database"), secret(random, "password")
        url = f"postgresql://talkbridge:{words[0]}{sign}{words[1]}@127.0.0.1:{port}/talkbridge"
        found += [Start(setting="DATABASE_URL", value=url, secret=word) for word in words]
    word = secret(random, "right-form")
    url = f"postgresql://talkbridge:{word}@127.0.0.1:{port}/talkbridge"
    found.append(Start(setting="DATABASE_URL", value=url, secret=word))
    found.append(Start(setting="DATABASE_URL", value=f"postgres-{word}", secret=word))
    for setting in ("ZENDESK_URL", "CRM_URL", "ALERT_WEBHOOK_URL", "TEMPORAL_UI_URL"):
        for form in ("https://user:{}@host.example", "https://host.example:{}/x", "https://[{}]/", "{}"):
            word = secret(random, setting.lower().replace("_", "-"))
            found.append(Start(setting=setting, value=form.format(word), secret=word))
    return found


def _keys(random: Random) -> list[Start]:
    key = base64.b64encode(random.randbytes(32)).decode()
    short = base64.b64encode(random.randbytes(31)).decode()
    forms = [key, f"k1:{short}", f"k1={key}", f"k1:{key},k1:{key}", f"k1:{key}x", f":{key}", f"stray:{key}"]
    return [Start(setting="ENCRYPTION_KEYS", value=form, secret=short if short in form else key) for form in forms]


def _others(random: Random) -> list[Start]:
    """A secret in the wrong place, or with signs no header can carry."""
    found = []
    for setting in ("API_PORT", "METRICS_PORT", "LOG_LEVEL", "LOG_FORMAT", "CALL_GRACE_S", "WEBHOOK_TOLERANCE_S"):
        word = secret(random, "misplaced")
        found.append(Start(setting=setting, value=word, secret=word))
    for setting in ("ZENDESK_API", "SCREEN_POP_PROPERTIES", "TEMPORAL_ADDRESS", "TEMPORAL_API_KEY", "PHONE_REGION"):
        word = secret(random, "misplaced")
        found.append(Start(setting=setting, value=f"{word}-é\n", secret=word))
    word = secret(random, "refused-client")
    found.append(Start(setting="ZENDESK_CLIENT_SECRET", value=word, secret=word))
    return found


def start_all(house: House, starts: list[Start], programs: tuple[str, ...] = tuple(_PROGRAMS)) -> int:
    """Start every program that reads it with each wrong setting; how many starts that were. Logs are `start-*.log`."""
    given = dict.fromkeys((start.setting, start.value) for start in starts)
    wanted = [(name, *each) for each in given for name in programs if _reads(name, each[0])]
    for at in range(0, len(wanted), _AT_ONCE):
        batch = [
            house.launch(
                f"start-{number:03d}-{name}-{setting.lower()}", _PROGRAMS[name], {"API_PORT": "0", setting: value}
            )
            for number, (name, setting, value) in enumerate(wanted[at : at + _AT_ONCE], start=at)
        ]
        _let_them_speak(batch)
    return len(wanted)


def _start(house: House, number: int, program: str, setting: str, value: str) -> Process:
    name = f"start-{number:03d}-{program}-{setting.lower()}"
    return house.launch(name, _PROGRAMS[program], {"API_PORT": "0", setting: value})


def _let_them_speak(running: list[Process]) -> None:
    """Until each has ended or said something, and, if it goes on, has had time to say the rest."""
    eventually(lambda: all(not each.running or each.last_words().strip() for each in running), limit_s=120)
    deadline = time.monotonic() + _SAYS_THE_REST_S
    for each in running:
        with suppress(AssertionError):
            each.wait(max(0.1, deadline - time.monotonic()))
        each.kill()


def _reads(program: str, setting: str) -> bool:
    # `talkbridge settings` is there to show what is set; of a secret it shows nothing.
    if program == "settings":
        return setting in _SECRET
    return program == "worker" or not setting.startswith(_OF_WORKERS)
