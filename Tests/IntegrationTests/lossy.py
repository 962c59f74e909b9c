"""Stands between clients and a service, and loses some of its answers: the service has done what the client does not know of."""
import socket
import threading


class LossyProxy:
    """Listens on a port of its own, and goes on with the service's next life. `lost` counts the answers that were not passed on."""

    def __init__(self, service, chance, rate):
        self.service, self.chance, self.rate, self.lost = service, chance, rate, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        try:
            upstream = socket.create_connection(("127.0.0.1", self.service.port), timeout=30)
        except OSError:
            client.close()
            return
        threading.Thread(target=self._pass, args=[client, upstream], daemon=True).start()
        try:
            while answer := upstream.recv(1 << 16):
                if self.chance.random() < self.rate:
                    self.lost += 1
                    break
                client.sendall(answer)
        except OSError:
            pass
        self._close(client, upstream)

    def _pass(self, client, upstream):
        try:
            while request := client.recv(1 << 16):
                upstream.sendall(request)
        except OSError:
            pass
        self._close(client, upstream)

    @staticmethod
    def _close(*sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
