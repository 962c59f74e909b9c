"""ClickHouse, Debian's. Its plainest client posts the very rows that were exported, as TabSeparated, into a table of the same schema: bodies of as
many rows as the exporter's, made before the clock starts, each when the one before is stored. (clickhouse-client's own blocks become one insert on the
server, which is other work.)"""
import pathlib
import time
import urllib.parse
import urllib.request

from peers import debian_version
from processes import Server
from workspace import free_port

NAME = "clickhouse"
GOAL = 150_000
PACKAGES = ["clickhouse-server"]
PLAINEST = "HTTP, the same rows, 10,000 a body"
BODY_ROWS = 10_000
REST = BODY_ROWS - 1
CONFIGURATION = """<yandex>
<listen_host>127.0.0.1</listen_host><http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><interserver_http_port>{replicas}</interserver_http_port>
<path>{folder}/data/</path><tmp_path>{folder}/temporary/</tmp_path><format_schema_path>{folder}/schemas/</format_schema_path>
<users_config>{folder}/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size><logger><level>information</level><console>1</console></logger>
</yandex>"""
USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas>
<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>"""


def versions():
    return {"clickhouse-server": debian_version("clickhouse-server")}


def start(folder):
    http = free_port()
    configuration = folder / "clickhouse.xml"
    configuration.write_text(CONFIGURATION.format(folder=folder, http=http, tcp=free_port(), replicas=free_port()))
    (folder / "users.xml").write_text(USERS)
    return Server(["clickhouse-server", f"--config-file={configuration}"], "Ready for connections", folder, target=http)


def settings(server):
    return {"CLICK_HOUSE_HOST": "127.0.0.1", "CLICK_HOUSE_PORT": server.target}


def query(server, text, body=b""):
    return urllib.request.urlopen(f"http://127.0.0.1:{server.target}/?" + urllib.parse.urlencode({"query": text}), data=body).read()


def keep(server, folder):
    """The rows and how their table was made."""
    schema = query(server, "SHOW CREATE TABLE events.events FORMAT TabSeparatedRaw").decode()
    rows = pathlib.Path(folder) / "rows.tsv"
    # As the log has them, and not as the table sorts them: sorting is a part of the server's work.
    rows.write_bytes(query(server, "SELECT * FROM events.events ORDER BY logPartition, logOffset FORMAT TabSeparated"))
    return schema, rows


def limit(server, events, exported):
    schema, rows = exported
    query(server, "CREATE DATABASE events")
    query(server, schema)
    lines = rows.read_bytes().splitlines(keepends=True)
    bodies = [b"".join(lines[start:start + BODY_ROWS]) for start in range(0, len(lines), BODY_ROWS)]
    begun = time.monotonic()
    for body in bodies:
        query(server, "INSERT INTO events.events FORMAT TabSeparated", body)
    took = time.monotonic() - begun
    count = int(query(server, "SELECT count() FROM events.events"))
    if count != events:
        raise RuntimeError(f"{count} rows of {events}")
    return events / took
