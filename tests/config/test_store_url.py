"""Store URLs: which are taken, what is said about the others, and what nobody is shown."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobd.config.problem import Unfit
from jobd.config.store_url import has_password, passwords_of, shown, store_url, with_password

FULL = "postgresql://jobd:hunter2@db1,db2:5433/jobd?sslmode=require"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite",
        "postgresql://",
        "postgresql://h",
        "postgres://h/d",
        "postgresql://u@h:5432/d",
        "postgresql://u:p%40ss@h/d",
        "postgresql://u:a:b@h/d",
        "postgresql://u:p@h1:1,h2,[::1]:5432/d?target_session_attrs=read-write",
        "postgresql:///d?host=/var/run/postgresql",
        "postgresql://u@%2Fvar%2Frun/d",
        "postgresql://u@my_db.example.com./d",
        FULL,
    ],
)
def test_a_good_url_is_kept_as_it_is_written(url: str) -> None:
    assert store_url(url) == url


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (3, 'is no store; write "sqlite", or "postgresql://USER@HOST/DATABASE"'),
        ("", 'is no store; write "sqlite", or "postgresql://USER@HOST/DATABASE"'),
        ("mysql://u@h/d", 'is no store; write "sqlite", or "postgresql://USER@HOST/DATABASE"'),
        ("SQLite", 'is no store; write "sqlite": its file is in state_dir'),
        ("sqlite:///var/x.db", 'is no store; write "sqlite": its file is in state_dir'),
        ("postgres", 'is no URL of PostgreSQL; write it like "postgresql://USER@HOST/DATABASE"'),
        ("postgresql:/h/d", "is no URL of PostgreSQL; write it like"),
        ("PostgreSQL://h/d", "is no URL of PostgreSQL; write it like"),
        ("postgresql+psycopg://h/d", "is no URL of PostgreSQL; write it like"),
        ("jdbc:postgresql://h/d", "is no URL of PostgreSQL; write it like"),
        ("host=h dbname=d", "is no URL of PostgreSQL; write it like"),
        ("postgresql://h/d ", "holds white space or a control character; write %20"),
        ("postgresql://u:a\nb@h/d", "holds white space or a control character; write %20"),
        ("postgresql://u:50%@h/d", "holds a % that escapes nothing; write %25"),
        ("postgresql://u:%00@h/d", "holds a NUL character; leave it out"),
        ("postgresql://u:p@ss@h/d", "must be escaped where it stands; write %40, %2F, %3F"),
        ("postgresql://u:p/w@h/d", "must be escaped where it stands; write %40, %2F, %3F"),
        ("postgresql://u:1?a=w@h/d", "must be escaped where it stands; write %40, %2F, %3F"),
        ("postgresql://u:p#w@h/d", "must be escaped where it stands; write %40, %2F, %3F"),
        ("postgresql://u@h/d/e", "must be escaped where it stands; write %40, %2F, %3F"),
        ("postgresql://u@h:port/d", "has no valid port; write a port from 1 to 65535"),
        ("postgresql://u@h:0/d", "has no valid port; write a port from 1 to 65535"),
        ("postgresql://u@h:65536/d", "has no valid port; write a port from 1 to 65535"),
        ("postgresql://u@[::1]x/d", "names a host that cannot be one; write it like"),
        ("postgresql://u@a;b/d", "names a host that cannot be one; write it like"),
        ("postgresql://u@::1/d", 'holds an IPv6 address without brackets; write "[::1]:5432"'),
        ("postgresql://u@a,,b/d", 'has an empty place among its hosts; write "HOST1,HOST2"'),
        ("postgresql://u@h/d?sslmode", "has a parameter without a value; write ?NAME=VALUE"),
        ("postgresql://u@h/d?a=1&&b=2", "has a parameter without a value; write ?NAME=VALUE"),
    ],
)
def test_a_malformed_url_is_told_with_what_to_write(value: object, complaint: str) -> None:
    with pytest.raises(Unfit) as caught:
        store_url(value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("sqlite", "sqlite"),
        (FULL, "postgresql://jobd:***@db1,db2:5433/jobd?sslmode=require"),
        ("postgres://u@h/d", "postgres://u@h/d"),
        ("postgresql://:hunter2@h", "postgresql://:***@h"),
        ("postgresql://h/d?user=u&password=hunter2", "postgresql://h/d?user=u&password=***"),
        ("postgresql://h/d?pass%77ord=hunter2", "postgresql://h/d?pass%77ord=***"),
        ("postgresql://h/d?sslpassword=hunter2", "postgresql://h/d?sslpassword=***"),
        ("postgresql://u:hun@ter2@h/d", "***"),
        ("postgresql://u:hunter2", "***"),
        ("hunter2", "***"),
    ],
)
def test_what_is_shown_of_a_url_is_everything_but_its_password(url: str, what: str) -> None:
    assert shown(url) == what


SECRET = "hunter2"
around = st.text(alphabet="ab1:/@?#&=%,[]. *", max_size=6)


@given(around, around, around, around)
@example("//u:", "", "@h/d", "")
@example("//h/d?a=", "", "", "")
def test_of_whatever_is_written_no_password_is_shown(
    start: str, before: str, after: str, end: str
) -> None:
    """Also not of a URL in which the password broke everything that comes behind it."""
    url = f"postgresql:{start}//u:{before}{SECRET}{after}@{end}"
    assert SECRET not in shown(url) + complaint(url)


def complaint(url: str) -> str:
    try:
        store_url(url)
    except Unfit as unfit:
        return str(unfit)
    return ""


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(text)
@example("a@b:c/d?e#f%g h")
@example("***")
def test_a_password_of_any_text_arrives_as_it_is(password: str) -> None:
    url = with_password("postgresql://jobd:old@db1,db2/jobd?password=older&a=b", password)
    assert store_url(url) == url
    assert unquote(urlsplit(url).netloc.partition("@")[0]) == f"jobd:{password}"
    assert parse_qs(urlsplit(url).query) == {"a": ["b"]}
    assert shown(url) == "postgresql://jobd:***@db1,db2/jobd?a=b"


@pytest.mark.parametrize("url", ["postgresql://h", "postgres://u@h1,[::1]:1", "postgresql:///d"])
def test_a_password_changes_nothing_else_of_the_url(url: str) -> None:
    given_one = with_password(url, SECRET)
    assert has_password(given_one)
    assert not has_password(url)
    assert given_one.replace(f":{SECRET}", "").replace("//@", "//") == url


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("sqlite", ()),
        ("postgresql://jobd@db/jobd", ()),
        ("postgresql://jobd:hunter2@db/jobd", ("hunter2",)),
        ("postgresql://jobd:a%40b@db/jobd", ("a%40b", "a@b")),
        ("postgresql://jobd@db/jobd?password=hunter2&a=b", ("hunter2",)),
    ],
)
def test_the_passwords_of_a_url_are_known_however_they_are_written(
    url: str, passwords: tuple[str, ...]
) -> None:
    assert passwords_of(url) == passwords
