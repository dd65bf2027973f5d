"""What can go wrong, by what a program does about it."""

from __future__ import annotations

import datetime
from typing import Optional


class Error(Exception):
    """Why there is no token. Its text is one sentence for people, and never holds a token.

    ``exit``: the exit code that the command has for it. ``code``: more exactly, ``auth_retrying``, ``no_grant``, ….
    ``advice``: what to do about it. ``credential``: which. ``cause``: of its status, in snake_case. ``retry_after``: in how
    many seconds the next attempt is due. ``next_attempt_at``: when that is. ``login_command``: what a person types where a
    login is needed. What is not known is ``None``.
    """

    exit: int = 1
    code: str = "internal"
    advice: Optional[str] = None
    credential: Optional[str] = None
    cause: Optional[str] = None
    retry_after: Optional[int] = None
    next_attempt_at: Optional[datetime.datetime] = None
    login_command: Optional[str] = None

    @property
    def message(self) -> str:
        """What is wrong and where."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message

    def __reduce__(self):
        # So that it can be handed from one process to another.
        return (type(self), self.args, self.__dict__)


class LoginNeeded(Error):
    """Nobody is logged in, or the grant is gone: ``login_command`` is what a person types."""


class TemporarilyUnavailable(Error):
    """No token now, and none soon; the next attempt is in ``retry_after`` seconds. Nobody has to do anything."""


class StoreUnavailable(Error):
    """The store of the records or its key cannot be used: a locked keyring, a full disk."""


class ConfigurationError(Error):
    """The configuration is wrong."""


class Timeout(Error, TimeoutError):
    """The time is over, and an answer was still waited for."""


class UsageError(Error, ValueError):
    """The call itself is wrong."""


class InternalError(Error):
    """A bug in renewd."""


_BY_EXIT = {
    2: UsageError,
    3: LoginNeeded,
    4: TemporarilyUnavailable,
    5: StoreUnavailable,
    6: ConfigurationError,
    124: Timeout,
}


def _of(
    exit: int,
    code: str,
    message: str,
    advice: Optional[str] = None,
    credential: Optional[str] = None,
    cause: Optional[str] = None,
    retry_after: Optional[int] = None,
    next_attempt_at: Optional[str] = None,
    login_command: Optional[str] = None,
) -> Error:
    """The exception for what the native part says."""
    error = _BY_EXIT.get(exit, InternalError)(message)
    error.exit, error.code, error.advice = exit, code, advice
    error.credential, error.cause = credential, cause
    error.retry_after, error.login_command = retry_after, login_command
    if next_attempt_at is not None:
        error.next_attempt_at = datetime.datetime.fromisoformat(next_attempt_at.replace("Z", "+00:00"))
    return error
