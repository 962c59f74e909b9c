"""What a page has tracked arrives exactly once, or is in the report of losses: whatever happens to the service, the network, the storage, the
page and the clock."""
import datetime
import json
import re
import time

import pytest
from chromium import launched
from ports import free_port
from service import KEY, Service
from shop import Shop, Visit, arrived, closed, judged_well, nothing_waits, stored, until


@pytest.fixture
def way(service, chaos):
    """The proxy before the service, which browsers go through."""
    return chaos(service.port)


@pytest.fixture
def shop(way):
    with Shop(way.port) as shop:
        yield shop


@pytest.fixture
def visit(shop, visitor):
    visit = Visit(shop, visitor())
    yield visit
    assert visit.complaints() == []


def track(page, *numbers):
    page.evaluate("(numbers) => { for (const number of numbers) shop.track(number); }", list(numbers))


def numbers(service):
    """Of the events that `track` made and the log holds, each as often as it is there."""
    return sorted(int(event["properties"]["vehicleId"].removeprefix("v-")) for event in stored(service, "vehicle_view"))


def discarded(service):
    """The report of losses: how many for which reason."""
    counts = {}
    for event in stored(service, "okla_client_discarded"):
        reason = event["properties"]["reason"]
        counts[reason] = counts.get(reason, 0) + event["properties"]["count"]
    return counts


def all_arrive(page, service, expected, seconds=60):
    until(page, lambda: len(numbers(service)) >= len(expected), seconds)
    assert numbers(service) == list(expected)
    judged_well(service)


def works(page):
    """The page's own scripts go on."""
    beats = page.evaluate("shop.beats")
    until(page, lambda: page.evaluate("shop.beats") > beats + 3)


def posts(visit):
    """Notes every request with events, from here on."""
    noted = []
    visit.context.on("request", lambda request: noted.append(request) if "/api/events" in request.url and request.method == "POST" else None)
    return noted


# When it is sent

def test_events_wait_five_seconds_for_others(service, shop, visit):
    page = visit.open()
    begin = time.monotonic()
    noted = posts(visit)
    track(page, 1, 2)
    all_arrive(page, service, [1, 2])
    assert 2 < time.monotonic() - begin < 12
    until(page, lambda: noted)
    assert len(noted) == 1
    # In one request, compressed, with the automatic page_view.
    assert noted[0].headers["content-encoding"] == "gzip"
    assert len(stored(service)) == 3


def test_a_hundred_events_wait_for_none(service, shop, visit):
    page = visit.open()
    page.evaluate("okla.flush()")
    arrived(page, service, "page_view")
    page.clock.install()
    noted = posts(visit)
    track(page, *range(99))
    page.wait_for_timeout(300)
    assert noted == [] or len(numbers(service)) == 99, "sixty thousand bytes may be reached before"
    track(page, 99)
    page.clock.run_for(50)
    all_arrive(page, service, range(100))
    assert all(len(request.post_data_buffer) <= 32768 for request in noted)


def test_every_request_fits_the_services_limit(service, shop, visit):
    """Texts that do not compress: so the batches are cut by what they are as sent."""
    page = visit.open()
    noted = posts(visit)
    page.evaluate("""() => {
        const random = (length) => Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => byte.toString(36)).join('').slice(0, length);
        for (let number = 0; number < 60; number++) okla.track('vehicle_view', { vehicleId: `v-${number}`, text: random([100, 9000, 20000][number % 3]) });
    }""")
    all_arrive(page, service, range(60))
    sizes = [len(request.post_data_buffer) for request in noted]
    assert max(sizes) <= 32768 and len(sizes) > 5
    assert discarded(service) == {}


# The service and the network

def test_a_service_that_is_down_for_a_while(service, way, shop, visit):
    page = visit.open()
    way.refuse()
    track(page, *range(20))
    page.evaluate("okla.flush()")
    until(page, lambda: any("ERR_CONNECTION" in text for _, text in visit.console))
    works(page)
    track(page, *range(20, 40))
    way.pass_on()
    all_arrive(page, service, range(40))
    until(page, lambda: page.evaluate("shop.outcomes.length") == 40)
    assert page.evaluate("shop.outcomes.every(([number, error]) => error === null)")


