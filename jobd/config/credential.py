"""Credential: the store's URL and password from outside the files that everybody reads.

``$JOBD_STORE_URL`` comes before the credential ``store-url``, and that before the file's
``store.url``. The credential ``store-password`` is the password of whichever holds.
Credentials are files below ``$CREDENTIALS_DIRECTORY`` (systemd.exec(5), LoadCredential=).
"""

import os
from collections.abc import Callable

from jobd.config.findings import Findings
from jobd.config.problem import Problem, Unfit
from jobd.config.store_url import SQLITE, store_url, with_password

VARIABLE = "JOBD_STORE_URL"
_LARGEST_BYTES = 64 << 10


def url_in_force(written: str, findings: Findings) -> str:
    """Return the URL that holds, ``written`` being that of the files; with its password."""
    url = _url_of_variable(findings) or _from_file("store-url", store_url, findings) or written
    if url == SQLITE:
        return url
    password = _from_file("store-password", _password, findings)
    return with_password(url, password) if password else url


def _url_of_variable(findings: Findings) -> str:
    value = os.environ.get(VARIABLE, "")
    return _judged(f"${VARIABLE}", value, store_url, findings) if value else ""


def _from_file(name: str, judge: Callable[[str], str], findings: Findings) -> str:
    """Return what a credential holds, without the newline at its end; "" if there is none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = os.path.join(folder, name)
    if not folder or not os.path.lexists(path):
        return ""
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST_BYTES).decode("utf-8").rstrip("\r\n")
    except OSError as error:
        _note(path, f"cannot be read: {error.strerror}", "make it readable", findings)
        return ""
    except UnicodeDecodeError:
        _note(path, "is no UTF-8 text", "write it anew, as text", findings)
        return ""
    return _judged(path, text, judge, findings)


def _password(text: str) -> str:
    if not text:
        raise Unfit("is empty", "write the password into it, or remove it")
    if "\0" in text or "\n" in text:
        raise Unfit("is more than one line of text", "write the password alone into it")
    return text


def _judged(place: str, value: str, judge: Callable[[str], str], findings: Findings) -> str:
    try:
        return judge(value)
    except Unfit as unfit:
        _note(place, unfit.message, unfit.mend, findings)
        return ""


def _note(place: str, message: str, mend: str, findings: Findings) -> None:
    findings.errors.append(Problem(place, None, "", "", message, mend))
