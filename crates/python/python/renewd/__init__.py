"""Valid OAuth 2.0 access tokens, by the name of a credential that somebody logged in to with ``renewd login``.

``renewd.token("github")`` gives one as text, whenever one is needed; keep none. It answers as the command
``renewd token`` does: from the same configuration and the same records, from an agent first where one serves the same
state folder. Without an agent the credential is kept in this process, ahead of its expiry, on threads of its own.

What goes wrong is an :class:`Error`: :class:`LoginNeeded`, :class:`TemporarilyUnavailable` with ``retry_after``, and
others. No error holds a token, and no ``repr`` of anything here does.

Every function may be called from any thread, waits without the interpreter's lock, and works in a process that was
forked.
"""

from __future__ import annotations

import datetime
from typing import Optional, Union

from ._errors import (
    ConfigurationError,
    Error,
    InternalError,
    LoginNeeded,
    StoreUnavailable,
    TemporarilyUnavailable,
    Timeout,
    UsageError,
)
from ._renewd import VERSION as __version__
from ._renewd import Token
from ._session import Credential, Session, default_session

__all__ = [
    "ConfigurationError",
    "Credential",
    "Error",
    "InternalError",
    "LoginNeeded",
    "Session",
    "StoreUnavailable",
    "TemporarilyUnavailable",
    "Timeout",
    "Token",
    "UsageError",
    "__version__",
    "default_session",
    "keep",
    "refresh",
    "rejected",
    "status",
    "token",
    "token_async",
]

_Seconds = Union[int, float, datetime.timedelta]


def token(
    name: str,
    *,
    scope: Optional[str] = None,
    resource: Optional[str] = None,
    audience: Optional[str] = None,
    min_validity: _Seconds = 0,
    timeout: Optional[_Seconds] = None,
) -> str:
    """A valid access token of the credential ``name``.

    ``min_validity``: it should live at least so long (seconds or a ``timedelta``); one that lives shorter is given where
    nothing longer can be had. ``timeout``: how long to wait; by default what the configuration says, or a minute.
    ``scope``, ``resource``, ``audience``: for something else than the login was made for.

    Raises an :class:`Error`.
    """
    credential = Credential(
        name, scope=scope, resource=resource, audience=audience, min_validity=min_validity, timeout=timeout
    )
    return credential.token().access_token


async def token_async(
    name: str,
    *,
    scope: Optional[str] = None,
    resource: Optional[str] = None,
    audience: Optional[str] = None,
    min_validity: _Seconds = 0,
    timeout: Optional[_Seconds] = None,
) -> str:
    """The same for ``asyncio``: the event loop runs on meanwhile. Cancelling it cancels nothing of the renewal, which
    others may wait for too."""
    credential = Credential(
        name, scope=scope, resource=resource, audience=audience, min_validity=min_validity, timeout=timeout
    )
    return (await credential.token_async()).access_token


def rejected(name: str, refused: Token) -> Optional[Token]:
    """A resource server answered 401 to this token, which :meth:`Credential.token` of that name gave: gives a newer one,
    with which the request is to be repeated once, or ``None`` where the 401 is to be passed on."""
    return Credential(name).rejected(refused)


def keep(name: str) -> None:
    """Begins to keep a credential, so that a token is at hand when it is asked for. Waits for none."""
    default_session().keep(name)


def refresh(name: str, *, timeout: Optional[_Seconds] = None) -> None:
    """One refresh now, as ``renewd refresh``. Programs do not need it."""
    Credential(name, timeout=timeout).refresh()


def status(name: Optional[str] = None) -> dict:
    """What ``renewd status --json`` prints, of one credential or of all."""
    return default_session().status(name)
