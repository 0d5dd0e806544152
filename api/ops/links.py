"""Where a page's links lead: to a call, its ticket, its workflow in the Temporal UI."""

from dataclasses import dataclass
from urllib.parse import quote

from api.gateway import Gateway
from workflows.ports import call_workflow_id


def call_path(call_id: str) -> str:
    """The page of a call; an id may hold any visible character."""
    return f"/ops/calls/{quote(call_id, safe='')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses outside; None where the settings name none."""

    ticket_url: str | None
    temporal_ui_url: str | None
    namespace: str

    @classmethod
    def of(cls, gateway: Gateway) -> "Links":
        """Those of this gateway's settings."""
        settings = gateway.settings
        return cls(
            ticket_url=settings.ticket_url,
            temporal_ui_url=settings.temporal_ui_url,
            namespace=gateway.temporal.namespace,
        )

    def ticket(self, ticket_id: int) -> str | None:
        """The ticket at the help desk."""
        return self.ticket_url.replace("{ticket_id}", str(int(ticket_id))) if self.ticket_url else None

    def workflow(self, call_id: str) -> str | None:
        """The call's workflow in the Temporal UI."""
        if self.temporal_ui_url is None:
            return None
        workflow_id = quote(call_workflow_id(call_id), safe="")
        return f"{self.temporal_ui_url}/namespaces/{quote(self.namespace, safe='')}/workflows/{workflow_id}"
