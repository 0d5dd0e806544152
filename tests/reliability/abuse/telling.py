"""What the abuse came to, in words and figures of that run."""

from collections import Counter

from tests.reliability.abuse.run import Report
from tests.reliability.abuse.slow import SENDERS
from tests.reliability.report import Section, table, zero


def section(report: Report) -> Section:
    """The part of docs/reliability.md."""
    command = f"make abuse N={report.n} SEED={report.seed}"
    parts = (_bulk, _slow, _window, _rotation, _no_io, _matrix, _contract)
    return Section(name="abuse", command=command, text="\n\n".join(part(report) for part in parts))


def _bulk(report: Report) -> str:
    bulk = report.bulk
    families: dict[str, Counter[str]] = {}
    for (family, label), count in sorted(bulk.asked.items()):
        families.setdefault(family, Counter())[label] += count
    rows = [(family, f"{labels.total():,}", _counted(labels)) for family, labels in families.items()]
    memory = " → ".join(f"{mib:.0f}" for mib in bulk.memory_mib)
    verdicts = [
        ("forged (or never whole) and accepted", zero(bulk.forged_accepted, bulk.forged)),
        ("5xx, but for the documented 503 below", zero(bulk.server_errors, bulk.total)),
        ("another answer than the contract's, or no problem document", zero(sum(bulk.wrong.values()), bulk.total)),
    ]
    return (
        f"**{bulk.total:,} mutated requests** over raw sockets against one gateway process, "
        f"seed {report.seed}, in {bulk.seconds:.0f} s; whether one is forged is reckoned by the harness itself.\n\n"
        f"{table(['What', 'Found'], verdicts)}\n\nAnswered 503 with `Retry-After` because Temporal was too slow: "
        f"{bulk.unacknowledged:,} of {bulk.genuine:,} genuine ones.\n\n"
        f"{table(['Mutated', 'Requests', 'Answers'], rows)}\n\n"
        f"Memory of the gateway, at the start and every 20,000 requests: {memory} MiB; "
        f"growth once warm {report.growth_mib:+.1f} MiB. Its list of what it acknowledged lately holds "
        f"{report.remembered.length:,} entries and {report.remembered.mib:.0f} MiB "
        f"after {report.remembered.acknowledged:,} acknowledgements."
    )


def _slow(report: Report) -> str:
    slow = report.slow
    rows = []
    for sender in SENDERS:
        labels = Counter({label: count for (name, label), count in slow.ends.items() if name == sender.name})
        rows.append((sender.name, labels.total(), _counted(labels), f"{slow.longest_s.get(sender.name, 0):.1f} s"))
    return (
        f"**Slow and endless senders**, {slow.total} at the same time: not ended as they should be, or others "
        f"disturbed: {zero(len(slow.wrong), slow.total)}; {slow.taken_meanwhile:,} ordinary webhooks were taken "
        f"meanwhile, memory {slow.memory_mib[0]:.0f} → {slow.memory_mib[1]:.0f} MiB at most. "
        f"{report.hung_up:,} senders that hung up in the middle wrote {report.log_lines_after_hang_ups} lines "
        f"into the log.\n\n{table(['Sender', 'Number', 'Ended', 'At the latest after'], rows)}"
    )


def _window(report: Report) -> str:
    asked = ", ".join(f"{count:,} {what}" for what, count in report.window.asked.items())
    return (
        "**Replay window**: ±300 s exactly is in time, a microsecond more is not; the same signed request again is "
        f"`already_processed`. Wrong answers: {zero(len(report.window.wrong), report.window.total)} ({asked})."
    )


def _rotation(report: Report) -> str:
    rotation = report.rotation
    stages: dict[tuple[str, str], Counter[str]] = {}
    for (stage, secret, label), count in rotation.answers.items():
        stages.setdefault((stage, secret), Counter())[label] += count
    rows = [(stage, secret, _counted(labels)) for (stage, secret), labels in sorted(stages.items())]
    return (
        f"**Two secrets at once**: two gateways, {rotation.restarts} restarts, senders with the old secret, the new "
        f"one and a stranger's throughout. Wrong answers: {zero(len(rotation.wrong), rotation.total)}. While a stage "
        "begins, one gateway is still at the one before.\n\n"
        f"{table(['The gateways are told', 'A sender signs with', 'Answers'], rows)}"
    )


def _no_io(report: Report) -> str:
    cost = report.no_io
    rows = [(what, server, passed.connections, passed.bytes) for (what, server), passed in cost.passed.items()]
    return (
        f"**A forged request costs no I/O**: what {cost.forged:,} forged webhooks made pass to and from each server, "
        "counted by a proxy in between, beside one genuine webhook and one question of operations.\n\n"
        f"{table(['Asked', 'Server', 'New connections', 'Bytes'], rows)}"
    )


def _matrix(report: Report) -> str:
    asked = ", ".join(f"{count:,} of {part}" for part, count in sorted(report.matrix.asked.items()))
    return (
        "**OWASP's API list**: every role at every address with every method, traversals and encoded slashes in call "
        f"ids, huge parameters and cursors. Data for a stranger, 5xx or another answer than documented: "
        f"{zero(len(report.matrix.wrong), report.matrix.total)} ({asked})."
    )


def _contract(report: Report) -> str:
    contract = report.contract
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(contract.statuses.items()))
    return (
        f"**Schemathesis**, all its checks, against `/openapi.json` with the ops token: complaints "
        f"{zero(len(contract.wrong), contract.total)} in {len(contract.asked)} operations ({statuses}). "
        f"{contract.excused.total():,} complaints are none: the contract takes a call whatever else in it is unusable, "
        "and no schema says which texts are addresses, numbers and ciphertexts of ours."
    )


def _counted(labels: Counter[str]) -> str:
    return ", ".join(f"{count:,} × {label}" for label, count in labels.most_common())
