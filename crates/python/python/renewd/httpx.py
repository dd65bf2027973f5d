"""An authentication for `httpx <https://www.python-httpx.org>`_: ``httpx.Client(auth=renewd.httpx.Auth("github"))``."""

from __future__ import annotations

import datetime
from typing import AsyncGenerator, Generator, Optional, Union

import httpx

from ._renewd import Token
from ._session import Credential, Session

__all__ = ["Auth"]

_UNAUTHORIZED = 401


class Auth(httpx.Auth):
    """Adds ``Authorization`` to each request. On a 401 the token is renewed and the request repeated, once; the second
    answer is the caller's, whatever it is.

    A request whose body is in memory (``content=b"…"``, ``json=…``, ``data={…}``) is repeated with a fresh copy of it. A body
    that streams (a generator, a file) is sent once: the token is renewed all the same, and the 401 is the caller's.
    ``replay_streams=True`` reads every body into memory first, so that it can be repeated.

    Without a token no request is sent: what :meth:`Credential.token` raises comes out of the client's call,
    :class:`renewd.TemporarilyUnavailable` with ``retry_after`` during an outage. Asynchronous clients run under ``asyncio``.
    """

    def __init__(
        self,
        credential: Union[str, Credential],
        *,
        scope: Optional[str] = None,
        resource: Optional[str] = None,
        audience: Optional[str] = None,
        timeout: Optional[Union[int, float, datetime.timedelta]] = None,
        session: Optional[Session] = None,
        replay_streams: bool = False,
    ) -> None:
        if isinstance(credential, str):
            credential = Credential(
                credential, scope=scope, resource=resource, audience=audience, timeout=timeout, session=session
            )
        self._credential = credential
        self.requires_request_body = replay_streams

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.requires_request_body:
            request.read()
        token = self._credential.token()
        request.headers["Authorization"] = token.authorization
        response = yield request
        if _refused(response, token):
            newer = self._credential.rejected(token)
            if newer is not None and _can_be_repeated(request):
                request.headers["Authorization"] = newer.authorization
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if self.requires_request_body:
            await request.aread()
        token = await self._credential.token_async()
        request.headers["Authorization"] = token.authorization
        response = yield request
        if _refused(response, token):
            newer = await self._credential.rejected_async(token)
            if newer is not None and _can_be_repeated(request):
                request.headers["Authorization"] = newer.authorization
                yield request


def _refused(response: httpx.Response, token: Token) -> bool:
    """Whether this token was refused: after a redirect to another host it was not even shown."""
    shown = response.request.headers.get("Authorization")
    return response.status_code == _UNAUTHORIZED and shown == token.authorization


def _can_be_repeated(request: httpx.Request) -> bool:
    try:
        request.content
    except httpx.RequestNotRead:
        return False
    return True
