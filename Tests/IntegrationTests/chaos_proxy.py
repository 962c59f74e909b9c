"""A TCP proxy in front of a server that loses, cuts and delays what passes, as it is told while it runs."""
import contextlib
import dataclasses
import enum
import socket
import threading

from ports import free_port

CHUNK_BYTES = 65536
CONNECT_SECONDS_MAX = 10


class Kind(enum.Enum):
    PASS = enum.auto()
    REFUSE = enum.auto()
    BLACK_HOLE = enum.auto()
    CUT_REPLIES = enum.auto()
    CUT_REQUESTS = enum.auto()
    DELAY = enum.auto()


@dataclasses.dataclass(eq=False)
class Mode:
    """One object for each time that a mode is switched on: what a connection has counted for one does not count for the next."""
    kind: Kind
    after: int = 0
    pattern: bytes = b""
    times: float = 1
    seconds: float = 0


@dataclasses.dataclass(eq=False)
class Progress:
    """How far a connection is in a mode: whether what is to be cut has begun, how much of it has passed, and the end of the request so
    far, where the pattern may begin."""
    mode: Mode
    is_found: bool
    passed: int = 0
    tail: bytes = b""


class ChaosProxy:
    """Listens on `port` of 127.0.0.1 in front of `target`, a port there. The port is the same for the proxy's whole life.

    The cutting modes do so as often as `times` says, over all connections, and let everything pass then. With `pattern`, bytes of a
    request such as b"XADD", they leave alone what comes before it on a connection, such as a handshake.
    """

    def __init__(self, target):
        self.target, self.port = target, free_port()
        self.changed = threading.Condition()
        self.mode = Mode(Kind.PASS)
        self.links, self.threads = set(), set()
        self.accepted = self.cuts = 0
        self.is_closed = False
        # Keeps the port while nothing listens there: it is bound but does not listen, so who connects is refused.
        self.holder, self.listener = self.bound(), None
        self.listen()

    # MARK: The modes

    def pass_on(self):
        """What a black hole or a delay held back goes on its way."""
        self.switch(Mode(Kind.PASS))

    def refuse(self):
        """Nobody listens, and the connections that there are end: the server is gone."""
        self.switch(Mode(Kind.REFUSE))

    def black_hole(self):
        """Connections are taken and stay, but nothing passes in either direction, not even their end: the network is gone."""
        self.switch(Mode(Kind.BLACK_HOLE))

    def cut_replies(self, after=0, pattern=b"", times=1):
        """The connection ends after so many bytes of a reply: the server has done what was asked, and the client does not know.

        With `after=0` it ends when the reply arrives here. With a pattern, only replies count that come after a request with it.
        """
        self.switch(Mode(Kind.CUT_REPLIES, after, pattern, times))

    def cut_requests(self, after, pattern=b"", times=1):
        """The connection ends after so many bytes of a request, or so many from the beginning of the pattern on; the rest never arrives."""
        self.switch(Mode(Kind.CUT_REQUESTS, after, pattern, times))

    def delay(self, seconds):
        """Whatever arrives here goes on so much later, in both directions. Of one direction no more than 64 KiB do so at a time."""
        self.switch(Mode(Kind.DELAY, seconds=seconds))

    def cut(self):
        """Ends all connections now; the mode stays."""
        with self.changed:
            for link in list(self.links):
                link.end()

    def switch(self, mode):
        with self.changed:
            self.mode = mode
            self.changed.notify_all()
        if mode.kind is Kind.REFUSE:
            self.stop_listening()
            self.cut()
        elif not self.listener:
            self.listen()

    # MARK: Its life

    @property
    def connections(self):
        """How many there are now."""
        with self.changed:
            return len(self.links)

    def close(self):
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()
        self.stop_listening()
        self.cut()
        while running := self.running_threads():
            running.pop().join()
        self.holder.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def bound(self):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", self.port))
        return bound

    def listen(self):
        self.listener = self.bound()
        self.listener.listen(256)
        self.run(self.accept, self.listener)

    def stop_listening(self):
        if self.listener:
            # Wakes its thread, which a close does not.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                if self.mode.kind is Kind.REFUSE or self.is_closed:
                    # It was taken just before the listener was closed.
                    client.close()
                    continue
                self.accepted += 1
                link = Link(self, client)
                self.links.add(link)
            self.run(link.carry)

    def run(self, function, *arguments):
        def whole():
            try:
                function(*arguments)
            finally:
                self.threads.discard(thread)
        thread = threading.Thread(target=whole, daemon=True)
        # Nobody finds it there before it runs, when it cannot be waited for.
        with self.changed:
            self.threads.add(thread)
            thread.start()
        return thread

    def running_threads(self):
        with self.changed:
            return self.threads.copy()

    def take_a_cut(self, mode):
        """Whether this mode may still cut; the last time ends it."""
        with self.changed:
            if self.mode is not mode or mode.times <= 0:
                return False
            mode.times -= 1
            self.cuts += 1
            if mode.times <= 0:
                self.mode = Mode(Kind.PASS)
            return True


class Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.server = proxy, client, None
        self.is_over = False
        self.progress = Progress(None, False)

    def carry(self):
        try:
            self.held()
            if not self.is_over and self.connect():
                replies = self.proxy.run(self.pump, self.server, self.client, self.reply)
                self.pump(self.client, self.server, self.request)
                replies.join()
        finally:
            with self.proxy.changed:
                self.proxy.links.discard(self)
                self.end()
            self.client.close()
            if self.server:
                self.server.close()

    def connect(self):
        try:
            server = socket.create_connection(("127.0.0.1", self.proxy.target), CONNECT_SECONDS_MAX)
        except OSError:
            return False  # Nobody is there, and the client's connection ends too.
        server.settimeout(None)
        for side in (self.client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.proxy.changed:
            self.server = server
            return not self.is_over

    def pump(self, source, sink, forward):
        """One direction, until its end; the other one may go on then."""
        try:
            while chunk := source.recv(CHUNK_BYTES):
                forward(self.held(), chunk)
            self.held()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.end()

    def held(self):
        """Waits as long as nothing may pass; returns the progress in the mode in which it may."""
        proxy = self.proxy
        with proxy.changed:
            mode = proxy.mode
            if mode.kind is Kind.DELAY:
                proxy.changed.wait_for(lambda: proxy.mode is not mode or self.is_over, mode.seconds)
            proxy.changed.wait_for(lambda: proxy.mode.kind is not Kind.BLACK_HOLE or self.is_over)
            if self.progress.mode is not proxy.mode:
                self.progress = Progress(proxy.mode, not proxy.mode.pattern)
            return self.progress

    def request(self, progress, chunk):
        mode, begin = progress.mode, 0
        if not progress.is_found:
            seen = progress.tail + chunk
            position = seen.find(mode.pattern)
            # Before its reply can come.
            progress.is_found = position >= 0
            begin = position - len(progress.tail)
            if progress.is_found and begin < 0 and mode.kind is Kind.CUT_REQUESTS:
                # So much of the pattern has passed with an earlier chunk.
                progress.passed, begin = -begin, 0
            progress.tail = seen[1 - len(mode.pattern):] if len(mode.pattern) > 1 else b""
        if mode.kind is Kind.CUT_REQUESTS and progress.is_found:
            rest = max(0, mode.after - progress.passed)
            if len(chunk) - begin >= rest and self.proxy.take_a_cut(mode):
                self.server.sendall(chunk[:begin + rest])
                return self.end()
            progress.passed += len(chunk) - begin
        self.server.sendall(chunk)

    def reply(self, progress, chunk):
        mode = progress.mode
        if mode.kind is Kind.CUT_REPLIES and progress.is_found:
            rest = max(0, mode.after - progress.passed)
            if len(chunk) >= rest and self.proxy.take_a_cut(mode):
                self.client.sendall(chunk[:rest])
                return self.end_after_replies()
            progress.passed += len(chunk)
        self.client.sendall(chunk)

    def end_after_replies(self):
        """For the client it is over. The server may read all that was sent, and its replies are dropped: what it got it has done."""
        with contextlib.suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)
            while self.server.recv(CHUNK_BYTES):
                pass
        self.end()

    def end(self):
        """Both connections end; their threads notice."""
        with self.proxy.changed:
            self.is_over = True
            for side in (self.client, self.server):
                with contextlib.suppress(OSError, AttributeError):
                    side.shutdown(socket.SHUT_RDWR)
            self.proxy.changed.notify_all()
