"""Two threads fight for the GIL of a sub-interpreter that has its own, and one of the main interpreter has nobody to fight with.

    gil_apart.py SECONDS   of CPU for each
"""

import sys
import threading

import truth

TEXT = """
import sys, threading
sys.path[:0] = %r
import truth
threads = [threading.Thread(target=truth.spin, args=(%r,), name="sub") for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def module():
    for name in "_interpreters", "_xxsubinterpreters":
        try:
            return __import__(name)
        except ImportError:
            continue


def fight(interps, seconds):
    made = interps.create()
    failed = getattr(interps, "exec", interps.run_string)(made, TEXT % ([sys.path[0]], seconds))
    if failed:
        raise SystemExit(str(failed))


def main():
    seconds = float(sys.argv[1])
    interps = module()
    truth.ready(has_interps=bool(interps))
    if not interps:
        return
    other = threading.Thread(target=fight, args=(interps, seconds), name="other")
    other.start()
    truth.spin(3 * seconds)
    other.join()
    truth.finish()


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