def test_an_answer_that_is_lost(service, way, shop, visit):
    page = visit.open()
    page.evaluate("okla.flush()")
    arrived(page, service, "page_view")
    way.cut_replies(pattern=b"POST", times=2)
    track(page, *range(20))
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(20))
    nothing_waits(page)
    assert way.cuts == 2 and numbers(service) == list(range(20))
    assert page.evaluate("shop.outcomes.map(([, error]) => error).every((error) => error === null)")


def test_a_request_that_breaks_off(service, way, shop, visit):
    page = visit.open()
    page.evaluate("okla.flush()")
    arrived(page, service, "page_view")
    way.cut_requests(200, pattern=b"POST", times=2)
    track(page, *range(20))
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(20))
    assert way.cuts == 2


def test_a_browser_that_is_offline(service, shop, visit):
    page = visit.open()
    noted = posts(visit)
    visit.context.set_offline(True)
    track(page, *range(10))
    page.evaluate("okla.flush()")
    works(page)
    assert noted == [], "it does not even try"
    visit.context.set_offline(False)
    # When the browser says so, not when the next time has come.
    all_arrive(page, service, range(10), seconds=4)


def test_many_events_offline_cost_nothing(service, shop, visit):
    """It looks again when there is reason to, not all the time."""
    page = visit.open()
    visit.context.set_offline(True)
    page.evaluate("() => { shop.asked = 0; const { locks } = navigator; const { request } = locks; locks.request = (...args) => (shop.asked++, request.apply(locks, args)); }")
    track(page, *range(150))
    page.wait_for_timeout(1000)
    assert page.evaluate("shop.asked") <= 3
    visit.context.set_offline(False)
    all_arrive(page, service, range(150))


def test_a_storage_that_says_nonsense_and_a_service_that_is_down(service, way, shop, visit):
    page = visit.open("/1")
    page.evaluate(f"localStorage.setItem('okla|{KEY}|until', 'never')")
    way.refuse()
    noted = posts(visit)
    track(page, *range(150))
    page.wait_for_timeout(1500)
    assert len(noted) <= 6, "it pauses between its tries"
    way.pass_on()
    all_arrive(page, service, range(150))


@pytest.mark.parametrize("lacks", [
    "delete window.CompressionStream;", "delete Request.prototype.keepalive;", "delete window.CompressionStream; delete Request.prototype.keepalive;"])
def test_a_browser_of_some_years_ago(service, shop, visit, lacks):
    visit.context.add_init_script(lacks)
    page = visit.open("/1")
    track(page, *range(250))
    page.evaluate("okla.flush()")
    until(page, lambda: page.evaluate("shop.outcomes.length") == 250)
    track(page, *range(250, 280))
    closed(page)
    page = visit.open("/2")
    all_arrive(page, service, range(280))
    nothing_waits(page)
    assert numbers(service) == list(range(280)) and discarded(service) == {}


def test_a_clock_that_is_set_back_while_it_waits(service, way, shop, visit):
    page = visit.open()
    way.refuse()
    track(page, 1)
    page.evaluate("okla.flush()")
    until(page, lambda: any("ERR_CONNECTION" in text for _, text in visit.console))
    page.evaluate("() => { const { now } = Date; Date.now = () => now() - 86400000; }")
    way.pass_on()
    all_arrive(page, service, [1], seconds=20)


def test_a_rate_limit_is_waited_for(tmp_path, visitor):
    limits = {"EVENT_TRACKING_RATE_LIMITS_PER_IP": "10"}
    with Service(tmp_path / "data", limits) as service, Shop(service.port) as shop:
        visit = Visit(shop, visitor())
        page = visit.open()
        answers = []
        visit.context.on("response", lambda response: answers.append(
            (time.monotonic(), response.status, int(response.headers.get("retry-after", 0)))) if "/api/events" in response.url else None)
        for first in range(0, 120, 40):
            track(page, *range(first, first + 40))
            page.evaluate("okla.flush()")
            page.wait_for_timeout(50)
        all_arrive(page, service, range(120))
        until(page, lambda: answers[-1][1] == 202)
        limited = [index for index, (_, status, _) in enumerate(answers) if status == 429]
        assert limited
        for index in limited:
            (at, _, seconds), after = answers[index], answers[index + 1][0]
            assert seconds >= 1 and after - at >= seconds - 0.1
        assert visit.complaints() == [] and discarded(service) == {}


