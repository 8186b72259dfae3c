"""Runs the snippet of the page with asyncio: says what stands in each line that it reads, and tells of what it shows."""

import asyncio
import json
import sys


def tell(**what):
    # One write, so that two threads do not mix their lines.
    sys.stdout.write(json.dumps(what) + "\n")


def show(content):
    tell(shown=content)


# The snippet stands here.


async def main():
    await start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        tell(answer=await say(json.loads(line)))


asyncio.run(main())
