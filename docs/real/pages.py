"""The site that the crawler visits: so many pages, each of which takes its time. Prints its port."""

import asyncio
import sys

LATENCY = 0.05  # seconds
PAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 300


def page(number):
    links = "".join(f'<li><a href="/page/{n}">page {n}</a></li>' for n in range(5 * number + 1, 5 * number + 6) if n < PAGES)
    return f"<html><body><h1>Page {number}</h1>{'<p>Words, words.</p>' * 300}<ul>{links}</ul></body></html>"


async def answer(reader, writer):
    while request := await reader.readline():
        while await reader.readline() not in (b"\r\n", b""):
            pass
        path = request.split()[1].decode()
        await asyncio.sleep(LATENCY)
        body = "User-agent: *\nDisallow: /private\n" if path == "/robots.txt" else page(int(path.rpartition("/")[2] or 0))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
    writer.close()


async def main():
    for port in range(8080, 8180):  # below those that the kernel gives away
        try:
            server = await asyncio.start_server(answer, "127.0.0.1", port)
            break
        except OSError:
            continue
    print(port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
# SPDX-License-Identifier: MIT