def test_all_tabs_wait_when_one_was_told_to(service, shop, visit):
    page = visit.open("/1")
    told = []

    def answer(route):
        told.append(time.monotonic())
        if len(told) > 1:
            return route.continue_()
        route.fulfill(status=503, headers={"Retry-After": "4", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}, body="{}")
    visit.context.route("**/api/events/batch*", answer)
    track(page, 1)
    page.evaluate("okla.flush()")
    until(page, lambda: told)
    page.wait_for_timeout(300)
    second = visit.open("/2")
    track(second, 2)
    second.evaluate("okla.flush()")
    all_arrive(second, service, [1, 2])
    assert told[1] - told[0] >= 3.9


def test_a_service_without_room(tmp_path, visitor):
    port = free_port()
    arguments = ("--port", str(port))
    with Service(tmp_path / "data", {"LOG_MIN_FREE_BYTES": str(1 << 60)}, arguments) as service, Shop(port) as shop:
        visit = Visit(shop, visitor())
        page = visit.open()
        statuses = []
        visit.context.on("response", lambda response: statuses.append(response.status) if "/api/events" in response.url else None)
        track(page, *range(10))
        page.evaluate("okla.flush()")
        until(page, lambda: 503 in statuses)
        service.stop()
        service.configure()
        service.start()
        all_arrive(page, service, range(10))
        assert visit.complaints() == []


def test_what_is_refused_is_never_tried_again(service, visitor):
    with Shop(service.port, key="wrong-key") as shop:
        visit = Visit(shop, visitor())
        noted = posts(visit)
        page = visit.open()
        track(page, *range(10))
        page.evaluate("okla.flush()")
        until(page, lambda: page.evaluate("shop.outcomes.length") == 10)
        assert {error for _, error in page.evaluate("shop.outcomes")} == {"discarded: http_401"}
        track(page, 10)
        page.evaluate("okla.flush()")
        until(page, lambda: page.evaluate("shop.outcomes.length") == 11)
        page.wait_for_timeout(300)
        assert len(noted) == 1 and visit.complaints() == []
        works(page)


def test_a_key_of_another_site(tmp_path, visitor):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventTracking": {"WriteKeys": [
        {"Key": "shop-key", "Name": "shop", "AllowedOrigins": ["https://okla.com.do"]}, {"Key": "other", "Name": "other"}]}}))
    with Service(tmp_path / "data", arguments=["--config", config], generated_keys=True) as service, Shop(service.port, key="shop-key") as shop:
        visit = Visit(shop, visitor())
        page = visit.open()
        assert page.evaluate("async () => (await Promise.all([okla.track('a', {}), okla.flush()]))[0].error.message") == "discarded: http_403"
        assert stored(service) == []


def test_events_that_the_service_never_takes_are_told_of(service, shop, visit):
    page = visit.open()
    visit.context.route("**/api/events/batch*", lambda route: route.fulfill(
        status=400, headers={"Access-Control-Allow-Origin": "*"}, body='{"code":"invalid_json","message":"no"}'), times=1)
    track(page, *range(5))
    page.evaluate("okla.flush()")
    until(page, lambda: page.evaluate("shop.outcomes.length") == 5)
    track(page, 5)
    page.evaluate("okla.flush()")
    all_arrive(page, service, [5])
    until(page, lambda: discarded(service))
    # The five, and the view of the page.
    assert discarded(service) == {"http_400": 6}


