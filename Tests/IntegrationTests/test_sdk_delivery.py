"""What a page has tracked arrives exactly once, or is in the report of losses: whatever happens to the service, the network and the clock."""
import datetime
import json
import re
import time

import pytest

from ports import free_port
from service import KEY, Service
from shop import Shop, Visit, all_arrive, closed, discarded, nothing_waits, numbers, posts, show, stored, track, track_now, until, viewed, wait_for, works


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
    page = viewed(visit, service)
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


def test_what_is_handed_over_while_it_is_compressed_goes_once(service, shop, visit):
    page = viewed(visit, service)
    page.evaluate("""() => {
        const { arrayBuffer } = Response.prototype;
        Response.prototype.arrayBuffer = function () { shop.packs = true; return new Promise((done) => (shop.release = done)).then(() => arrayBuffer.call(this)); };
    }""")
    noted = posts(visit)
    track_now(page, *range(10))
    wait_for(page, "shop.packs")
    show(page, "hidden")
    all_arrive(page, service, range(10))
    page.evaluate("shop.release()")
    until(page, lambda: page.evaluate("shop.outcomes.length") == 10)
    works(page)
    assert len(noted) == 1


# The service and the network

def test_a_service_that_is_down_for_a_while(service, way, shop, visit):
    page = visit.open()
    way.refuse()
    track_now(page, *range(20))
    until(page, lambda: any("ERR_CONNECTION" in text for _, text in visit.console))
    works(page)
    track(page, *range(20, 40))
    way.pass_on()
    all_arrive(page, service, range(40))
    until(page, lambda: page.evaluate("shop.outcomes.length") == 40)
    assert page.evaluate("shop.outcomes.every(([number, error]) => error === null)")


def test_tries_come_further_and_further_apart(service, way, shop, visit):
    page = viewed(visit, service)
    way.refuse()
    at = []
    visit.context.on("request", lambda request: at.append(request.timing["startTime"] / 1000 if request.timing["startTime"] > 0 else time.time()))
    track_now(page, 1)
    until(page, lambda: len(at) >= 4)
    way.pass_on()
    all_arrive(page, service, [1])
    pauses = [after - before for before, after in zip(at[:4], at[1:4])]
    # Half of each is left to chance, so that not all pages of all visitors come back at once.
    for pause, longest in zip(pauses, (1, 2, 4)):
        assert longest / 2 - 0.1 < pause < longest + 10, pauses


def test_an_answer_that_is_lost(service, way, shop, visit):
    page = viewed(visit, service)
    way.cut_replies(pattern=b"POST", times=2)
    track_now(page, *range(20))
    all_arrive(page, service, range(20))
    nothing_waits(page)
    assert way.cuts == 2 and numbers(service) == list(range(20))
    assert page.evaluate("shop.outcomes.map(([, error]) => error).every((error) => error === null)")


def test_a_request_that_breaks_off(service, way, shop, visit):
    page = viewed(visit, service)
    way.cut_requests(200, pattern=b"POST", times=2)
    track_now(page, *range(20))
    all_arrive(page, service, range(20))
    assert way.cuts == 2


def test_a_browser_that_is_offline(service, shop, visit):
    page = visit.open()
    noted = posts(visit)
    visit.context.set_offline(True)
    track_now(page, *range(10))
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
    track_now(page, *range(250))
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
    track_now(page, 1)
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
            track_now(page, *range(first, first + 40))
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
    track_now(page, 1)
    until(page, lambda: told)
    page.wait_for_timeout(300)
    second = visit.open("/2")
    track_now(second, 2)
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
        track_now(page, *range(10))
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
        track_now(page, *range(10))
        until(page, lambda: page.evaluate("shop.outcomes.length") == 10)
        assert {error for _, error in page.evaluate("shop.outcomes")} == {"discarded: http_401"}
        track_now(page, 10)
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
    track_now(page, *range(5))
    until(page, lambda: page.evaluate("shop.outcomes.length") == 5)
    track_now(page, 5)
    all_arrive(page, service, [5])
    until(page, lambda: discarded(service))
    # The five, and the view of the page.
    assert discarded(service) == {"http_400": 6}


def test_a_report_that_is_refused_itself_is_made_again(service, shop, visit):
    page = visit.open()
    page.evaluate("async () => { await shop.answered(okla.track('a', {})); }")
    refusals = []

    def refuse(route):
        refusals.append(route.request)
        route.fulfill(status=404, headers={"Access-Control-Allow-Origin": "*"}, body="nothing here")
    visit.context.route("**/api/events/batch*", refuse)
    # Nothing but the report is in that request.
    page.evaluate("() => { okla.track(''); okla.track(''); okla.flush(); }")
    until(page, lambda: refusals)
    page.wait_for_timeout(200)
    visit.context.unroute("**/api/events/batch*")
    page.evaluate("async () => { await shop.answered(okla.track('b', {})); }")
    until(page, lambda: discarded(service).get("invalid"))
    assert discarded(service) == {"invalid": 2, "http_404": 1}


def test_a_service_with_smaller_batches(tmp_path, visitor):
    with Service(tmp_path / "data", {"EVENT_TRACKING_BATCH_SIZE": "7"}) as service, Shop(service.port) as shop:
        page = Visit(shop, visitor()).open()
        track_now(page, *range(50))
        all_arrive(page, service, range(50))
        assert discarded(service) == {}


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
    track_now(page, *range(10))
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


def test_a_page_whose_policy_forbids_it(service, shop, visitor):
    """The script may load and may not send: the page's own console says so, once for each try, and nothing else breaks."""
    visit = Visit(shop, visitor())
    shop.policy = re.sub(r"connect-src [^;]*", "connect-src 'none'", shop.policy)
    page = visit.open("/1")
    track_now(page, *range(5))
    until(page, lambda: visit.complaints())
    works(page)
    assert all("Content Security Policy" in text or "violates" in text for text in visit.complaints())
    assert visit.errors == [] and stored(service) == []
