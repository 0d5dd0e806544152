"""What a gateway knows of itself without asking anybody: its settings, and the webhooks it has refused."""

from api.checks.finding import Finding, Section, fails, ok, skipped
from api.checks.refusals import signatures
from api.gateway import Gateway
from api.settings import GatewaySettings

_KEYS = "set ENCRYPTION_KEYS as the workers have them, and start the gateway again"


def own_sections(gateway: Gateway) -> list[Section]:
    """Settings and webhooks."""
    settings = [*_settings(gateway.settings), _keys(gateway)]
    refused = signatures(gateway.refusals.told, gateway.signed_at, gateway.steady())
    webhooks = [_secrets(gateway.settings), refused]
    return [Section(title="Settings", findings=tuple(settings)), Section(title="Webhooks", findings=tuple(webhooks))]


def _settings(settings: GatewaySettings) -> list[Finding]:
    findings = [ok("gateway", "everything needed is set and well formed")]
    for name, value, without in (
        ("TEMPORAL_UI_URL", settings.temporal_ui_url, "pages have no links to the Temporal UI"),
        ("TICKET_URL", settings.ticket_url, "tickets are plain numbers, no links"),
        ("OPS_TOKEN_READONLY", settings.ops_token_readonly, "nobody can look without being able to act"),
        ("PHONE_REGION", settings.phone_region, "national numbers are not understood, only those with a +"),
    ):
        findings.append(ok(name, "it is set") if value else skipped(name, f"it is not set: {without}"))
    return findings


def _keys(gateway: Gateway) -> Finding:
    if gateway.keys.misfit is not None:
        return fails("ENCRYPTION_KEYS", f"webhooks are answered 503: {gateway.keys.misfit}", mend=_KEYS)
    return ok("ENCRYPTION_KEYS", "nothing is known against them")


def _secrets(settings: GatewaySettings) -> Finding:
    count = len(settings.secrets)
    return ok("secrets", "one is set" if count == 1 else f"{count} are set, each of which may sign")
