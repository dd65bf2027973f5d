"""Waiting for the native part in ``asyncio``.

A question that is not answered from memory is asked on a thread; those who ask the same meanwhile wait for the same
answer, so that a stampede is one thread. Whoever is cancelled stops waiting, and the answer still goes to the others.
"""

from __future__ import annotations

import asyncio
import copy
import os
import threading
from typing import Any, Callable, Dict, Hashable, List, Optional, Tuple

_Waiter = Tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

_lock = threading.Lock()
_waiting: Dict[Hashable, List[_Waiter]] = {}


def _after_fork() -> None:
    # The threads are the parent's, and its lock may be held by one of them.
    global _lock, _waiting
    _lock, _waiting = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def ask(question: Hashable, call: Callable[[], Any]) -> Any:
    """Gives what ``call`` gives, which is run on a thread once for all who ask this question now."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[Any] = loop.create_future()
    with _lock:
        waiting = _waiting.setdefault(question, [])
        waiting.append((loop, waiter))
        first = len(waiting) == 1
    if first:
        # A daemon: an interpreter that ends does not wait for a server.
        thread = threading.Thread(target=_answer, args=(question, call), name="renewd-ask", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _settle(question, None, error)
    return await waiter


def _answer(question: Hashable, call: Callable[[], Any]) -> None:
    try:
        _settle(question, call(), None)
    except BaseException as error:
        _settle(question, None, error)


def _settle(question: Hashable, answer: Any, error: Optional[BaseException]) -> None:
    with _lock:
        waiting = _waiting.pop(question, [])
    for loop, waiter in waiting:
        try:
            loop.call_soon_threadsafe(_set, waiter, answer, error)
        except RuntimeError:
            # Its loop was closed: nobody waits there any more.
            pass


def _set(waiter: asyncio.Future[Any], answer: Any, error: Optional[BaseException]) -> None:
    if waiter.done():
        return
    if error is None:
        waiter.set_result(answer)
    else:
        # Each has its own, with its own traceback.
        waiter.set_exception(copy.copy(error))
