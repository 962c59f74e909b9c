"""The engine of a modern ClickHouse (chdb) behind what an inserting client uses of its HTTP interface: `clickhouse_engine.py --port P --path D`.

No newer server can be installed than 18.16, and that one lacks what tables of today have. Every request gets a session of its own, as in
ClickHouse: the URL's parameters are set there, and so reach every statement, whatever its form. The data of an INSERT are given to
the engine apart from the statement. Together with it they would go through the parser of a command line, which ends them at an empty line.
"""
import argparse
import http.server
import json
import re
import signal
import socket
import sys
import urllib.parse
import uuid

from child_server import ChildServer
from clickhouse_http import ClickHouseHTTP
from ports import free_port
from request_bodies import BadBody, decoded

# Parameters of the URL that are not settings. `param_...` are the statement's own.
OWN_PARAMETERS = {"query", "database", "user", "password", "default_format", "query_id", "decompress", "compress", "session_id",
                  "session_timeout", "session_check", "quota_key", "stacktrace", "wait_end_of_query", "buffer_size"}

# An INSERT whose data follow, up to the name of their format. ClickHouse takes one line feed after that as the end of the statement.
INSERT = re.compile(
    rb"""(?is)\A(\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?:`[^`]+`|"[^"]+"|[^\s(`"])+\s*(?:\([^)]*\)\s*)?(?:SETTINGS\s.*?)?)"""
    rb"""(?:\bFORMAT\s+(\w+)[ \t]*;?\r?\n?|\b(VALUES)\b)""")

# ClickHouse's exceptionCodeToHTTPStatus.cpp, by the names that its messages end with. All others are 500.
STATUSES = {
    400: "BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE "
         "CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_UUID "
         "CANNOT_PARSE_INPUT_ASSERTION_FAILED DUPLICATE_COLUMN ILLEGAL_COLUMN THERE_IS_NO_COLUMN UNKNOWN_ELEMENT_IN_AST "
         "UNKNOWN_TYPE_OF_AST_NODE TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH "
         "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    403: "ACCESS_DENIED",
    404: "UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE UNKNOWN_SETTING "
         "UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY",
    408: "TIMEOUT_EXCEEDED",
    411: "HTTP_LENGTH_REQUIRED",
    413: "QUERY_IS_TOO_LARGE",
    501: "NOT_IMPLEMENTED",
    503: "SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK",
}
STATUS_OF_NAME = {name: status for status, names in STATUSES.items() for name in names.split()}


class ClickHouseEngine(ClickHouseHTTP, ChildServer):
    """The tests' side of it: the same verbs as the real server's. User and password are taken, and not looked at."""

    user, password = "default", ""

    def __init__(self, folder):
        super().__init__(folder)
        self.http_port = free_port()

    def command(self):
        return [sys.executable, __file__, "--port", self.http_port, "--path", self.folder / "data"], None


class Engine:
    """chdb, by its connections: their methods take and give bytes, where the session's public ones assume text."""

    def __init__(self, path):
        # Half a GB of code: only the server's own process loads it.
        import chdb.session
        self.new_session, self.path = chdb.session.Session, path
        # The engine lives as long as any session.
        self.first = self.new_session(path)
        self.version = self.first.query("SELECT version()", "TabSeparated").bytes().decode().strip()

    def run(self, statement, default_format, database, settings, parameters, read_only):
        """Result, rows written and rows read."""
        session = self.new_session(self.path)
        try:
            connection = session._conn._conn
            if database:
                connection.query(f"USE {quoted(database, '`')}", "Null")
            for name, value in settings.items():
                connection.query(f"SET {quoted(name, '`')} = {quoted(value)}", "Null")
            return run(connection, statement, default_format, parameters, read_only)
        finally:
            session.close()


