"""What is stored and what is rejected of random JSON, at every address, against a model written from the documentation alone.

Bodies are built of tokens: names may be escaped, members may stand twice or be null, numbers may be out of range, space is anywhere. What the
service has stored is read from the segments' bytes, split into tokens and compared with what the model says, token by token: the
client's own spelling of everything that is not documented to change, nothing twice, and always JSON."""
import copy
import datetime
import gzip
import json
import re

from json_tokens import Object, is_absent, is_text, mend, mended, quoted, text, tree
from kafka.record import MemoryRecords
from load import seeded
from service import Service

SECONDS_MAX, REQUESTS, EVENTS_MAX = 40, 1500, 12
PLAIN, TRUSTED = "test-key", "trusted-key"
CALLS = {"track": None, "identify": "identify", "page": "page_view", "screen": "screen_view", "group": "group", "alias": "alias"}
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z")


# MARK: Making

class Maker:
    def __init__(self, chance):
        self.chance, self.made = chance, 0

    def space(self):
        return self.chance.choice([b"", b"", b"", b"", b" ", b"\n", b"\t \r\n"])

    def write(self, value):
        if isinstance(value, Object):
            members = [self.space() + name + self.space() + b":" + self.space() + self.write(member) + self.space() for name, member in value]
            return b"{" + (b",".join(members) or self.space()) + b"}"
        if isinstance(value, list):
            return b"[" + b",".join(self.space() + self.write(element) + self.space() for element in value) + b"]"
        return value

    def spelled(self, value):
        """A string, as any writer of JSON may spell it."""
        if self.chance.random() < 0.7:
            return json.dumps(value, ensure_ascii=self.chance.random() < 0.5).encode()
        spelled = b""
        for character in value:
            if self.chance.random() < 0.4 and ord(character) < 0x10000:
                spelled += (rb"\u%04x" if self.chance.random() < 0.5 else rb"\u%04X") % ord(character)
            elif character == "/" and self.chance.random() < 0.5:
                spelled += rb"\/"
            else:
                spelled += json.dumps(character, ensure_ascii=self.chance.random() < 0.5)[1:-1].encode()
        return b'"' + spelled + b'"'

    def word(self):
        return "".join(self.chance.choice("ab/\\\"{}[],: é\u0301ñ🚗\n\x01\x7f\u2028") for _ in range(self.chance.randrange(1, 9)))

    def string(self):
        if self.chance.random() < 0.02:
            return self.chance.choice([rb'"\ud800"', rb'"a\uDFFFb"', rb'"\ud83d\ud83d\ude97"', rb'"\\ud800"', rb'"\ude97\ud83d"'])
        return self.spelled(self.word())

    def number(self):
        if self.chance.random() < 0.02:
            return self.chance.choice([b"1e400", b"18446744073709551616", b"-9223372036854775809", b"-1E+999", b"9" * 40])
        return self.chance.choice([b"0", b"-0", b"1", b"-1.50", b"1E5", b"1e-400", b"0.10000000000000000000001", b"18446744073709551615",
                                   b"-9223372036854775808", b"12345678901234567890.0", b"1e308", b"0e9"])

    def value(self, depth=3):
        kind = self.chance.randrange(9 if depth else 6)
        if kind < 2:
            return self.string()
        if kind < 4:
            return self.number()
        if kind < 6:
            return self.chance.choice([b"null", b"true", b"false"])
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.chance.randrange(4))]
        return self.object(depth - 1)

    def object(self, depth=2, names=()):
        members = Object((self.spelled(name), self.value(depth)) for name in names if self.chance.random() < 0.5)
        for _ in range(self.chance.randrange(4)):
            members.append((self.spelled(self.word()), self.value(depth)))
        self.chance.shuffle(members)
        if members and self.chance.random() < 0.01:
            members.append((self.spelled(text(mended(members[0][0]))), self.value(0)))
        return members

    def time(self):
        if self.chance.random() < 0.1:
            return self.spelled(self.chance.choice(["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]))
        moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.chance.choice([0, 0, -10, 4000, -86400 * 400]))
        return self.spelled(moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z")

    def context(self):
        context = self.object(1, ["ip", "locale", "geo", "os", "bot", "traits", "page"])
        for name in ("page", "traits"):
            if self.chance.random() < 0.5 and context.get(name) is None:
                context.append((self.spelled(name), self.object(1, ["url", "title", "referrer", "path"])))
        self.chance.shuffle(context)
        return context

    def event(self):
        """Mostly a valid one, wherever it is sent to."""
        chance, members = self.chance, Object()

        def add(name, probability, value):
            if chance.random() < probability:
                odd = chance.random()
                members.append((self.spelled(name), b"null" if odd < 0.07 else self.value(1) if odd < 0.09 else value()))

        self.made += 1
        identified = chance.randrange(3)
        add("event", 0.8, lambda: self.spelled(chance.choice(["fuzz", "né", "identify", "page_view", "a\"b"])))
        add("type", 0.8, lambda: self.spelled(chance.choice([*CALLS, *CALLS, *CALLS, "other"])))
        add("userId", 1 if identified != 1 else 0, lambda: self.string())
        add("anonymousId", 1 if identified != 0 else 0, lambda: self.string())
        add("sessionId", 0.2, self.string)
        add("messageId", 0.4, lambda: self.spelled(f"m{self.made}/é"))
        add("timestamp", 0.4, self.time)
        add("originalTimestamp", 0.2, self.time)
        add("sentAt", 0.3, self.time)
        add("receivedAt", 0.2, self.time)
        add("context", 0.6, self.context)
        add("properties", 0.6, lambda: self.object(2, ["url", "title", "referrer"]))
        add("traits", 0.4, lambda: self.object(2, ["email"]))
        add("writeKey", 0.15, self.string)
        for _ in range(chance.randrange(3)):
            members.append((self.spelled(self.word()), self.value(2)))
        chance.shuffle(members)
        if members and chance.random() < 0.02:
            members.append((self.spelled(text(mended(chance.choice(members)[0]))), self.value(1)))
        if chance.random() < 0.01:
            value = b"1"
            for _ in range(chance.choice([70, 1200])):
                value = [value] if chance.random() < 0.5 else Object([(b'"d"', value)])
            members.append((b'"deep"', value))
        return members


# MARK: The model

def depth(value):
    if isinstance(value, Object):
        return 1 + max((depth(member) for _, member in value), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def fits(value):
    """Whether all of its numbers can be held."""
    if isinstance(value, Object):
        return all(fits(member) for _, member in value)
    if isinstance(value, list):
        return all(map(fits, value))
    if value[:1] not in b"-0123456789":
        return True
    if re.fullmatch(rb"-?\d+", value):
        return -(1 << 63) <= int(value) < 1 << 64
    return abs(float(value)) != float("inf")


def milliseconds(token):
    found = is_text(token) and TIME.fullmatch(text(token))
    if not found:
        return None
    year, month, day, hour, minute, second, fraction = map(int, found.groups())
    days = datetime.date(year, month, day).toordinal() - datetime.date(1970, 1, 1).toordinal()
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction


def written(value):
    value = min(max(value, -62_167_219_200_000), 253_402_300_799_999)
    days, rest = divmod(value, 86_400_000)
    # Python's calendar begins with year 1; that of 400 years later is the same.
    cycles = 1 if days < 0 else 0
    day = datetime.date.fromordinal(days + datetime.date(1970, 1, 1).toordinal() + 146_097 * cycles)
    seconds, fraction = divmod(rest, 1000)
    return f"{day.year - 400 * cycles:04}-{day:%m-%d}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:03}Z"


class Way:
    """What an address makes of an event."""

    def __init__(self, endpoint, event):
        segment = endpoint.startswith("/v1/")
        call = endpoint.rsplit("/", 1)[1]
        if endpoint == "/v1/batch" and isinstance(event, Object):
            kind = event.value("type")
            call = text(kind) if is_text(kind) else None
            call = call if call in CALLS else None
        self.is_unknown = segment and call not in CALLS
        self.is_typed = segment and not self.is_unknown
        self.replaced = CALLS.get(call) if segment else None
        self.given = {"identify": "identify", "page": "page_view"}.get(call) if not segment else None
        self.is_page = call == "page"
        self.has_traits = segment and call in ("identify", "group")


def is_rejected(endpoint, event):
    way = Way(endpoint, event)
    if not isinstance(event, Object) or not fits(event) or depth(event) > 64 or way.is_unknown:
        return True

    def bad_text(name, most=256):
        value = event.value(name)
        return not is_absent(value) and not (is_text(value) and 0 < len(text(value)) <= most)

    if not way.replaced:
        name = event.value("event")
        if bad_text("event", 128) or is_absent(name) and not way.given or not is_absent(name) and way.given and text(name) != way.given:
            return True
    if any(map(bad_text, ["userId", "anonymousId", "sessionId", "messageId"])):
        return True
    if is_absent(event.value("userId")) and is_absent(event.value("anonymousId")):
        return True
    if any(not is_absent(event.value(name)) and milliseconds(event.value(name)) is None for name in ("timestamp", "sentAt")):
        return True
    if any(not is_absent(value := event.value(name)) and not isinstance(value, Object) for name in ("context", "properties", "traits")):
        return True
    return any(isinstance(value, Object) and value.has_name_twice for value in (event, event.value("context"), event.value("properties"), event.value("traits")))


def stored(endpoint, event, key, sent_at, received_at, message_id):
    """The event as it must be stored."""
    way, given, event = Way(endpoint, event), event, Object(copy.deepcopy(event))
    if (place := event.get("writeKey")) is not None:
        del event[place]
    if way.is_typed and (place := event.get("type")) is not None:
        if way.replaced and event.get("event") is None:
            event[place] = (b'"event"', quoted(way.replaced))
        else:
            del event[place]
    if event.get("receivedAt") is not None:
        event.set("receivedAt", quoted(received_at))
    name = way.replaced or way.given
    if name and event.get("event") is not None and (way.replaced or is_absent(event.value("event"))):
        event.set("event", quoted(name))
    if event.value("messageId") == b"null":
        event.set("messageId", quoted(message_id))
    timestamp, sent = given.value("timestamp"), milliseconds(given.value("sentAt"))
    sent = sent_at if sent is None else sent
    corrected = None
    if milliseconds(timestamp) is not None and sent is not None:
        difference = milliseconds(quoted(received_at)) - sent
        if abs(difference) > 300_000:
            corrected = milliseconds(timestamp) + difference
            event.set("timestamp", quoted(written(corrected)))
            if event.get("originalTimestamp") is not None:
                event.set("originalTimestamp", timestamp)
    context = event.value("context")
    if is_absent(context):
        new_context = Object([(b'"ip"', b'"127.0.0.1"')])
    else:
        new_context = Object(context)
        if key == PLAIN or is_absent(context.value("ip")):
            new_context.set("ip", b'"127.0.0.1"')
    if context is not None:
        event.set("context", new_context)
    inner = context if isinstance(context, Object) else Object()
    page = inner.value("page")
    page = page if way.is_page and isinstance(page, Object) and page else None
    parts = [(part, page.value(part)) for part in ("url", "title", "referrer") if page and not is_absent(page.value(part))]
    if page and event.get("properties") is not None:
        properties = event.value("properties")
        properties = Object(properties) if isinstance(properties, Object) else Object()
        for part, value in parts:
            if is_absent(properties.value(part)):
                properties.set(part, value)
        event.set("properties", properties)
    traits = inner.value("traits") if way.has_traits else None
    traits = traits if isinstance(traits, Object) and is_absent(event.value("traits")) else None
    if traits is not None and event.get("traits") is not None:
        event.set("traits", traits)
    # What it did not have comes behind the rest.
    if event.get("receivedAt") is None:
        event.set("receivedAt", quoted(received_at))
    if event.get("messageId") is None:
        event.set("messageId", quoted(message_id))
    if name and event.get("event") is None:
        event.set("event", quoted(name))
    if corrected is not None and event.get("originalTimestamp") is None:
        event.set("originalTimestamp", timestamp)
    if context is None:
        event.set("context", new_context)
    if page and event.get("properties") is None:
        event.set("properties", Object((quoted(part), value) for part, value in parts))
    if traits is not None and event.get("traits") is None:
        event.set("traits", traits)
    return event


# MARK: Running

def segments(service, topic):
    """The records of a stopped service, as their bytes: by partition and offset."""
    found = {}
    for path in service.data_dir.glob(f"log/{topic}-*/*.log"):
        partition = int(path.parent.name.rsplit("-", 1)[1])
        batches = MemoryRecords(path.read_bytes())
        while batches.has_next():
            for record in batches.next_batch():
                found[partition, record.offset] = record
    return found


def request(maker, chance):
    """An address, its body, the key, and the events in it with the time at which they were sent."""
    endpoint = chance.choice(["/api/events", "/api/events/batch", "/api/events/identify", "/api/events/page", "/api/events/track", "/v1/batch",
                              "/v1/batch", *(f"/v1/{call}" for call in CALLS)])
    key, in_body = chance.choice([PLAIN, PLAIN, TRUSTED]), chance.random() < 0.2
    shape = "event"
    if endpoint in ("/api/events", "/api/events/batch"):
        shape = chance.choice(["batch", "array", "event"] if endpoint == "/api/events" else ["batch", "array"])
    elif endpoint == "/v1/batch":
        shape = chance.choice(["batch"] * 12 + ["array", "event"])
    sent_at = None
    if shape == "event":
        event = maker.event()
        # What belongs to the body and not to the event must not stand in it twice: the body is refused then.
        while event.get("batch") is not None or not endpoint.startswith("/v1/") and event.has_twice("writeKey", "sentAt"):
            event = maker.event()
        if endpoint.startswith("/v1/") and chance.random() < 0.03:
            event = maker.value(1)
        if in_body and isinstance(event, Object) and not event.has_name_twice:
            if (place := event.get("writeKey")) is not None:
                del event[place]
            event.insert(chance.choice([0, len(event)]), (maker.spelled("writeKey"), maker.spelled(key)))
        else:
            in_body = False
        body, events = event, [event]
    else:
        events = [maker.event() for _ in range(chance.randrange(1, EVENTS_MAX))]
        if endpoint.startswith("/v1/"):
            events = [maker.value(1) if chance.random() < 0.03 else event for event in events]
        body, in_body = events, in_body and shape == "batch"
        if shape == "batch":
            body = Object([(maker.spelled("batch"), events)])
            if chance.random() < 0.5:
                sent_at = maker.time()
                body.append((maker.spelled("sentAt"), sent_at))
            if in_body:
                body.append((maker.spelled("writeKey"), maker.spelled(key)))
            if chance.random() < 0.3:
                body.append((maker.spelled("more"), maker.value()))
            chance.shuffle(body)
    if endpoint == "/v1/batch" and shape != "batch":
        # Kept as one event that is rejected, whatever it is.
        events, in_body = [body], in_body and shape == "event"
        return endpoint, body, key, in_body, [(None, mend(body))], None
    return endpoint, body, key, in_body, [(event, mend(event)) for event in events], milliseconds(sent_at)


def test_what_is_stored_of_random_json(tmp_path):
    chance = seeded("what is stored of random JSON")
    maker = Maker(chance)
    catalogue = tmp_path / "schemas"
    for name in ("shared/event", *filter(None, CALLS.values())):
        path = catalogue / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    configuration = tmp_path / "configuration.json"
    configuration.write_text(json.dumps({"EventTracking": {
        "WriteKeys": [{"Key": PLAIN, "Name": "plain"}, {"Key": TRUSTED, "Name": "trusted", "TrustClientContext": True}],
        "Catalog": str(catalogue), "Enrichment": {"UserAgent": False, "Bot Detection": False, "GeoIP": False}}}))
    service = Service(tmp_path / "data", generated_keys=True, arguments=("--config", str(configuration))).start()
    expected, rejected = {}, []
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=SECONDS_MAX)
    for _ in range(REQUESTS):
        if datetime.datetime.now() > deadline:
            break
        endpoint, body, key, in_body, events, sent_at = request(maker, chance)
        data = maker.space() + maker.write(body) + maker.space()
        headers = {"X-Write-Key": key} if not in_body else {}
        if chance.random() < 0.1:
            data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
        answer = service.request("POST", f"{endpoint}?receipts=true", data, headers)
        where = f"{endpoint} {data[:3000]!r} was answered {answer.status} {answer.body[:500]!r}"
        verdicts = [event is None or is_rejected(endpoint, mended_event) for event, mended_event in events]
        allowed = 200 if endpoint.startswith("/v1/") else 422 if all(verdicts) else 202
        assert answer.status == allowed, where
        results = answer.json["results"]
        assert len(results) == len(events), where
        for (_, event), is_bad, result in zip(events, verdicts, results):
            assert (result["status"] == "rejected") == is_bad, f"{where}: {result}"
            if is_bad:
                rejected.append((event, where))
            elif result["status"] == "stored":
                expected[result["partition"], result["offset"]] = (endpoint, event, key, sent_at, result["messageId"], where)
    service.stop()
    assert len(expected) > 500 and len(rejected) > 100
    found = segments(service, "okla.events.raw")
    assert found.keys() == expected.keys()
    for place, (endpoint, event, key, sent_at, message_id, where) in expected.items():
        record = found[place]
        value = tree(record.value)
        assert not value.has_name_twice, f"{where}: {record.value!r}"
        received_at = text(value.value("receivedAt"))
        wanted = stored(endpoint, event, key, sent_at, received_at, message_id)
        assert value == wanted, f"{where}\nis stored as {record.value!r}\nnot as      {Maker(chance).write(wanted)!r}"
        headers = {name: content.decode() for name, content in record.headers}
        assert headers == {"event": text(value.value("event")), "messageId": message_id, "writeKey": "plain" if key == PLAIN else "trusted"}
        assert milliseconds(quoted(received_at)) == record.timestamp
        user = event.value("userId")
        assert record.key.decode() == text(event.value("anonymousId") if is_absent(user) else user)
    kept = [record for _, record in sorted(segments(service, "okla.events.rejected").items())]
    assert len(kept) == len(rejected)
    for record, (event, where) in zip(kept, rejected):
        assert tree(record.value) == event, f"{where}\nis kept as {record.value!r}"
