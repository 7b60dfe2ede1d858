#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is our memory bounded by what is alive? Records the whole host with --rotate while processes come and go, each with ten functions
that nobody had before, and prints our resident memory, the number of births and what was written, every ten seconds.

    tests/bench/memory.py [--forks 1000] [--minutes 10] [--program build/pybpfprof]

It ends with the largest figure after the first minute beside the one of the first minute.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

STORM = r'''
import os, sys, time
each = 1 / float(sys.argv[1])
born = 0
next_birth = time.perf_counter()
while True:
    born += 1
    pid = os.fork()
    if not pid:
        names = {}
        mine = os.getpid()
        source = "".join(f"def f{born}_{i}(n):\n    return n and f{born}_{i + 1}(n)\n" for i in range(9))
        exec(compile(source + f"def f{born}_9(n):\n    for i in range(n): pass\n", "storm.py", "exec"), names)
        names[f"f{born}_0"](6000)
        os._exit(0)
    next_birth += each
    if born % 100 == 0:
        print(born, flush=True)
    while next_birth - time.perf_counter() > 0:
        time.sleep(max(0, next_birth - time.perf_counter()))
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
'''


def resident_mb(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS')) / 1024


def parse():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--forks', type=float, default=1000, help='a second')
    p.add_argument('--minutes', type=float, default=10)
    p.add_argument('--rate', default='99')
    p.add_argument('--program', default='build/pybpfprof')
    return p.parse_args()


def main():
    args = parse()
    with tempfile.TemporaryDirectory() as folder:
        births = open(f'{folder}/births', 'w+')
        storm = subprocess.Popen([sys.executable, '-c', STORM, str(args.forks)], stdout=births)
        profiler = subprocess.Popen([args.program, 'record', '-q', '--all', '--rotate', '10', '-r', args.rate,
                                     '-o', f'{folder}/w.folded'])
        figures = []
        start = time.time()
        try:
            while time.time() < start + args.minutes * 60 and profiler.poll() is None:
                time.sleep(10)
                figures.append((time.time() - start, resident_mb(profiler.pid)))
                born = int((pathlib.Path(births.name).read_text().split() or ['0'])[-1])
                print(f'{figures[-1][0]:6.0f} s  {figures[-1][1]:6.1f} MB  {born} births'
                      f'  {len(os.listdir(folder))} files', flush=True)
        finally:
            profiler.send_signal(signal.SIGINT)
            profiler.wait()
            storm.kill()
    early = max(mb for at, mb in figures if at <= 65)
    late = max([mb for at, mb in figures if at > 65] or [0])
    print(f'first minute {early:.1f} MB, later at most {late:.1f} MB')


if __name__ == '__main__':
    main()
