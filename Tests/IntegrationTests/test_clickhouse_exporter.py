"""Every event as a row in a real ClickHouse, an old one, and in the engine of today's: each once, whatever happens to either side."""
import datetime
import json

import clickhouse_model
import pytest
from exporters import drained, groups, reason
from load import seeded
from marketplace import events, post
from service import Service, later, run, wait_until
from test_admin import TOKEN
from test_replay import done, submit
from tls_front import tls_front

SETTINGS = {"ADMIN_TOKEN": TOKEN, "KAFKA_PARTITIONS": "4", "CLICK_HOUSE_STITCH_INTERVAL": "200ms", "CLICK_HOUSE_FLUSH_INTERVAL": "100ms"}


@pytest.fixture(params=["clickhouse", "clickhouse_engine"])
def either(request):
    return request.getfixturevalue(request.param)


def settings(part, **more):
    return {
        **SETTINGS, "CLICK_HOUSE_HOST": "127.0.0.1", "CLICK_HOUSE_PORT": str(part.server.http_port), "CLICK_HOUSE_USER": part.server.user,
        "CLICK_HOUSE_PASSWORD": part.server.password, "CLICK_HOUSE_DATABASE": part.name, **more}


@pytest.fixture
def service(tmp_path, either):
    with Service(tmp_path / "data", settings(either)) as service:
        yield service


def stitched(service, part):
    """Waits until the rows have the users that are known, and nothing else differs; returns how many there are."""
    return clickhouse_model.settled(part.server, part.name, service.records())


def count(part, where="1"):
    return part.server.rows(f"SELECT toUInt32(count()) AS n FROM {part.name}.events FINAL WHERE {where}")[0]["n"]


def whole(chance, number):
    """An event with everything that a column is for."""
    return {
        "event": "vehicle_view", "messageId": f"whole-{number}", "userId": "user", "anonymousId": "anon", "sessionId": "s\tession\\",
        "timestamp": f"2026-01-{1 + number % 28:02}T10:30:45.{number % 1000:03}Z", "properties": {"vehicleId": "abc-123", "source": "tab\t, \"quote\", \\, \n, 🚗"},
        "context": {
            "page": {"url": "https://okla.com.do/vehículo\\", "title": "Toyota\tRAV4\n", "referrer": "https://google.com"},
            "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "locale": "es-DO", "timezone": "America/Santo_Domingo", "screen": {"width": 1920, "height": 1080},
            "device": {"type": "desktop", "manufacturer": None, "model": "x"}, "os": {"name": "Windows", "version": "11"},
            "browser": {"name": "Chrome", "version": "120.0.0"},
            "campaign": {"source": "google", "medium": "cpc", "campaign": "q1-suv", "term": "toyota rav4", "content": "ad-variant-a"},
            "geo": {"country": "DO", "region": "01", "city": "Santo Domingo", "latitude": 18.4861 + chance.random(), "longitude": -69.9312},
            "library": {"name": "okla.js", "version": "1.0\u0000"}, "network": {"wifi": True}}}


def test_every_column_is_what_the_log_has(service, either):
    chance = seeded("clickhouse")
    post(service, [whole(chance, number) for number in range(300)] + events(chance, 3000))
    drained(service, "clickhouse")
    assert stitched(service, either) == 3300
    times = {row["messageId"]: row["timestamp"] for row in clickhouse_model.rows(either.server, either.name).values()}
    for number in range(300):
        said = datetime.datetime.fromisoformat(f"2026-01-{1 + number % 28:02}T10:30:45.{number % 1000:03}+00:00")
        assert times[f"whole-{number}"] == round(said.timestamp() * 1000)


