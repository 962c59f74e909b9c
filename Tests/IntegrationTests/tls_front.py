"""TLS in front of a server that has none: a port of this machine where it ends."""
import asyncio
import contextlib
import ssl
import threading


@contextlib.contextmanager
def tls_front(target, certificates, host="localhost"):
    """Yields the port; what comes there over TLS goes to `target`, a port too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    loop = asyncio.new_event_loop()

    async def pass_on(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def accepted(reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(accepted, "127.0.0.1" if host == "localhost" else host, 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
