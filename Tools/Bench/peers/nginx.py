"""nginx that writes each body to a file, which is the least a collector can be. It looks at nothing, and answers first.

nginx reads a body only for a module that wants it. `mirror` does, before the content is made; so the body is there when the
request is logged. The content itself is a 202: `empty_gif` refuses a POST with 405, and that is sent on to the answer.
"""
import contextlib

from peers import Row, debian_version
from processes import Failure, Server
from workspace import free_port

CLIENT = "http"
PACKAGES = ["nginx"]


def versions():
    return {"nginx": debian_version("nginx")}


def rows():
    return [
        Row("nginx, body to a file, gzip batches", start, share=5),
        Row("nginx, body to a file, single events", start, batch=1, connections=64, share=0.25),
    ]


@contextlib.contextmanager
def start(folder):
    port, settings, bodies = free_port(), folder / "nginx.conf", folder / "data/bodies"
    temporary = "\n  ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    settings.write_text(f"""
user root;
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
  {temporary}
  access_log off;
  keepalive_requests 1000000000;
  client_body_buffer_size 256k;
  client_body_in_single_buffer on;
  log_format body escape=none '$content_length\\n$request_body';
  server {{
    listen 127.0.0.1:{port};
    location = /api/events {{
      mirror /nothing;
      empty_gif;
      error_page 405 = @accepted;
    }}
    location = /nothing {{ internal; return 204; }}
    location @accepted {{ access_log {bodies} body; return 202; }}
  }}
}}
""")
    with Server(["nginx", "-e", "stderr", "-c", settings], "start worker process", folder, CLIENT, port, {"answer": "status"}) as server:
        yield server
        server.end()
        if (stored := count(bodies)) != server.requests:
            raise Failure(f"nginx stored {stored} of {server.requests} bodies")


def count(path):
    """How many whole bodies the file has: each is its length, a line feed, its bytes, a line feed."""
    found = 0
    with open(path, "rb") as file:
        while line := file.readline():
            body = file.read(int(line) + 1)
            if len(body) != int(line) + 1 or body[-1:] != b"\n":
                raise Failure(f"nginx: body {found} is not whole")
            found += 1
    return found