def test_names_texts_and_numbers_may_be_anything(service, either):
    sent = [
        {"event": "x" * 128, "userId": "ü\t\n\\\r\u0000'\"`", "messageId": "🚗" * 100, "properties": {"\\N": "\\N", "": None, "a": 12345678901234567890}},
        {"event": "\\N", "anonymousId": "\\N", "messageId": "\\N", "sessionId": "\\N", "context": {"page": {"url": "\\N", "title": None}}},
        {"event": "early", "userId": "u", "messageId": "early", "timestamp": "0001-01-01T00:00:00Z"},
        {"event": "late", "userId": "u", "messageId": "late", "timestamp": "9999-12-31T23:59:59.999Z"},
        {"event": "large", "userId": "u", "messageId": "large", "context": {"screen": {"width": 1e300, "height": 4294967296}}},
        {"event": "small", "userId": "u", "messageId": "small", "context": {"screen": {"width": 1.0}}},
    ]
    post(service, sent)
    drained(service, "clickhouse")
    rows = clickhouse_model.rows(either.server, either.name)
    assert len(rows) == len(sent)
    assert rows["🚗" * 100]["userId"] == sent[0]["userId"] and rows["🚗" * 100]["properties"] == sent[0]["properties"]
    assert rows["\\N"]["anonymousId"] == rows["\\N"]["sessionId"] == rows["\\N"]["event"] == "\\N"
    assert (rows["\\N"]["pageUrl"], rows["\\N"]["pageTitle"]) == ("\\N", "")
    assert rows["early"]["timestamp"] == 0 and rows["early"]["originalTimestamp"] == "0001-01-01T00:00:00Z"
    assert rows["late"]["timestamp"] == 4_102_444_799_999 and rows["late"]["originalTimestamp"] == "9999-12-31T23:59:59.999Z"
    assert (rows["large"]["screenWidth"], rows["large"]["screenHeight"]) == (2 ** 32 - 1, 2 ** 32 - 1)
    assert (rows["small"]["screenWidth"], rows["small"]["screenHeight"], rows["small"]["geoLatitude"]) == (1, 0, None)


def test_each_character_is_itself_wherever_it_stands(service, either):
    texts = [f"{'a' * place}{character}{'b' * (17 - place)}{character}" for character in "\\\t\n\r\0\x08\x0b\x0e\x1f\x7f\x80é\u07ff🚗" for place in range(18)]
    post(service, [{"event": "page_view", "userId": text, "messageId": str(number), "properties": {"url": "https://x.y"}} for number, text in enumerate(texts)])
    drained(service, "clickhouse")
    rows = clickhouse_model.rows(either.server, either.name)
    assert {key: row["userId"] for key, row in rows.items()} == {str(number): text for number, text in enumerate(texts)}


def test_batches_are_of_the_configured_size_or_time(tmp_path, clickhouse):
    more = {"CLICK_HOUSE_BUFFER_SIZE": "700", "CLICK_HOUSE_FLUSH_INTERVAL": "1h"}
    with Service(tmp_path / "data", settings(clickhouse, **more)) as service:
        post(service, events(seeded("clickhouse"), 5000))
        wait_until(lambda: groups(service, "clickhouse")[0]["lag"] == 0)
        # What is left of less than a batch waits for its time.
        wait_until(lambda: sum(p["committed"] for p in groups(service, "clickhouse")[0]["partitions"]) > 4000)
        stored = count(clickhouse)
        assert 0 <= 5000 - stored < 700
        metrics = service.request("GET", "/metrics").body.decode()
        inserts = int(next(line for line in metrics.splitlines() if line.startswith("clickhouse_inserts_total")).split()[1])
        assert 1 <= inserts <= 5000 // 700
        assert f"clickhouse_rows_total {stored}" in metrics and f"clickhouse_insert_latency_ms_count {inserts}" in metrics


@pytest.mark.parametrize("environment, says", [
    ({"CLICK_HOUSE_HOST": "http://h:8123"}, "ClickHouse.Host is \"http://h:8123\"; it must be a host's name or address"),
    ({"CLICK_HOUSE_HOST": "h", "CLICK_HOUSE_PORT": "0"}, "ClickHouse.Port is 0; it must be 1 to 65535"),
    ({"CLICK_HOUSE_HOST": "h", "CLICK_HOUSE_FLUSH_INTERVAL": "0s"}, "ClickHouse.FlushInterval is 0"),
    ({"CLICK_HOUSE_HOST": "h", "CLICK_HOUSE_DATABASE": ""}, "ClickHouse.Database is empty"),
])
def test_what_cannot_be_used_ends_the_start(tmp_path, environment, says):
    result = run("serve", "--data-dir", tmp_path / "data", env={"PATH": "", **environment})
    assert result.returncode == 1 and says in result.stderr, result.stderr


# MARK: The table

