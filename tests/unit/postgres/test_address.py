"""Addresses of databases: what PostgreSQL understands is taken, what it would misread is refused without showing it."""

import pytest

from activities.postgres.address import require_address


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:password@host:5432/talkbridge",
        "postgres://host/db",
        "postgresql://",
        "postgresql://user@",
        "postgresql:///db?host=/var/run/postgresql&user=me",
        "postgresql://us%40er:p%2Fw%23%3F%40%3A%25@host.example/db?sslmode=verify-full&options=-c%20x%3Dy",
        "postgresql://user:p!$&'()*+,;=-._~@10.0.0.1/db",
        "postgresql://u:p@a:1,b:2,[::1]:3/db?target_session_attrs=read-write",
        "postgresql://u:p@%2Fvar%2Frun/db",
    ],
)
def test_an_address_of_postgresql_is_taken(url: str) -> None:
    """With whatever is escaped in it."""
    require_address(url)


@pytest.mark.parametrize("sign", ["/", "#", "?", "@", "%", "%z", " ", "[", "]", "\n", "é", ":"])
def test_a_sign_that_ends_the_password_is_refused_without_it(sign: str) -> None:
    """PostgreSQL would take the rest for host, port or database, and quote it in its error."""
    for word in ("planted", "12345"):
        with pytest.raises(ValueError, match="signs like") as refused:
            require_address(f"postgresql://user:{word}{sign}secret@host:5432/db")
        assert word not in str(refused.value)
        assert "secret" not in str(refused.value)


def test_something_else_is_refused() -> None:
    """The kind of address is named."""
    with pytest.raises(ValueError, match="postgresql://"):
        require_address("mysql://host")
