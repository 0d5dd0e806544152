"""Whether DATABASE_URL is an address as PostgreSQL reads it: of one that is not, its errors quote the password."""

import re

_SIGN = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_VALUE = r"(?:[A-Za-z0-9._~!$'()*+,;:@/-]|%[0-9A-Fa-f]{2})*"
_HOST = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})*"
_PLACE = rf"(?:{_HOST}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
_ADDRESS = re.compile(
    rf"postgres(?:ql)?://(?:{_SIGN}*(?::{_SIGN}*)?@)?{_PLACE}(?:,{_PLACE})*"
    rf"(?:/{_SIGN}*)?(?:\?[a-z_]+={_VALUE}(?:&[a-z_]+={_VALUE})*)?"
)


def require_address(url: str) -> None:
    """Raise `ValueError`, which shows nothing of the address, for one that PostgreSQL would read in another way."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("it is not an address that begins with postgresql://")
    if not _ADDRESS.fullmatch(url):
        raise ValueError("it is no address; signs like / # ? @ : % in a password are written %2F %23 %3F %40 %3A %25")
