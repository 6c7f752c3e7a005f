# SPDX-License-Identifier: MIT
"""timers.py - as timers.c, with CPython's asyncio: timers.py N MS"""
import asyncio
import sys
import time


async def main(n, ms):
    await asyncio.gather(asyncio.sleep(0.001))
    begin = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(ms / 1000) for _ in range(n)))
    print("%.3f" % ((time.monotonic() - begin) * 1000))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
