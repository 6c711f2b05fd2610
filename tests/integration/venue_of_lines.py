"""The smallest venue there is: a line ``ID SYMBOL UNITS`` buys at market and is answered by the order's state."""

import asyncio
import sys
import types

from nanodesk.market.enums import Side
from nanodesk.market.order import Order


class LineVenue:
    name = "tws"

    def __init__(self, server, seen):
        self._server, self._seen = server, seen
        self.port = server.sockets[0].getsockname()[1]
        self.endpoints = {"address": f"127.0.0.1:{self.port}"}
        self.dropped = 0

    def counts(self):
        return {"new": len(self._seen), "dropped": self.dropped}

    async def drop_clients(self):
        self.dropped += 1

    async def close(self):
        self._server.close()


async def serve(market, options):
    seen = []

    async def answer(reader, writer):
        words = (await reader.readline()).decode().split()
        seen.append(words[0])
        order = market.submit(options.account_id, Order(words[0], words[1], Side.BUY, int(words[2]) * 10**9))
        writer.write(f"{order.state.value} {order.code}\n".encode())
        await writer.drain()
        writer.close()

    return LineVenue(await asyncio.start_server(answer, options.host, options.port), seen)


if __name__ == "__main__":
    module = types.ModuleType("nanodesk.venues.tws.venue")
    module.serve = serve
    sys.modules["nanodesk.venues.tws.venue"] = module
    from nanodesk.cli.app import main

    main(sys.argv[1:])
