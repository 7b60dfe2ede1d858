#!/usr/bin/env python3
"""What `make demo` profiles: a small web shop as people run them, standard library only.

    demo_workload.py serve     a pre-forked HTTP service, a multiprocessing pool that makes its reports,
                               and threads that pack its archive; prints the port, runs until killed
    demo_workload.py load PORT SECONDS   customers: requests from several threads, prints how many
    demo_workload.py shop      both, each a service of that name to back ends, until killed or Ctrl-C
"""

import collections
import hashlib
import html
import http.client
import http.server
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import statistics
import string
import subprocess
import sys
import threading
import time
import zlib

WEB_WORKERS = 3
REPORT_WORKERS = 2
CUSTOMERS = 4

Product = collections.namedtuple("Product", "number name price words")


class Catalogue:
    """The shop's goods, and a search over them."""

    def __init__(self, size=2000):
        rng = random.Random(1)
        words = ["".join(rng.choice(string.ascii_lowercase) for _ in range(5)) for _ in range(300)]
        self.products = []
        for number in range(size):
            chosen = rng.sample(words, 8)
            self.products.append(Product(number, " ".join(chosen[:3]).title(), rng.randrange(100, 9999), chosen))
        self.words = words

    def score(self, product, terms):
        return sum(3 if term == word else term in word for term in terms for word in product.words)

    def search(self, query, limit=12):
        terms = re.findall(r"[a-z]+", query.lower())
        scored = ((self.score(product, terms), product) for product in self.products)
        return [product for score, product in sorted(scored, key=lambda pair: (-pair[0], pair[1].price))[:limit]]


class Basket:
    """Prices with the kind of rules that nobody wants to touch."""

    def __init__(self, products):
        self.products = products

    def discount(self, product):
        rate = 1.0
        for step in range(1, 40):
            if product.price % (step + 1) == 0:
                rate *= 0.99
        return rate

    def total(self):
        return round(sum(product.price * self.discount(product) for product in self.products))


CATALOGUE = Catalogue()
PAGE = string.Template("<html><title>$title</title><ul>$items</ul><p>Total: $total</p></html>")


def render_item(product):
    return f"<li>{html.escape(product.name)} <b>{product.price / 100:.2f}</b></li>"


def render_page(query, products, total):
    items = "".join(render_item(product) for product in products)
    return PAGE.substitute(title=html.escape(query), items=items, total=total)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        what, _, query = self.path.strip("/").partition("/")
        products = CATALOGUE.search(query)
        if what == "api":
            body = json.dumps([product._asdict() for product in products], indent=1).encode()
            self.answer("application/json", body)
        else:
            page = render_page(query, products, Basket(products).total())
            self.answer("text/html", page.encode())

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """One accept queue, shared by all the workers."""

    daemon_threads = True

    def __init__(self, listener):
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def web_worker(listener):
    Server(listener).serve_forever()


def is_prime(number):
    return number > 1 and all(number % i for i in range(2, int(number**0.5) + 1))


def monthly_report(month):
    """Of a pool's worker: numbers for the accountant, and a secret prime for each month."""
    rng = random.Random(month)
    sales = [rng.lognormvariate(3, 1) for _ in range(4000)]
    quarters = statistics.quantiles(sales, n=4)
    prime = next(n for n in range(10**6 + month * 5000, 10**7) if is_prime(n))
    return month, round(statistics.fmean(sales), 2), quarters, prime


def make_reports():
    with multiprocessing.get_context("spawn").Pool(REPORT_WORKERS) as pool:
        while True:
            for _ in pool.imap_unordered(monthly_report, range(24)):
                pass


def pack_archive(stop):
    """C code that works without the GIL."""
    data = json.dumps([product._asdict() for product in CATALOGUE.products]).encode() * 4
    while not stop.wait(0.05):
        zlib.compress(data, 6)
        hashlib.sha256(data).hexdigest()


def serve():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    for _ in range(WEB_WORKERS):
        if os.fork() == 0:
            web_worker(listener)
            os._exit(0)
    print(listener.getsockname()[1], flush=True)
    stop = threading.Event()
    for number in range(2):
        threading.Thread(target=pack_archive, args=(stop,), name=f"archive-{number}", daemon=True).start()
    make_reports()


def is_gone(port, patience=5):
    """Whether the service is stopped, or just being stopped: its processes do not end in one moment."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return True
        time.sleep(0.02)
    return False


def customer(port, end, done):
    """Until the end, or until the shop is closed, in whichever word of its answer that happens."""
    rng = random.Random(threading.get_ident())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while time.monotonic() < end:
        words = "+".join(rng.sample(CATALOGUE.words, 2))
        try:
            connection.request("GET", f"/{rng.choice(['api', 'shop', 'shop'])}/{words}")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            if is_gone(port):
                return
            raise
        done.append(1)
        time.sleep(0.005)


def load(port, seconds):
    done, end = [], time.monotonic() + seconds
    threads = [threading.Thread(target=customer, args=(port, end, done)) for _ in range(CUSTOMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(done))


def start(name, *arguments, **options):
    """That part of the shop, as a service of that name, in a group of processes of its own."""
    command = [sys.executable, os.path.abspath(__file__), *arguments]
    return subprocess.Popen(command, env={**os.environ, "OTEL_SERVICE_NAME": name}, start_new_session=True, **options)


def shop():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    parts = [start("shop", "serve", stdout=subprocess.PIPE, text=True)]
    try:
        port = parts[0].stdout.readline().strip()
        parts.append(start("customers", "load", port, "1e9", stdout=subprocess.DEVNULL))
        parts[0].wait()
    finally:
        for part in parts[::-1]:
            os.killpg(part.pid, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL if sys.argv[1:] != ["shop"] else lambda *_: sys.exit())
    if sys.argv[1:] == ["serve"]:
        serve()
    elif sys.argv[1:] == ["shop"]:
        shop()
    elif len(sys.argv) == 4 and sys.argv[1] == "load":
        load(int(sys.argv[2]), float(sys.argv[3]))
    else:
        sys.exit(__doc__)
# SPDX-License-Identifier: MIT
