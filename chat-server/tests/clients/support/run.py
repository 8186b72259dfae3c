"""Runs the snippet of the page with threads: says what stands in each line that it reads, and tells of what it shows."""

import json
import sys


def tell(**what):
    # One write, so that two threads do not mix their lines.
    sys.stdout.write(json.dumps(what) + "\n")


def show(content):
    tell(shown=content)


# The snippet stands here.


start()
for line in sys.stdin:
    tell(answer=say(json.loads(line)))