def run(connection, statement, default_format, parameters, read_only):
    insert = INSERT.match(statement)
    kind = connection.classify_query((insert[1] + b" FORMAT Null" if insert else statement).decode(errors="replace"))
    if read_only and kind["query_class"].name == "MUTATING":
        raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
                           "You should use method POST for modifying queries. (READONLY)")
    if kind["statement_count"] > 1:
        raise RuntimeError("Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
    if not insert:
        result = connection.query(statement, default_format, params=parameters)
        return result.bytes(), result.rows_written(), result.rows_read()
    stream = connection.send_insert(insert[1].decode(), (insert[2] or insert[3]).decode())
    if data := statement[insert.end():]:
        connection.insert_append(stream, data)
    return b"", connection.insert_done(stream).rows_written(), 0


def quoted(text, mark="'"):
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two writes; the second does not wait for the first one's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        parameters = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/ping" or (url.path == "/" and self.command == "GET" and "query" not in parameters):
            return self.answer(200, b"Ok.\n")
        if url.path != "/":
            return self.answer(404, f"There is no handle {self.path}\n".encode())
        try:
            body = self.body()
            if body is not None:
                self.execute(parameters, body)
        except (BadRequest, RuntimeError) as error:
            self.refuse(str(error).removeprefix("Streaming insert finish failed: ").removeprefix("Streaming insert append failed: "))

    do_POST = do_GET

    def execute(self, parameters, body):
        try:
            body = decoded(body, self.headers.get("Content-Encoding", ""), parameters.get("decompress") == "1")
        except BadBody as error:
            raise BadRequest(str(error)) from None
        # As ClickHouse puts them together.
        statement = b"\n".join(filter(None, (parameters.get("query", "").encode(), body)))
        own = {name.removeprefix("param_"): value for name, value in parameters.items() if name.startswith("param_")}
        settings = {name: value for name, value in parameters.items() if name not in OWN_PARAMETERS and not name.startswith("param_")}
        result, rows_written, rows_read = self.server.engine.run(
            statement, parameters.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated",
            parameters.get("database") or self.headers.get("X-ClickHouse-Database"), settings, own, self.command == "GET")
        self.answer(200, bytes(result), {
            "X-ClickHouse-Query-Id": parameters.get("query_id") or str(uuid.uuid4()),
            "X-ClickHouse-Summary": json.dumps({"read_rows": str(rows_read), "written_rows": str(rows_written)})})

    def body(self):
        """All of it; None when the client is gone before its end, and then nothing is done."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.chunked_body()
        if self.command == "POST" and "Content-Length" not in self.headers:
            raise BadRequest("Code: 381. DB::Exception: The Transfer-Encoding is not chunked and there is no Content-Length header "
                             "for POST request. (HTTP_LENGTH_REQUIRED)")
        return self.bytes_of(int(self.headers.get("Content-Length", 0)))

    def chunked_body(self):
        parts = []
        while True:
            line = self.rfile.readline(1024)
            if not line.endswith(b"\n"):
                return self.gone()
            size = int(line.split(b";")[0], 16)
            if not size:
                break
            part = self.bytes_of(size)
            if part is None or self.bytes_of(2) is None:
                return None
            parts.append(part)
        while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(parts)

    def bytes_of(self, count):
        data = self.rfile.read(count)
        return data if len(data) == count else self.gone()

    def gone(self):
        self.close_connection = True

    def refuse(self, text):
        """`text` is the engine's; a server's ends with its version."""
        text = re.sub(r"(\s*\(version [^()]*\))?\s*\Z", "", text)
        code = re.match(r"Code: (\d+)", text)
        name = re.search(r"\((\w+)\)\Z", text)
        self.answer(STATUS_OF_NAME.get(name and name[1], 500), f"{text} (version {self.server.engine.version})\n".encode(),
                    {"X-ClickHouse-Exception-Code": code[1]} if code else {})

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print(form[:500] % values, file=sys.stderr, flush=True)


class BadRequest(Exception):
    """Refused before the engine sees it; the text is as ClickHouse's."""


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET
    request_queue_size = 256

    def __init__(self, port, path):
        self.engine = Engine(path)
        super().__init__(("127.0.0.1", port), Handler)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--path", required=True, help="the data directory: of one process only")
    options = arguments.parse_args()
    server = Server(options.port, options.path)
    # Leaves serve_forever by an exception; requests that run are not waited for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
