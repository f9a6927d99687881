"""Jobs are called by what they do."""

import pytest

from jobd.config.importers.crontab.name import program_of


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/usr/bin/backup --all", "/usr/bin/backup"),
        ("[ -x /usr/bin/a ] && /usr/bin/a -q", "/usr/bin/a"),
        ("test -x /usr/bin/certbot && perl -e 'sleep 5' && certbot -q renew", "certbot"),
        ("cd /srv && python3 manage.py clearsessions", "manage.py"),
        ("python -m pretix runperiodic", "pretix"),
        ("/bin/sh -c 'x'", "/bin/sh"),
        ("php -f /srv/a.php", "/srv/a.php"),
        ("A=1 nice -n 5 ionice -c3 flock -n /run/a.lock timeout 60 /bin/x", "/bin/x"),
        ("if [ -x /bin/x ] && [ $(date +%d) -le 7 ]; then /bin/x --all; fi", "/bin/x"),
        ("command -v sa1 > /dev/null && sa1 1 1", "sa1"),
        ("find /tmp -mtime +5 | xargs rm", "find"),
        ("cd / && run-parts --report /etc/cron.daily", "/etc/cron.daily"),
        ("'quoted program' x", ""),
        ("echo 'never closed", ""),
    ],
)
def test_the_first_program_that_says_something(command: str, program: str) -> None:
    assert program_of(command) == program
