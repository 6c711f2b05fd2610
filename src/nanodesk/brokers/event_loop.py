"""An event loop on a thread of its own, with a synchronous door: what an adapter hides behind its port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from nanodesk.errors import BrokerError, NotConnectedError

T = TypeVar("T")

_GRACE_S = 1.0
"""How long past its own deadline a call is waited for before the loop itself is called stuck."""


class EventLoopThread:
    """One event loop, one daemon thread.

    Parameters
    ----------
    name : str
        Name of the thread, for whoever reads a stack dump.

    Examples
    --------
    >>> import asyncio
    >>> loop = EventLoopThread("example")
    >>> loop.start()
    >>> loop.run(asyncio.sleep(0, "done"), timeout_s=1.0)
    'done'
    >>> loop.stop()
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether calls can be made."""
        return self._loop is not None

    def start(self) -> None:
        """Start the thread; does nothing when it runs."""
        if self._loop is not None:
            return
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(loop,), name=self._name, daemon=True)
        self._thread.start()
        self._loop = loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def stop(self) -> None:
        """Cancel what runs and end the thread; safe to call twice."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=5.0)

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
        """Run to completion and wait for the result.

        Parameters
        ----------
        work : coroutine
            What to run; it keeps its own deadline.
        timeout_s : float
            That deadline in seconds; a little past it the wait ends anyway.

        Returns
        -------
        result : object
            What the coroutine returned.

        Raises
        ------
        NotConnectedError
            If the loop does not run.
        BrokerError
            If the work did not end in time.
        """
        future = self.start_work(work)
        try:
            return future.result(timeout_s + _GRACE_S)
        except FutureTimeout:
            if future.done():
                raise
            future.cancel()
            raise BrokerError(f"No result within {timeout_s:g} s.", field="timeout_s", value=timeout_s) from None

    def start_work(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start something and do not wait.

        Parameters
        ----------
        work : coroutine
            What to run.

        Returns
        -------
        future : Future
            Its end.

        Raises
        ------
        NotConnectedError
            If the loop does not run.
        """
        if self._loop is None:
            work.close()
            raise NotConnectedError("Not connected.", fix="Call connect() first.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)


async def within(timeout_s: float, work: Awaitable[T]) -> T:
    """Await with a deadline.

    Parameters
    ----------
    timeout_s : float
        Seconds.
    work : awaitable
        What to wait for.

    Returns
    -------
    result : object
        Its result.

    Raises
    ------
    BrokerError
        If the deadline passed.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError:
        raise BrokerError(f"No answer within {timeout_s:g} s.", field="timeout_s", value=timeout_s) from None


class BackgroundTasks:
    """Work of one event loop that nobody waits for: held fast until it ends, and ended together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin; call on the event loop.

        Parameters
        ----------
        work : coroutine
            Deals with its own errors.
        """
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """End what runs."""
        for task in self._tasks:
            task.cancel()
