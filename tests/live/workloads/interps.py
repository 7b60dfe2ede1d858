"""The same function in several interpreters, on the main thread and on one of its own, each for SECONDS of CPU time."""

import sys
import threading

import truth

TEXT = """
import sys
sys.path[:0] = %r
import truth
spent = truth.spin(%r)
truth.say("part", {"interp": %d, "thread": %r, "spent": spent})
"""


def module():
    for name in "_interpreters", "_xxsubinterpreters":
        try:
            return __import__(name)
        except ImportError:
            continue


def work(interp, seconds, thread):
    interps = module()
    made = interps.create()
    text = TEXT % ([sys.path[0]], seconds, interp, thread)
    failed = getattr(interps, "exec", interps.run_string)(made, text)
    if failed:
        raise SystemExit(str(failed))


def main():
    seconds = float(sys.argv[1])
    truth.ready(has_interps=bool(module()))
    if not module():
        return
    work(1, seconds, "MainThread")
    work(2, seconds, "MainThread")
    other = threading.Thread(target=work, args=(3, seconds, "other"), name="other")
    other.start()
    other.join()
    truth.say("part", {"interp": 0, "thread": "MainThread", "spent": truth.spin(seconds)})
    truth.finish()


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
