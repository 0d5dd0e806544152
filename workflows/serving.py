"""What a worker serves: the activities of an adapter, and the sandbox its workflows run in.

Never imported by a workflow.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = ("workflows.domain", "workflows.ports")
"""Pure modules: importing them anew for every run would cost about 17 ms a call and gain nothing."""


def all_activities(adapter: object) -> list[Callable[..., Awaitable[Any]]]:
    """The adapter's activities: every method that carries a definition."""
    return list(_definitions(adapter))


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox; an import that nobody meant to pass through is an error."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )


def _definitions(adapter: object) -> Iterator[Callable[..., Awaitable[Any]]]:
    for name in dir(type(adapter)):
        method = getattr(adapter, name)
        if callable(method) and hasattr(method, "__temporal_activity_definition"):
            yield method