def test_a_report_that_is_refused_itself_is_made_again(service, shop, visit):
    page = visit.open()
    page.evaluate("async () => { okla.track(''); okla.track(''); await shop.answered(okla.track('a', {})); }")
    arrived(page, service, "a")
    visit.context.route("**/api/events/batch*", lambda route: route.fulfill(
        status=404, headers={"Access-Control-Allow-Origin": "*"}, body="nothing here"), times=1)
    page.evaluate("async () => { okla.track(''); okla.track(''); await shop.answered(okla.track('b', {})); }")
    page.evaluate("async () => { await shop.answered(okla.track('c', {})); }")
    until(page, lambda: sum(discarded(service).values()) >= 4)
    page.evaluate("okla.flush()")
    until(page, lambda: discarded(service).get("invalid") == 4)
    assert len(stored(service, "b")) + discarded(service).get("http_404", 0) >= 1


def test_a_service_with_smaller_batches(tmp_path, visitor):
    with Service(tmp_path / "data", {"EVENT_TRACKING_BATCH_SIZE": "7"}) as service, Shop(service.port) as shop:
        page = Visit(shop, visitor()).open()
        track(page, *range(50))
        page.evaluate("okla.flush()")
        all_arrive(page, service, range(50))
        assert discarded(service) == {}


# The page ends

@pytest.mark.parametrize("end", ["close", "reload", "away", "crash"])
def test_a_page_that_ends_with_events_waiting(service, shop, visit, end):
    page = visit.open("/1")
    track(page, *range(30))
    if end == "close":
        closed(page)
    elif end == "reload":
        page.reload()
    elif end == "away":
        page.goto("about:blank")
    else:
        page.context.new_cdp_session(page).send("Page.enable")
        with page.expect_event("crash"):
            try:
                page.goto("chrome://crash", timeout=2000)
            except Exception as error:
                assert "crash" in str(error).lower() or "Timeout" in str(error) or "ERR" in str(error)
        page.close()
    if end != "reload":
        page = visit.open("/2")
    page.wait_for_function("okla.VERSION")
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(30))
    nothing_waits(page)
    assert numbers(service) == list(range(30)) and discarded(service) == {}
    assert len(stored(service, "page_leave")) == (0 if end == "crash" else 1)


def test_what_is_left_when_a_tab_is_closed_needs_no_other_page(service, shop, visit):
    page = visit.open("/1")
    track(page, *range(40))
    closed(page)
    all_arrive(visit.context.new_page(), service, range(40))


def test_a_page_that_ends_while_the_service_is_down_leaves_it_to_the_next(service, way, shop, visit):
    page = visit.open("/1")
    track(page, *range(150))
    way.refuse()
    closed(page)
    way.pass_on()
    page = visit.open("/2")
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(150))
    nothing_waits(page)
    assert numbers(service) == list(range(150)) and discarded(service) == {}


def test_a_page_that_ends_offline_and_a_next_one_days_later(service, shop, visitor):
    """What was never handed over goes, however old it is."""
    visit = Visit(shop, visitor())
    page = visit.open("/1")
    # Playwright tells a browser nothing when none of its pages is open.
    visit.context.new_page()
    visit.context.set_offline(True)
    track(page, *range(10))
    closed(page)
    visit.context.set_offline(False)
    visit.context.clock.install(time=datetime.datetime.now() + datetime.timedelta(days=3))
    page = visit.open("/2")
    page.clock.fast_forward(6000)
    all_arrive(page, service, range(10))
    assert discarded(service) == {}


def test_a_page_comes_back_from_the_browsers_cache(service, shop, playwright):
    with launched(playwright, ignore_default_args=["--disable-back-forward-cache"]) as browser:
        visit = Visit(shop, browser.new_context())
        page = visit.open("/1")
        page.evaluate("window.kept = true")
        track(page, 1, 2)
        page.goto(f"{shop.url}/2")
        page.wait_for_function("okla.VERSION")
        track(page, 3)
        page.evaluate("history.back()")
        # Only the page itself, not one that was loaded again, has it.
        page.wait_for_function("window.kept")
        track(page, 4)
        page.evaluate("okla.flush()")
        all_arrive(page, service, [1, 2, 3, 4])
        nothing_waits(page)
        assert numbers(service) == [1, 2, 3, 4] and discarded(service) == {}
        views = arrived(page, service, "page_view", 3)
        assert [view["properties"]["url"].removeprefix(shop.url) for view in views] == ["/1", "/2", "/1"]
        assert len(stored(service, "page_leave")) == 2


