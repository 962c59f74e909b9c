"""ClickHouse's own Kafka engine reads the log: Debian's server fills a table from okla.events.raw."""
from clickhouse_server import ClickHouseServer
from service import Service, wait_until

COUNT = 6000


def test_clickhouse_fills_a_table_from_the_log(tmp_path):
    with Service(tmp_path / "data", {"EVENT_TRACKING_BATCH_SIZE": "1000"}) as service, ClickHouseServer(
            tmp_path / "clickhouse", settings={"input_format_skip_unknown_fields": 1}, kafka={"auto_offset_reset": "earliest"}) as clickhouse:

        def send(first, last):
            for start in range(first, last, 200):
                events = [{"event": "vehicle_view", "userId": f"user-{number}", "messageId": f"m-{number}", "properties": {"vehicleId": f"v-{number}"}}
                          for number in range(start, start + 200)]
                assert service.post("/api/events", events).json["accepted"] == 200
        send(0, COUNT // 2)
        clickhouse.query("CREATE TABLE events (event String, userId String, messageId String) ENGINE = MergeTree ORDER BY messageId")
        clickhouse.query(f"""CREATE TABLE queue (event String, userId String, messageId String) ENGINE = Kafka SETTINGS
            kafka_broker_list = '{service.ready["kafka"]}', kafka_topic_list = 'okla.events.raw', kafka_group_name = 'clickhouse', kafka_format = 'JSONEachRow',
            kafka_row_delimiter = '\\n'""")
        clickhouse.query("CREATE MATERIALIZED VIEW filling TO events AS SELECT event, userId, messageId FROM queue")
        send(COUNT // 2, COUNT)
        wait_until(lambda: clickhouse.rows("SELECT count() AS c FROM events")[0]["c"] >= COUNT, 60)
        found = clickhouse.rows("SELECT event, userId, messageId FROM events")
        assert sorted((row["event"], row["userId"], row["messageId"]) for row in found) == sorted(("vehicle_view", f"user-{number}", f"m-{number}") for number in range(COUNT))
