"""A crawler with asyncio and aiohttp: 20 pages at a time, and polite: it asks each site's robots.txt first."""

import asyncio
import os
import sys
import time
import urllib.robotparser
from html.parser import HTMLParser

import aiohttp

MENDED = "MENDED" in os.environ
took = {"robots": 0.0}


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found += [value for name, value in attributes if name == "href"]


class Crawler:
    def __init__(self, site):
        self.site = site
        self.seen = {"/"}
        self.queue = asyncio.Queue()
        self.robots = None
        self.asked = asyncio.Lock()

    def read_robots(self):
        """Waits for the network, as urllib does."""
        began = time.perf_counter()
        rules = urllib.robotparser.RobotFileParser(self.site + "/robots.txt")
        rules.read()
        took["robots"] += time.perf_counter() - began
        return rules

    async def allowed(self, path):
        if not MENDED:
            return self.read_robots().can_fetch("*", self.site + path)
        async with self.asked:
            if not self.robots:  # once, and with everybody else going on
                self.robots = await asyncio.to_thread(self.read_robots)
        return self.robots.can_fetch("*", self.site + path)

    async def visit(self, session, path):
        if not await self.allowed(path):
            return
        async with session.get(self.site + path) as answer:
            text = await answer.text()
        links = Links()
        links.feed(text)
        for link in links.found:
            if link not in self.seen:
                self.seen.add(link)
                self.queue.put_nowait(link)

    async def work(self, session):
        while True:
            await self.visit(session, await self.queue.get())
            self.queue.task_done()

    async def crawl(self):
        self.queue.put_nowait("/")
        async with aiohttp.ClientSession() as session:
            workers = [asyncio.create_task(self.work(session), name=f"worker {n}") for n in range(20)]
            await self.queue.join()
            for worker in workers:
                worker.cancel()


async def main(site):
    began = time.perf_counter()
    crawler = Crawler(site)
    await crawler.crawl()
    took["crawl"] = time.perf_counter() - began
    print(len(crawler.seen), "pages; took", {name: round(seconds, 3) for name, seconds in took.items()})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
# SPDX-License-Identifier: MIT
