"""A line to a server that can stop carrying what the server says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class BrokenLine:
    """A TCP proxy on loopback."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.answers = True
        """Whether what the server says arrives."""
        self.swallowed = 0
        """Bytes of the server that did not."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it is cut."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, server_writer}
        await asyncio.gather(self._carry(reader, server_writer, False), self._carry(server_reader, writer, True))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if answer and not self.answers:
                    self.swallowed += len(data)
                    continue
                writer.write(data)
                await writer.drain()
        writer.close()

    async def cut(self) -> None:
        """End every connection."""
        writers, self._writers = self._writers, set()
        for writer in writers:
            writer.close()
        for writer in writers:
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def broken_line(port: int) -> AsyncIterator[BrokenLine]:
    """A line to a port of loopback."""
    line = BrokenLine(port)
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        await line.cut()
        server.close()
        await server.wait_closed()