def test_the_database_and_the_table_are_made(tmp_path, either):
    name = f"{either.name}_`new'"
    with Service(tmp_path / "data", settings(either, CLICK_HOUSE_DATABASE=name)) as service:
        post(service, events(seeded("clickhouse"), 100))
        drained(service, "clickhouse")
        quoted = "`" + name.replace("`", "\\`") + "`"
        assert either.server.rows(f"SELECT toUInt32(count()) AS n FROM {quoted}.events")[0]["n"] == 100
        service.stop()
        either.server.query(f"DROP DATABASE {quoted}")


def test_a_table_that_somebody_drops_is_made_again(service, either):
    post(service, events(seeded("clickhouse"), 100, "before"))
    drained(service, "clickhouse")
    either.server.query(f"DROP TABLE {either.name}.events")
    post(service, events(seeded("clickhouse"), 100, "after"))
    drained(service, "clickhouse")
    wait_until(lambda: count(either) == 100)


def test_columns_that_a_table_lacks_are_left_out_and_others_stay_empty(tmp_path, either):
    with Service(tmp_path / "data", settings(either)) as service:
        drained(service, "clickhouse")
        service.stop()
    either.server.query(f"ALTER TABLE {either.name}.events DROP COLUMN campaignTerm")
    either.server.query(f"ALTER TABLE {either.name}.events ADD COLUMN team String DEFAULT 'ours'")
    with Service(tmp_path / "data", settings(either)) as service:
        post(service, events(seeded("clickhouse"), 100))
        drained(service, "clickhouse")
        assert count(either, "team = 'ours'") == 100
        assert "has no columns campaignTerm" in service.log_path.read_text()


def test_rows_that_a_column_refuses_are_set_aside_with_the_reason(service, either, tmp_path):
    """An administrator makes numbers of a column: whoever has none there is set aside, and all others are stored."""
    post(service, events(seeded("clickhouse"), 50, "before"))
    drained(service, "clickhouse")
    either.server.query(f"ALTER TABLE {either.name}.events ADD COLUMN n UInt8")
    either.server.query(f"ALTER TABLE {either.name}.events DROP COLUMN sessionId")
    either.server.query(f"ALTER TABLE {either.name}.events ADD COLUMN sessionId UInt64")
    sent = [{"event": "x", "userId": f"u{number}", "messageId": f"m{number}",
             "sessionId": str(number) if number % 100 else "no (at row 1) number"} for number in range(1000)]
    post(service, sent)
    drained(service, "clickhouse")
    wait_until(lambda: groups(service, "clickhouse")[0]["setAside"] == 10)
    assert count(either, "messageId LIKE 'm%'") == 990
    kept = json.loads((tmp_path / "data/exporters/clickhouse-set-aside.json").read_text())["rows"]
    assert len(kept) == 10 and all("UInt64" in row["reason"] for row in kept)
    places = {(record["partition"], record["offset"]): record["value"]["sessionId"] for record in service.records() if "sessionId" in record["value"]}
    assert {places[row["partition"], row["offset"]] for row in kept} == {"no (at row 1) number"}
    # Once the column takes them, a replay brings them.
    either.server.query(f"ALTER TABLE {either.name}.events DROP COLUMN sessionId")
    either.server.query(f"ALTER TABLE {either.name}.events ADD COLUMN sessionId String")
    answer = done(service, submit(service, target="clickhouse")["id"])
    assert answer["state"] == "done", answer
    assert count(either, "messageId LIKE 'm%'") == 1000


# MARK: Whose rows are

def test_rows_get_their_users_when_these_are_known(service, either):
    """Two users on one anonymous id, one after the other: each has the rows of its time, and the first all that came before."""
    def view(number):
        return {"event": "vehicle_view", "anonymousId": "shared\\'", "messageId": f"v{number}", "properties": {"vehicleId": "v", "source": "x"}}

    def identify(user):
        later()
        post(service, [{"event": "identify", "userId": user, "anonymousId": "shared\\'", "traits": {}}])
        later()

    post(service, [view(0), view(1)])
    drained(service, "clickhouse")
    identify("Ana 'O\\")
    post(service, [view(2)])
    drained(service, "clickhouse")
    identify("Ben")
    post(service, [view(3)])
    drained(service, "clickhouse")
    assert stitched(service, either) == 6
    users = {id: row["userId"] for id, row in clickhouse_model.rows(either.server, either.name).items()}
    assert [users[f"v{number}"] for number in range(4)] == ["Ana 'O\\"] * 3 + ["Ben"]
    # A replay does not undo it.
    answer = done(service, submit(service, target="clickhouse")["id"])
    assert answer["state"] == "done", answer
    assert clickhouse_model.check(either.server, either.name, service.records()) == 6