# The storage

def forbidden(*names):
    objects = {"localStorage": "window", "cookie": "document", "locks": "navigator"}
    return "".join(f"Object.defineProperty({objects[name]}, '{name}', {{ get() {{ throw new DOMException('no', 'SecurityError'); }}, set() {{ throw new DOMException('no', 'SecurityError'); }} }});" for name in names)


@pytest.mark.parametrize("names", [("localStorage",), ("localStorage", "cookie"), ("locks",), ("localStorage", "cookie", "locks")])
def test_a_browser_that_keeps_nothing(service, shop, visit, names):
    visit.context.add_init_script(forbidden(*names))
    page = visit.open("/1")
    track(page, *range(30))
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(30))
    track(page, *range(30, 60))
    works(page)
    closed(page)
    page = visit.open("/2")
    all_arrive(page, service, range(60))
    track(page, 60)
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(61))
    visitors = {event["anonymousId"] for event in stored(service)}
    # A cookie is enough to know who comes back; without one, each page is somebody new.
    assert len(visitors) == (2 if "cookie" in names else 1)
    assert discarded(service) == {}


def test_a_full_storage(service, shop, visit):
    page = visit.open("/1", loaded=False)
    page.evaluate("""() => {
        for (let size = 1 << 22; size; size >>= 1)
            for (let number = 0; number < 8; number++) try { localStorage.setItem(`fill.${size}.${number}`, 'x'.repeat(size)); } catch { break; }
    }""")
    page.reload()
    page.wait_for_function("okla.VERSION")
    # Names of the SDK's own begin with its own; of events there is none.
    seen = "JSON.stringify(Object.entries(localStorage).filter(([name]) => !name.startsWith('okla|') || name.includes('|q.')))"
    filled = page.evaluate(seen)
    track(page, *range(60))
    assert page.evaluate(seen) == filled, "the page's own is untouched, and nothing more has room"
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(60))
    track(page, *range(60, 90))
    closed(page)
    all_arrive(visit.context.new_page(), service, range(90))
    assert discarded(service) == {}


def test_more_than_a_closing_page_can_hand_over_is_told_of(service, shop, visit):
    visit.context.add_init_script(forbidden("localStorage"))
    page = visit.open("/1")
    page.evaluate("() => { for (let number = 0; number < 300; number++) shop.track(number); }")
    closed(page)
    other = visit.context.new_page()
    until(other, lambda: discarded(service))
    until(other, lambda: len(numbers(service)) + sum(discarded(service).values()) >= 300)
    arrived_numbers = numbers(service)
    # The oldest of them, each once; and of what is missing the automatic events that came last.
    assert arrived_numbers == list(range(len(arrived_numbers))) and len(arrived_numbers) > 30
    automatic = 3 - sum(len(stored(service, name)) for name in ("page_view", "visibility", "page_leave"))
    assert discarded(service) == {"not_saved": 300 - len(arrived_numbers) + automatic}


# Many events, many tabs

def test_ten_thousand_events_in_a_loop(service, shop, visit, measured):
    page = visit.open()
    took = page.evaluate("""() => {
        const begin = performance.now();
        for (let number = 0; number < 10000; number++) shop.track(number);
        return performance.now() - begin;
    }""")
    works(page)
    until(page, lambda: page.evaluate("shop.outcomes.length") == 10000, 120)
    nothing_waits(page)
    page.evaluate("okla.flush()")
    until(page, lambda: len(numbers(service)) + sum(discarded(service).values()) >= 10000)
    there, lost = numbers(service), discarded(service)
    assert len(set(there)) == len(there) and set(lost) <= {"queue_full"}
    outcomes = page.evaluate("shop.outcomes")
    assert sorted(number for number, error in outcomes if error is None) == there
    assert sum(error == "discarded: queue_full" for _, error in outcomes) == lost.get("queue_full", 0) == 10000 - len(there)
    measured(f"10,000 events in a loop: {took:.0f} ms, {len(there)} stored, {lost.get('queue_full', 0)} in the report of losses")
    judged_well(service)


