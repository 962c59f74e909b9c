"""What a page has tracked arrives exactly once, or is in the report of losses: however the page ends, whatever its browser keeps, and however many
there are."""
import datetime

import pytest

from chromium import launched
from service import KEY
from shop import Visit, all_arrive, arrived, closed, discarded, judged_well, nothing_waits, numbers, stored, track, track_now, until, wait_for, works


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
    wait_for(page, "okla.VERSION")
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
        wait_for(page, "okla.VERSION")
        track(page, 3)
        page.evaluate("history.back()")
        # Only the page itself, not one that was loaded again, has it.
        wait_for(page, "window.kept")
        track_now(page, 4)
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
    track_now(page, *range(30))
    all_arrive(page, service, range(30))
    track(page, *range(30, 60))
    works(page)
    closed(page)
    page = visit.open("/2")
    all_arrive(page, service, range(60))
    track_now(page, 60)
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
    wait_for(page, "okla.VERSION")
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
            track_now(page, *range(first, first + 20))
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
    track_now(living, 20)
    all_arrive(living, service, range(21))


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
    track_now(page, 9)
    all_arrive(page, service, [9])


def test_what_others_wrote_into_the_storage_harms_nothing(service, shop, visit):
    page = visit.open("/1", loaded=False)
    page.evaluate("""(key) => {
        const put = (name, text) => localStorage.setItem(`okla|${key}|${name}`, text);
        put('q.gone.0', 'not json'); put('q.gone.1', ''); put('q..', '{}'); put('q', 'x'); put('l.gone', '[1]'); put('l.x', 'null');
        put('session', 'x'); put('until', 'never'); put('consent', ''); put('user', '');
    }""", KEY)
    page.reload()
    wait_for(page, "okla.VERSION")
    track_now(page, 1)
    all_arrive(page, service, [1])
