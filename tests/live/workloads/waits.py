"""Known waits, one kind a thread: each function waits in one way only and measures how long it was off the CPU: its time by
the wall clock less that by the thread's. Then one that only works, beside two others on its CPU, and the kernel's own
count of how long it was kept from it (Documentation/scheduler/sched-stats.rst: schedstat).

The truth: seconds by function, and the port of the socket's peer.
"""

import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import truth

F_OFD_SETLKW = 38  # include/uapi/asm-generic/fcntl.h; in the module from 3.9 on
SECONDS = float(sys.argv[1])
measured = {}
stop_at = [0.0]


def lengths(name):
    """Waits of 5 to 50 ms, until it is enough."""
    draw = random.Random(name)
    while time.monotonic() < stop_at[0]:
        yield draw.uniform(0.005, 0.05)


def timed(name, wait, length):
    start = time.monotonic() - truth.thread_seconds()
    wait(length)
    measured[name] = measured.get(name, 0) + time.monotonic() - truth.thread_seconds() - start


def by_sleep(length):
    time.sleep(length)


held = threading.Lock()


def by_lock(length):
    held.acquire(True, length)


inlet, outlet = os.pipe()


def by_pipe(length):
    os.read(inlet, 1)


def by_child(length):
    os.waitpid(children.pop(), 0)


def lock_file(file, kind):
    fcntl.fcntl(file, F_OFD_SETLKW, struct.pack("hh4xqqi4x", kind, os.SEEK_SET, 0, 0, 0))


def by_file_lock(length):
    lock_file(second, fcntl.F_WRLCK)


def lock_again(length):
    lock_file(second, fcntl.F_UNLCK)
    lock_file(first, fcntl.F_WRLCK)
    later(lambda: lock_file(first, fcntl.F_UNLCK))(length)


empty = os.pipe()[0]


def by_epoll(length):
    epoll.poll(length)


def by_select(length):
    select.select([empty], [], [], length)


def by_socket(length):
    client.recv(1)


def by_timeout(length):
    patient.recv(1)


def kept_from_cpu():
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1]) / 1e9


def by_others(seconds):
    before = kept_from_cpu()
    truth.spin(seconds)
    measured["by_others"] = kept_from_cpu() - before


def share_cpu(seconds):
    """With two processes that have nothing else to do either."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    others = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(2)]
    by_others(seconds)
    for other in others:
        other.kill()
        other.wait()


def run(name, wait, before=None):
    for length in lengths(name):
        if before:
            before(length)
        timed(name, wait, length)


def later(how):
    """Lets another thread end the wait."""

    def start(length):
        due.append((time.monotonic() + length, how))

    return start


due = []


def ender():
    while time.monotonic() < stop_at[0] + 1:
        for one in list(due):
            if one[0] <= time.monotonic():
                due.remove(one)
                one[1]()
        time.sleep(0.001)


def new_child(length):
    pid = os.fork()
    if not pid:
        time.sleep(length)
        os._exit(0)
    children.append(pid)


def listen():
    """On a port that a server may have; those from 32768 on are the kernel's to give."""
    while True:
        server = socket.socket()
        try:
            server.bind(("127.0.0.1", random.randrange(20000, 32000)))
        except OSError:
            continue
        server.listen(2)
        return server


children = []
first = tempfile.NamedTemporaryFile()
second = open(first.name, "wb")
epoll = select.epoll()
held.acquire()
server = listen()
port = server.getsockname()[1]
client = socket.create_connection(("127.0.0.1", port))
end = server.accept()[0]
patient = socket.create_connection(("127.0.0.1", port), timeout=60)
patient_end = server.accept()[0]

KINDS = [
    ("by_sleep", by_sleep, None),
    ("by_lock", by_lock, None),
    ("by_pipe", by_pipe, later(lambda: os.write(outlet, b"x"))),
    ("by_child", by_child, new_child),
    ("by_file_lock", by_file_lock, lock_again),
    ("by_epoll", by_epoll, None),
    ("by_select", by_select, None),
    ("by_socket", by_socket, later(lambda: end.send(b"x"))),
    ("by_timeout", by_timeout, later(lambda: patient_end.send(b"x"))),
]


def main():
    threads = [threading.Thread(target=run, name=kind[0], args=kind) for kind in KINDS] + [threading.Thread(target=ender)]
    stop_at[0] = time.monotonic() + SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


truth.ready(port=port)
main()
share_cpu(0.3)
truth.finish(measured=measured)
# SPDX-License-Identifier: MIT
