"""`/metrics`: the specification's names, bounded labels, and a format that Prometheus itself reads."""
import re
import subprocess

from scrape import Scrape
from service import Service, wait_until

# Names of the specification, which binds to the letter: promtool would have them in base units.
KNOWN_FINDINGS = {"events_processing_time_ms metric names should not contain abbreviated units"}

# Of the specification's section on metrics, but for those of the exporter.
NAMES = [
    "events_received_total", "events_processed_total", "events_failed_total", "events_batch_size_count",
    "events_processing_time_ms_count", "kafka_messages_produced_total", "kafka_messages_consumed_total", "rate_limit_exceeded_total",
]


def promtool(text):
    """What `promtool check metrics` finds."""
    result = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, timeout=60)
    found = (result.stdout + result.stderr).decode().strip()
    return set(found.split("\n")) if found else set()


def exercise(service):
    view = {"event": "vehicle_view", "userId": "u", "messageId": "v", "properties": {"vehicleId": "a"}}
    service.post("/api/events", view, User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    service.post("/api/events", [view, {"event": "search", "userId": "u"}, {"event": "a\r\nb\"\\\u0001 🚗", "userId": "u"}])
    service.post("/api/events", "{")


def test_prometheus_reads_it_and_finds_nothing_new(service):
    assert promtool(Scrape(service).text) <= KNOWN_FINDINGS
    exercise(service)
    assert promtool(Scrape(service).text) == KNOWN_FINDINGS
    # The check finds what is wrong.
    assert promtool("# TYPE wrong counter\nwrong 1\n") and promtool("a{ 1\n")


def test_the_specifications_names_are_there(service):
    exercise(service)
    figures = Scrape(service)
    for name in NAMES:
        assert figures.all(name), name
    assert figures.by("events_received_total", "type") == {"vehicle_view": 2, "search": 1, "a\r\nb\"\\\u0001 🚗": 1}
    assert figures.sum("events_processed_total") == 3
    assert figures.by("events_failed_total", "reason") == {"rejected": 1}
    assert {labels["reason"] for labels, _ in figures.all("events_failed_total")} == {"rejected", "rate_limited", "unavailable"}
    assert {labels["limit"] for labels, _ in figures.all("rate_limit_exceeded_total")} == {"global", "per_ip"}
    assert figures.sum("kafka_messages_produced_total") == 3
    assert figures.sum("events_batch_size_count") == 2 and figures.sum("events_batch_size_sum") == 4
    assert figures.sum("events_batch_size_bucket", le="1") == 1 and figures.sum("events_batch_size_bucket", le="5") == 2
    assert figures.sum("events_processing_time_ms_count") == 2
    assert 0 < figures.sum("events_processing_time_ms_sum") < 60_000
    assert figures.sum("dedup_window_seconds") == 24 * 3600 and figures.sum("dedup_entries") == 2


def test_the_log_and_the_caches_tell_how_they_are(service):
    exercise(service)
    figures = Scrape(service)
    assert figures.sum("log_commit_duration_seconds_count") == figures.sum("log_commit_records_count") > 0
    assert 0 < figures.sum("log_commit_duration_seconds_sum") < 60
    assert figures.sum("log_commit_records_sum") == 3
    assert figures.sum("log_commit_appends_sum") == 2
    assert figures.sum("log_queue_appends") == 0 and figures.sum("log_queue_bytes") == 0
    assert len(figures.all("log_segments", topic="okla.events.raw")) == 12
    assert figures.sum("log_end_offset", topic="okla.events.raw") == 2
    assert figures.by("log_partitions", "state") == {"open": 25}
    assert {labels["state"] for labels, _ in figures.all("log_partitions")} == {"open", "poisoned", "read-only"}
    assert figures.by("user_agent_cache_lookups_total", "result") == {"miss": 1}
    # One more for the connection that asks. The runtime makes itself a timer when it first needs one.
    service.descriptors_at_rest()
    wait_until(lambda: Scrape(service).sum("process_open_fds") == service.descriptor_count(of_projections=True) + 1, 10)
    assert 1 < figures.sum("process_resident_memory_bytes") / 2**20 < 1000
    # When the linger is over.
    wait_until(lambda: Scrape(service).sum("log_bytes") > 0)


def test_the_window_is_the_shorter_of_its_two_bounds(tmp_path):
    with Service(tmp_path / "data", {"EVENT_TRACKING_DEDUP_MAX_ENTRIES": "100"}) as service:
        assert Scrape(service).sum("dedup_window_seconds") == 24 * 3600
        for _ in range(10):
            service.post("/api/events", [{"event": "x", "userId": "u"}] * 100)
        assert Scrape(service).sum("dedup_window_seconds") < 60


def test_label_values_are_bounded(service):
    for start in range(0, 1000, 100):
        service.post("/api/events", [{"event": f"made up {n}", "userId": "u"} for n in range(start, start + 100)])
    # To some, these are one name.
    service.post("/api/events", [{"event": name, "userId": "u"} for name in ("é", "e\u0301")])
    figures = Scrape(service)
    received = figures.by("events_received_total", "type")
    assert len(figures.all("events_received_total")) <= 512
    assert sum(received.values()) == 1002 and received["other"] > 400
    service.post("/api/events", {"event": "search", "userId": "u", "properties": {"query": "q"}})
    assert Scrape(service).by("events_received_total", "type")["search"] == 1, "the catalogue's names have room"


def test_names_that_look_alike_are_counted_apart(service):
    service.post("/api/events", [{"event": name, "userId": "u"} for name in ("é", "e\u0301", "e\u0301")])
    received = Scrape(service).by("events_received_total", "type")
    assert received == {"é": 1, "e\u0301": 2}
    service.stop()
    service.start()
    assert Scrape(service).by("events_ledger_by_type_total", "type") == received


def test_every_family_has_its_help_and_its_type_once(service):
    exercise(service)
    text = Scrape(service).text
    for word in ("HELP", "TYPE"):
        named = re.findall(rf"^# {word} (\S+)", text, re.M)
        assert len(named) == len(set(named)) > 20
