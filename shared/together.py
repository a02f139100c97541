"""Several things at once, of which none is any use without the others.

Not `asyncio.TaskGroup`: on Debian 12's Python 3.11.2 a group that fails while its end is awaited leaves the surrounding task marked
as cancelled, and the next `asyncio.timeout` in it then ends the task instead of itself. Later versions of 3.11 have mended it.
"""

from __future__ import annotations

import asyncio


async def together(*tasks: asyncio.Task[object]) -> None:
    """Return when all tasks are done. When one fails, or the caller is cancelled, the others are cancelled and awaited.

    Raises:
        BaseException: what the first of them to fail raised.
    """
    if not tasks:
        return
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        unfinished = [task for task in tasks if task.cancel()]
        await asyncio.gather(*unfinished, return_exceptions=True)
    for task in tasks:
        if task not in unfinished:
            task.result()
    for task in unfinished:
        task.result()
