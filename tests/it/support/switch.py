"""A port that leads where a test says, and elsewhere when it says so: connections are passed on byte for byte."""

import asyncio
import threading

from support.role import free_port


class Switch:
    """With `tls`, an ssl.SSLContext, it is the server's end of TLS, too."""

    def __init__(self, target, port=None, tls=None):
        self.port = port or free_port()
        self.target = target
        self._tls = tls
        self._passing = {}  # task -> the two ends of a connection
        self._left = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._pass_on, "127.0.0.1", self.port, ssl=self._tls)
        )
        self._loop.run_forever()
        server.close()

    async def _pass_on(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        task = asyncio.current_task()
        self._passing[task] = (writer, back)
        try:
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        except asyncio.CancelledError:
            self._left.append((writer, back))
        finally:
            del self._passing[task]

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def leave(self):
        """Connections that are there stay open, and nothing passes any more; new ones are passed on. Returns how many."""

        async def cancel():
            return sum(task.cancel() for task in list(self._passing))

        return asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)

    def hang_up(self):
        """Connections that are there end."""

        async def close():
            for ends in [*self._passing.values(), *self._left]:
                for end in ends:
                    end.close()
            self._left.clear()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    def close(self):
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