def test_an_id_of_many_users_and_one_of_a_hostile_client(service, either):
    """Each user has the rows of its time; an id that is longer than any may be holds up nobody's rows."""
    post(service, [{"event": "alias", "userId": "u", "previousId": "'" * 30_000}])
    for number in range(6):
        post(service, [{"event": "page_view", "anonymousId": "kiosk", "messageId": f"v{number}", "properties": {"url": "https://x.y"}}])
        later()
        post(service, [{"event": "identify", "userId": f"u'{number % 4}\\", "anonymousId": "kiosk", "traits": {}}])
        later()
    drained(service, "clickhouse")
    assert stitched(service, either) == 13
    assert groups(service, "clickhouse")[0]["failures"] == 0


def test_one_update_is_for_many_aliases(tmp_path, either):
    more = {"CLICK_HOUSE_STITCH_INTERVAL": "2s"}
    with Service(tmp_path / "data", settings(either, **more)) as service:
        views = [{"event": "vehicle_view", "anonymousId": f"a{n}", "messageId": f"v{n}", "properties": {"vehicleId": "v", "source": "x"}} for n in range(400)]
        post(service, views)
        drained(service, "clickhouse")
        post(service, [{"event": "identify", "userId": f"u{n}", "anonymousId": f"a{n}", "traits": {}} for n in range(400)])
        drained(service, "clickhouse")
        assert stitched(service, either) == 800
        made = either.server.rows(f"SELECT mutation_id FROM system.mutations WHERE database = '{either.name}'")
        assert 1 <= len(made) <= 3


def test_what_waits_for_an_update_outlasts_a_kill(tmp_path, either):
    with Service(tmp_path / "data", settings(either, CLICK_HOUSE_STITCH_INTERVAL="1h")) as service:
        post(service, [{"event": "page_view", "anonymousId": "a", "messageId": "v", "properties": {"url": "https://x.y"}}])
        drained(service, "clickhouse")
        post(service, [{"event": "identify", "userId": "u", "anonymousId": "a", "traits": {}}])
        drained(service, "clickhouse")
        wait_until(lambda: count(either) == 2)
        service.kill()
    assert count(either, "messageId = 'v' AND userId = ''") == 1
    with Service(tmp_path / "data", settings(either)) as service:
        wait_until(lambda: count(either, "messageId = 'v' AND userId = 'u'") == 1)


# MARK: What a server may say

def test_a_wrong_password_is_told(tmp_path, clickhouse):
    with Service(tmp_path / "data", settings(clickhouse, CLICK_HOUSE_PASSWORD="wr0ng")) as service:
        reason(service, "clickhouse", "Code: 193")
        assert "ClickHouse.User and ClickHouse.Password must be what the server knows" in groups(service, "clickhouse")[0]["reason"]
        assert "wr0ng" not in service.log_path.read_text()


# MARK: TLS

def over_tls(part, port, host="localhost"):
    return settings(part, CLICK_HOUSE_HOST=host, CLICK_HOUSE_PORT=str(port), CLICK_HOUSE_TLS="true")


def test_over_tls(tmp_path, clickhouse, certificates):
    with tls_front(clickhouse.server.http_port, certificates) as port:
        with Service(tmp_path / "data", {**over_tls(clickhouse, port), "SSL_CERT_FILE": str(certificates.authority)}) as service:
            post(service, events(seeded("clickhouse"), 1000))
            drained(service, "clickhouse")
            stitched(service, clickhouse)


@pytest.mark.parametrize("is_known, host, says", [(False, "localhost", "unable to get local issuer certificate"), (True, "127.0.0.2", "no alternative certificate subject name matches")],
                         ids=["of nobody known", "of another name"])
def test_a_certificate_is_refused(tmp_path, clickhouse, certificates, is_known, host, says):
    authorities = {"SSL_CERT_FILE": str(certificates.authority)} if is_known else {}
    with tls_front(clickhouse.server.http_port, certificates, host) as port:
        with Service(tmp_path / "data", {**over_tls(clickhouse, port, host), **authorities}) as service:
            reason(service, "clickhouse", says)