def test_two_tabs_send_one_at_a_time_and_nothing_twice(service, shop, visit):
    under_way, most = [], []

    def begins(request):
        if "/api/events/batch" in request.url and request.method == "POST":
            under_way.append(request)
            most.append(len(under_way))

    def ends(request):
        if request in under_way:
            under_way.remove(request)
    visit.context.on("request", begins)
    visit.context.on("requestfinished", ends)
    visit.context.on("requestfailed", ends)
    pages = [visit.open(f"/{number}") for number in range(3)]
    for turn in range(10):
        for number, page in enumerate(pages):
            first = turn * 60 + number * 20
            track(page, *range(first, first + 20))
            page.evaluate("okla.flush()")
    all_arrive(pages[0], service, range(600))
    for page in pages:
        nothing_waits(page)
    assert numbers(service) == list(range(600)) and max(most) == 1
    ledger = [event["messageId"] for event in stored(service)]
    assert len(set(ledger)) == len(ledger)


def test_a_tab_that_lives_takes_over_what_a_crashed_one_left(service, way, shop, visit):
    living, other = visit.open("/1"), visit.open("/2")
    way.refuse()
    track(other, *range(20))
    other.close(run_before_unload=False)
    way.pass_on()
    track(living, 20)
    living.evaluate("okla.flush()")
    all_arrive(living, service, range(21))


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_wrong_by_a_day(service, shop, visit, days):
    visit.context.add_init_script(f"""(() => {{
        const True = Date;
        const shift = {days} * 86400000;
        window.Date = class extends True {{
            constructor(...args) {{ super(...(args.length ? args : [True.now() + shift])); }}
            static now() {{ return True.now() + shift; }}
        }};
    }})()""")
    page = visit.open("/1")
    track(page, *range(10))
    page.evaluate("okla.flush()")
    all_arrive(page, service, range(10))
    track(page, *range(10, 20))
    closed(page)
    all_arrive(visit.context.new_page(), service, range(20))
    now = datetime.datetime.now(datetime.timezone.utc)
    for event in stored(service):
        assert abs((datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")) - now).total_seconds()) < 120
        wrong = datetime.datetime.fromisoformat(event["originalTimestamp"].replace("Z", "+00:00"))
        assert abs((wrong - now).total_seconds() - days * 86400) < 120
    assert len({event["sessionId"] for event in stored(service)}) == 1


def test_a_script_that_is_blocked(service, shop, visit):
    visit.context.route("**/sdk/v1/**", lambda route: route.abort())
    page = visit.open("/1", loaded=False)
    track(page, *range(5))
    page.click("#call")
    works(page)
    assert page.evaluate("okla.length") == 5 and stored(service) == []
    # It comes with the next page.
    visit.context.unroute("**/sdk/v1/**")
    page = visit.open("/2")
    track(page, 9)
    page.evaluate("okla.flush()")
    all_arrive(page, service, [9])


def test_a_page_whose_policy_forbids_it(service, shop, visitor):
    """The script may load and may not send: the page's own console says so, once for each try, and nothing else breaks."""
    visit = Visit(shop, visitor())
    shop.policy = re.sub(r"connect-src [^;]*", "connect-src 'none'", shop.policy)
    page = visit.open("/1")
    track(page, *range(5))
    page.evaluate("okla.flush()")
    until(page, lambda: visit.complaints())
    works(page)
    assert all("Content Security Policy" in text or "violates" in text for text in visit.complaints())
    assert visit.errors == [] and stored(service) == []


def test_what_others_wrote_into_the_storage_harms_nothing(service, shop, visit):
    page = visit.open("/1", loaded=False)
    page.evaluate("""(key) => {
        const put = (name, text) => localStorage.setItem(`okla|${key}|${name}`, text);
        put('q.gone.0', 'not json'); put('q.gone.1', ''); put('q..', '{}'); put('q', 'x'); put('l.gone', '[1]'); put('l.x', 'null');
        put('session', 'x'); put('until', 'never'); put('consent', ''); put('user', '');
    }""", KEY)
    page.reload()
    page.wait_for_function("okla.VERSION")
    track(page, 1)
    page.evaluate("okla.flush()")
    all_arrive(page, service, [1])
