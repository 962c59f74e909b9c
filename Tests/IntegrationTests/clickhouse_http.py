"""A plain client of ClickHouse's HTTP interface, for the real server and for the engine alike."""
import contextlib
import http.client
import json
import re
import urllib.parse
import uuid


class ClickHouseError(Exception):
    """What the server answers instead of a result. `code` is ClickHouse's own number, None where its text has none."""

    def __init__(self, status, text):
        super().__init__(f"HTTP {status}: {text.strip()}")
        self.status, self.text = status, text
        found = re.match(r"Code: (\d+)", text)
        self.code = int(found[1]) if found else None


class ClickHouseHTTP:
    """To be mixed into a server with `http_port`, `user` and `password`. Every request has a connection of its own."""

    def request(self, method, path, body=None, headers=None, seconds=60):
        """Status, headers with names in lower case, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=seconds)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def query(self, sql, data=None, headers=None, **parameters):
        """What the statement gives, as text. `data` are the bytes that an INSERT ... FORMAT takes; `parameters` are those of the URL, settings too."""
        if data is None:
            body = sql.encode()
        else:
            body, parameters = data, {"query": sql, **parameters}
        headers = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password, **(headers or {})}
        status, _, answer = self.request("POST", "/?" + urllib.parse.urlencode(parameters), body, headers)
        if status != 200:
            raise ClickHouseError(status, answer.decode(errors="replace"))
        return answer.decode()

    def rows(self, sql, **parameters):
        """A SELECT's rows as dicts. Integers are integers, however long; times are text."""
        text = self.query(f"{sql} FORMAT JSONEachRow", output_format_json_quote_64bit_integers=0, **parameters)
        return [json.loads(line) for line in text.splitlines()]

    @contextlib.contextmanager
    def database(self):
        """A new one, which is gone afterwards with what is in it: a server as good as fresh."""
        name = f"test_{uuid.uuid4().hex}"
        self.query(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            if self.process:
                self.go_on()
                self.query(f"DROP DATABASE {name}")

    def is_ready(self):
        with contextlib.suppress(ConnectionError):
            return self.request("GET", "/ping")[2] == b"Ok.\n"
        return False
