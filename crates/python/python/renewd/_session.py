"""Sessions and credentials."""

from __future__ import annotations

import atexit
import datetime
import json
import os
import threading
from typing import Any, Optional, Union

from . import _aio
from ._renewd import Session as _Native
from ._renewd import Token

_Path = Union[str, "os.PathLike[str]"]
_Seconds = Union[int, float, datetime.timedelta]


def _seconds(given: _Seconds) -> float:
    return given.total_seconds() if isinstance(given, datetime.timedelta) else float(given)


class Session:
    """A program's view of its user's credentials. Most programs need none of their own: :func:`renewd.token` has one.

    ``config``: the configuration file, as ``--config``. ``state_dir``: where records live, as ``--state-dir``. Any number of
    threads may use it at once. :meth:`close`, or the end of a ``with`` block, finishes what is under way.
    """

    def __init__(self, config: Optional[_Path] = None, state_dir: Optional[_Path] = None) -> None:
        self._native = _Native(config, state_dir)

    def credential(self, name: str, **terms: Any) -> Credential:
        """A credential of this session; ``terms`` as for :class:`Credential`."""
        return Credential(name, session=self, **terms)

    def keep(self, name: str) -> None:
        """Begins to keep a credential, so that a token is at hand when it is asked for. Waits for none."""
        self._native.keep(name)

    def status(self, name: Optional[str] = None) -> dict:
        """What ``renewd status --json`` prints, of one credential or of all."""
        return json.loads(self._native.status(name))

    def close(self) -> None:
        """Finishes what is under way and saves it. A request that is on its way is waited for until it has its answer or its
        time is over, so that a new refresh token is not lost."""
        self._native.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Credential:
    """What one part of a program wants of one credential.

    ``scope``, ``resource``, ``audience``: for something else than the login was made for. ``min_validity``: tokens should
    live at least so long. ``timeout``: how long each call waits; by default what the configuration says, or a minute.
    """

    def __init__(
        self,
        name: str,
        *,
        scope: Optional[str] = None,
        resource: Optional[str] = None,
        audience: Optional[str] = None,
        min_validity: _Seconds = 0,
        timeout: Optional[_Seconds] = None,
        session: Optional[Session] = None,
    ) -> None:
        self._session = session
        within = None if timeout is None else _seconds(timeout)
        self._asked = (name, scope, resource, audience, _seconds(min_validity), within)

    @property
    def name(self) -> str:
        """Its name."""
        return self._asked[0]

    @property
    def _native(self) -> _Native:
        return (self._session or default_session())._native

    def token(self) -> Token:
        """A valid token, and what is known of it."""
        return self._native.token(self._asked)

    async def token_async(self) -> Token:
        """The same for ``asyncio``."""
        native, asked = self._native, self._asked
        at_hand = native.at_hand(asked)
        if at_hand is not None:
            return at_hand
        return await _aio.ask((id(native), "token", asked), lambda: native.token(asked))

    def rejected(self, refused: Token) -> Optional[Token]:
        """A resource server answered 401 to this token: gives a newer one, with which the request is to be repeated
        once, or ``None`` where the 401 is to be passed on."""
        return self._native.rejected(self._asked, refused.epoch, refused.generation)

    async def rejected_async(self, refused: Token) -> Optional[Token]:
        """The same for ``asyncio``."""
        native, asked, version = self._native, self._asked, (refused.epoch, refused.generation)
        question = (id(native), "rejected", asked, version)
        return await _aio.ask(question, lambda: native.rejected(asked, *version))

    def refresh(self) -> None:
        """One refresh now, as ``renewd refresh``. Programs do not need it."""
        self._native.refresh(self._asked)

    def status(self) -> dict:
        """What ``renewd status --json`` shows of it."""
        return json.loads(self._native.status(self.name))["credentials"][0]

    def __repr__(self) -> str:
        return f"renewd.Credential({self.name!r})"


_default: Optional[Session] = None
_making = threading.Lock()


def default_session() -> Session:
    """The session of the functions of this module: that of this process's environment. It is opened when it is first
    used and closed when the interpreter ends."""
    global _default
    if _default is None:
        with _making:
            if _default is None:
                _default = Session()
    return _default


def _close_default() -> None:
    if _default is not None:
        try:
            _default.close()
        except Exception as error:
            import warnings

            warnings.warn(f"renewd: {error}", RuntimeWarning, stacklevel=1)


def _after_fork() -> None:
    # The native session opens itself anew in a fork; Python's lock may be held by a thread that is not here.
    global _making
    _making = threading.Lock()


atexit.register(_close_default)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
