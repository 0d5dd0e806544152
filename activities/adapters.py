"""The adapters of one worker process, made from its settings and closed with it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from temporalio.client import Client

from activities.credentials import ZendeskCredentials
from activities.crm import CrmAccount, HttpCrm
from activities.help_desk import ZendeskHelpDesk
from activities.ledger import PostgresLedger
from activities.mending import WorkflowMender
from activities.postgres.attempts import Attempts
from activities.postgres.credential import CredentialStore
from activities.postgres.database import Database
from activities.settings import WorkerSettings
from activities.stored_tokens import StoredTokens
from activities.zendesk.client import Account, ZendeskClient

HELP_DESK_SLOTS = 64
"""More than the eight requests in flight: those that find no room give way to screen pops within a second."""


class Keys(Protocol):
    """What seals what rests in the database."""

    def encrypt(self, plain: bytes) -> tuple[str, bytes]:
        """Key id and sealed bytes."""

    def decrypt(self, key_id: str, data: bytes) -> bytes:
        """The plain bytes. Raises for an unknown key and for data that was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """One for each port."""

    credentials: ZendeskCredentials
    help_desk: ZendeskHelpDesk
    crm: HttpCrm
    ledger: PostgresLedger
    mender: WorkflowMender


@asynccontextmanager
async def adapters(settings: WorkerSettings, database: Database, client: Client, keys: Keys) -> AsyncIterator[Adapters]:
    """All of them over one database, one HTTP client a vendor, and one client of Temporal."""
    async with AsyncExitStack() as stack:
        secret, timeout_s = settings.zendesk_client_secret.get_secret_value(), settings.http_timeout_s
        account = Account(url=settings.zendesk_url, client_id=settings.zendesk_client_id, client_secret=secret)
        zendesk = ZendeskClient(account, timeout_s=timeout_s)
        stack.push_async_callback(zendesk.close)
        attempts = Attempts(database)
        store = CredentialStore(database, encrypt=keys.encrypt, decrypt=keys.decrypt)
        alert_url = settings.alert_webhook_url.get_secret_value() if settings.alert_webhook_url else None
        credentials = ZendeskCredentials(zendesk, store, database, alert_url=alert_url)
        stack.push_async_callback(credentials.close)
        scopes, margin_s = list(settings.zendesk_scopes), settings.token_refresh_margin_s
        tokens = StoredTokens(store, client, account=settings.account, required_scopes=scopes, margin_s=margin_s)
        help_desk = ZendeskHelpDesk(zendesk, tokens, attempts, settings.policy())
        stack.push_async_callback(help_desk.close)
        crm_account = CrmAccount(url=settings.crm_url, token=settings.crm_token.get_secret_value())
        crm = HttpCrm(crm_account, attempts, timeout_s=timeout_s)
        stack.push_async_callback(crm.close)
        ledger = PostgresLedger(database, decrypt=keys.decrypt, policy=settings.policy(), client=client)
        mender = WorkflowMender(client)
        yield Adapters(credentials=credentials, help_desk=help_desk, crm=crm, ledger=ledger, mender=mender)
