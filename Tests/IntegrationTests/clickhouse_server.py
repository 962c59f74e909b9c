"""A real ClickHouse server, Debian's 18.16: what its HTTP interface does is proven here; newer tables need the engine (clickhouse_engine.py)."""
from xml.sax.saxutils import escape

from child_server import ChildServer
from clickhouse_http import ClickHouseHTTP
from ports import free_port


class ClickHouseServer(ClickHouseHTTP, ChildServer):
    """`settings` are those of the profile that every query starts with, such as {"max_memory_usage": 10**7}; `kafka` those of its Kafka consumers, which are
    librdkafka's with _ for a point."""

    def __init__(self, folder, user="default", password="", settings=None, kafka=None):
        super().__init__(folder)
        self.user, self.password, self.settings, self.kafka = user, password, settings or {}, kafka or {}
        self.http_port, self.tcp_port, self.replicas_port = free_port(), free_port(), free_port()

    def command(self):
        folder = self.folder.resolve()
        users = folder / "users.xml"
        config = folder / "config.xml"
        users.write_text(f"""<yandex>
    <profiles><default>{elements(self.settings)}</default></profiles>
    <users><{self.user}>
        <password>{escape(self.password)}</password>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
    </{self.user}></users>
    <quotas><default/></quotas>
</yandex>
""")
        config.write_text("<yandex>" + elements({
            "listen_host": "127.0.0.1", "http_port": self.http_port, "tcp_port": self.tcp_port, "interserver_http_port": self.replicas_port,
            "path": f"{folder}/data/", "tmp_path": f"{folder}/temporary/", "format_schema_path": f"{folder}/schemas/",
            "users_config": users, "default_profile": "default", "default_database": "default", "mark_cache_size": 64 << 20,
        }) + f"<kafka>{elements(self.kafka)}</kafka>" + "<logger><level>information</level><console>1</console></logger></yandex>\n")
        return ["clickhouse-server", f"--config-file={config}"], None


def elements(values):
    return "".join(f"\n    <{name}>{escape(str(value))}</{name}>" for name, value in values.items())
