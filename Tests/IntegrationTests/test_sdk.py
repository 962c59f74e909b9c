"""The browser SDK in a shop's pages, in the real browser: what pages call it with, and who the visitor is, as it arrives in the log."""
import re
import urllib.parse

import pytest

from service import KEY
from shop import Shop, Visit, arrived, closed, judged_well, nothing_waits, stored, until, wait_for

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


# What pages call

def test_the_snippet_brings_a_page_view_with_its_context(service, shop, visit):
    page = visit.open("/vehicle/1?utm_source=google&utm_medium=cpc&utm_campaign=q1%20suv&utm_term=toyota+rav4&utm_content=a&other=1")
    page.evaluate("okla.flush()")
    [event] = arrived(page, service, "page_view")
    url = page.url
    assert event["properties"] == {"url": url, "title": "Toyota RAV4 2024 - Shop", "referrer": ""}
    context = event["context"]
    assert context["page"] == {"url": url, "title": "Toyota RAV4 2024 - Shop", "referrer": ""}
    assert context["campaign"] == {"source": "google", "medium": "cpc", "campaign": "q1 suv", "term": "toyota rav4", "content": "a"}
    assert (context["locale"], context["timezone"]) == ("es-DO", "America/Santo_Domingo")
    assert context["screen"] == {"width": 1280, "height": 720, "density": 1}
    assert context["userAgent"] == page.evaluate("navigator.userAgent")
    assert context["library"] == {"name": "okla.js", "version": "1.0.0"} and page.evaluate("okla.VERSION") == "1.0.0"
    # The service adds what it knows.
    assert context["ip"] == "127.0.0.1" and context["os"]["name"] == "Linux" and context["browser"]["name"] == "HeadlessChrome" and context["bot"]
    assert "userId" not in event
    for name in ("messageId", "anonymousId", "sessionId"):
        assert UUID.fullmatch(event[name]), name
    assert visit.context.cookies() == []
    judged_well(service)


def test_every_call_arrives_as_the_specification_writes_it(service, shop, visit):
    page = visit.open()
    page.evaluate("""async () => {
        await shop.answered(okla.identify("user-123", { email: "juan@email.com", name: "Juan Pérez 🚗", createdAt: "2025-03-15" }));
        await shop.answered(okla.page({ section: "suv" }));
        await shop.answered(okla.track("vehicle_view", { vehicleId: "abc-123", source: "search_results", position: 3 }));
        await new Promise((resolve) => okla.track("lead_form_submit", { vehicleId: "abc-123", dealerId: "dealer-456" }, resolve));
    }""")
    [identify] = stored(service, "identify")
    assert identify["traits"] == {"email": "juan@email.com", "name": "Juan Pérez 🚗", "createdAt": "2025-03-15"} and identify["userId"] == "user-123"
    [vehicle] = stored(service, "vehicle_view")
    assert vehicle["properties"] == {"vehicleId": "abc-123", "source": "search_results", "position": 3} and vehicle["userId"] == "user-123"
    [lead] = stored(service, "lead_form_submit")
    assert lead["properties"] == {"vehicleId": "abc-123", "dealerId": "dealer-456"}
    assert [view["properties"].get("section") for view in stored(service, "page_view")] == [None, "suv"]
    before = {vehicle["anonymousId"], vehicle["sessionId"]}
    page.evaluate("async () => { okla.reset(); await shop.answered(okla.track('logout')); }")
    [logout] = stored(service, "logout")
    assert "userId" not in logout and not before & {logout["anonymousId"], logout["sessionId"]}
    judged_well(service)


def test_calls_before_the_script_is_there_come_in_their_order(service, shop, visit):
    shop.calls = """
        okla.identify("user-1", { plan: "gold" }).track("search", { query: "rav4" }).page({ section: "early" });
        const kept = okla.track;
        kept("vehicle_click", { vehicleId: "v-1" }, (error) => (shop.early = error === undefined));
        window.keepCalling = () => kept("vehicle_favorite", { vehicleId: "v-2" });
    """
    page = visit.open_before_the_script()
    page.evaluate("keepCalling(); okla.flush()")
    arrived(page, service, "vehicle_favorite")
    nothing_waits(page)
    events = [record["value"] for record in service.records()]
    assert [event["event"] for event in events] == ["identify", "search", "page_view", "vehicle_click", "vehicle_favorite"]
    assert {event["userId"] for event in events} == {"user-1"}
    # The page has told of its own view, with more than the automatic one would have.
    assert events[2]["properties"]["section"] == "early" and events[2]["properties"]["url"] == page.url
    assert page.evaluate("shop.early") is True
    judged_well(service)


def test_a_callback_is_called_when_the_service_has_answered(service, shop, visit):
    page = visit.open()
    outcome = page.evaluate("""async () => {
        let told = 'not yet';
        const promise = okla.track("vehicle_view", { vehicleId: "v-1" }, (error) => (told = error === undefined));
        const before = told;
        okla.flush();
        const outcome = await promise;
        await new Promise((resolve) => setTimeout(resolve));
        return [before, told, outcome];
    }""")
    assert outcome == ["not yet", True, {"status": "stored"}]
    assert len(stored(service, "vehicle_view")) == 1


def test_a_rejected_event_gives_an_error_that_says_why(service, shop, visit):
    page = visit.open()
    outcome = page.evaluate("""async () => {
        const outcome = await shop.answered(okla.track("vehicle_view", { source: "test" }));
        return [outcome.status, outcome.error instanceof Error, outcome.error.message, outcome.error.errors];
    }""")
    assert outcome == ["rejected", True, "rejected: /properties/vehicleId is required",
                       [{"path": "/properties/vehicleId", "keyword": "required", "message": "is required"}]]
    # It is kept at the service, so nothing was discarded here.
    assert len(service.records("okla.events.rejected")) == 1 and stored(service, "okla_client_discarded") == []


@pytest.mark.parametrize("call", [
    "okla.track()", "okla.track(7)", "okla.track('')", "okla.track('x'.repeat(129))", "okla.track(null, null, null)", "okla.track({})",
    "okla.track('a', { n: 1n })", "okla.track('a', (() => { const o = {}; o.o = o; return o; })())",
    "okla.track('a', { get a() { throw new Error('mine'); } })", "okla.track('a', { toJSON() { throw 1; } })",
    "okla.track('a', { text: 'x'.repeat(40000) })",
])
def test_what_cannot_be_an_event_gives_an_error_and_is_told_of(service, shop, visit, call):
    page = visit.open()
    outcome = page.evaluate(f"async () => {{ const {{ status, error }} = await {call}; return [status, error.message]; }}")
    reason = "too_large" if "40000" in call else "invalid"
    assert outcome == ["discarded", f"discarded: {reason}"]
    page.evaluate("okla.track('after', {}); okla.flush()")
    [report] = arrived(page, service, "okla_client_discarded")
    assert report["properties"] == {"reason": reason, "count": 1}
    judged_well(service)


def test_whatever_the_page_passes_it_goes_on(service, shop, visit):
    page = visit.open()
    page.evaluate("""() => {
        okla.identify(); okla.identify(null); okla.identify({ plan: "gold" }); okla.identify(7); okla.page("text"); okla.page(null);
        okla.track("odd", [1, 2]); okla.track("odd", "text"); okla.track("odd", 7); okla.reset(1); okla.optIn({}); okla.flush(null);
        okla.push(); okla.push(["nothing"]); okla.push(null, 7, ["track", "pushed"]); okla.initialize(); okla.initialize("other", { host: "https://elsewhere.test" });
    }""")
    page.evaluate("async () => { await shop.answered(okla.track('after', {})); }")
    assert sorted(str(event.get("userId")) for event in stored(service, "identify")) == ["7", "None", "None", "None"]
    # What is no object of properties is for the service to refuse, and to keep.
    assert sorted(str(record["value"]["properties"]) for record in service.records("okla.events.rejected")) == ["7", "[1, 2]", "text"]
    assert len(stored(service, "after")) == len(stored(service, "pushed")) == 1


def test_whatever_stands_in_the_queue_the_rest_is_done(service, shop, visit):
    shop.calls = "okla.push(null, 7, ['nothing'], ['constructor'], ['track', 'queued']);"
    page = visit.open_before_the_script()
    page.evaluate("okla.flush()")
    assert len(arrived(page, service, "queued")) == len(arrived(page, service, "page_view")) == 1


def test_an_error_of_the_pages_own_callback_is_the_pages(service, shop, visitor):
    visit = Visit(shop, visitor())
    page = visit.open()
    page.evaluate("async () => { okla.track('a', {}, () => { throw new Error('mine'); }); await shop.answered(okla.track('b', {})); }")
    until(page, lambda: visit.errors)
    assert len(visit.errors) == 1 and "mine" in visit.errors[0]
    page.evaluate("async () => { await shop.answered(okla.track('c', {})); }")
    # It is an error of the page as any other.
    [error] = arrived(page, service, "error")
    assert error["properties"]["message"] == "Uncaught Error: mine"


def test_without_the_snippet_a_page_can_begin_by_itself(service, shop, visit):
    page = visit.open("/", loaded=False)
    shop.snippet = f'<script src="{shop.events}/sdk/v1/okla.min.js"></script>'
    page.reload()
    page.evaluate(f"okla.initialize('{KEY}', {{ autoTrack: false }})")
    page.evaluate("async () => { await shop.answered(okla.track('vehicle_view', { vehicleId: 'v-1' })); }")
    assert len(stored(service, "vehicle_view")) == 1


def test_the_snippet_twice_is_once(service, shop, visit):
    page = visit.open("/", loaded=False)
    shop.snippet += shop.snippet
    page.context.new_page().goto(f"{shop.url}/twice")
    twice = page.context.pages[-1]
    wait_for(twice, "okla.VERSION")
    twice.wait_for_load_state("networkidle")
    twice.evaluate("async () => { await shop.answered(okla.track('vehicle_view', { vehicleId: 'v-1' })); }")
    assert len(stored(service, "vehicle_view")) == 1
    closed(twice)
    assert len(arrived(page, service, "page_leave")) == 1
    assert len([view for view in stored(service, "page_view") if view["properties"]["url"].endswith("/twice")]) == 1


def test_a_pinned_snippet_loads_what_its_hash_says_and_nothing_else(service, visitor):
    with Shop(service.port, pinned=True) as shop:
        visit = Visit(shop, visitor())
        page = visit.open()
        page.evaluate("async () => { await shop.answered(okla.track('vehicle_view', { vehicleId: 'v-1' })); }")
        assert len(stored(service, "vehicle_view")) == 1 and visit.complaints() == []
        shop.snippet = re.sub(r"sha384-....", "sha384-AAAA", shop.snippet)
        shop.policy = "default-src 'self' 'unsafe-inline'; script-src * 'unsafe-inline'"
        page = visit.open("/changed", loaded=False)
        until(page, lambda: any("integrity" in text for text in visit.complaints()))
        assert page.evaluate("okla.VERSION") is None


# Who the visitor is

def test_a_visitor_stays_the_same_over_pages_and_tabs_and_another_is_another(service, shop, visit, visitor):
    page = visit.open("/1")
    page.evaluate("async () => { await shop.answered(okla.identify('user-1')); }")
    second = visit.open("/2")
    second.evaluate("async () => { await shop.answered(okla.track('from', { tab: 2 })); }")
    page.evaluate("async () => { await shop.answered(okla.track('from', { tab: 1 })); }")
    stranger = Visit(shop, visitor()).open("/3")
    stranger.evaluate("async () => { await shop.answered(okla.track('from', { tab: 3 })); }")
    of_tab = {event["properties"]["tab"]: event for event in stored(service, "from")}
    for name in ("anonymousId", "sessionId", "userId"):
        assert of_tab[1][name] == of_tab[2][name]
    assert of_tab[3]["anonymousId"] != of_tab[1]["anonymousId"] and of_tab[3]["sessionId"] != of_tab[1]["sessionId"]
    assert "userId" not in of_tab[3]


def test_after_half_an_hour_a_new_session_begins(service, shop, visitor):
    visit = Visit(shop, visitor())
    visit.context.clock.install()
    page = visit.open()
    page.evaluate("() => { okla.track('from', { minute: 0 }); }")
    visit.context.clock.fast_forward("29:00")
    page.evaluate("() => { okla.track('from', { minute: 29 }); }")
    visit.context.clock.fast_forward("31:00")
    page.evaluate("() => { okla.track('from', { minute: 60 }); }")
    visit.context.clock.fast_forward(6000)
    at = {event["properties"]["minute"]: event["sessionId"] for event in arrived(page, service, "from", 3)}
    assert at[0] == at[29] != at[60]


@pytest.mark.parametrize("says", ["navigator.globalPrivacyControl = true", "navigator.doNotTrack = '1'"])
def test_what_the_browser_asks_for_is_respected(service, shop, visit, says):
    name, value = says.removeprefix("navigator.").split(" = ")
    visit.context.add_init_script(f"Object.defineProperty(navigator, '{name}', {{ value: {value} }})")
    requests = []
    visit.context.on("request", lambda request: requests.append(request.url))
    page = visit.open()
    outcome = page.evaluate("async () => { okla.identify('user-1'); const { status, error } = await shop.answered(okla.track('a', {})); return [status, error.message]; }")
    assert outcome == ["discarded", "discarded: opted_out"]
    assert page.evaluate("[Object.keys(localStorage), document.cookie]") == [[], ""]
    page.evaluate("async () => { okla.optIn(); await shop.answered(okla.track('b', {})); }")
    assert [event["event"] for event in stored(service)] == ["b"]
    posted = [url for url in requests if "/api/" in url]
    assert len(posted) == 1 and urllib.parse.urlparse(posted[0]).path == "/api/events/batch"


def test_a_site_can_decide_to_send_all_the_same(service, visitor):
    with Shop(service.port, options={"respectDoNotTrack": False}) as shop:
        visit = Visit(shop, visitor())
        visit.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
        page = visit.open()
        assert page.evaluate("async () => (await shop.answered(okla.track('a', {}))).status") == "stored"


def test_opting_out_erases_everything_and_lasts(service, shop, visit):
    page = visit.open("/1")
    page.evaluate("async () => { await shop.answered(okla.identify('user-1')); }")
    before = len(stored(service))
    outcome = page.evaluate("""async () => {
        const waiting = okla.track('waiting', {});
        okla.track('');
        okla.optOut();
        okla.flush();
        return [(await waiting).error.message, (await shop.answered(okla.track('after', {}))).error.message];
    }""")
    assert outcome == ["discarded: opted_out", "discarded: opted_out"]
    assert page.evaluate("Object.keys(localStorage)") == [f"okla|{KEY}|consent"]
    page.click("#call")
    page.reload()
    wait_for(page, "okla.VERSION")
    page.evaluate("async () => { await shop.answered(okla.track('after', {})); }")
    assert len(stored(service)) == before
    page.evaluate("async () => { okla.optIn(); await shop.answered(okla.track('again', {})); await shop.answered(okla.track('last', {})); }")
    assert stored(service, "okla_client_discarded") == []
    again = stored(service, "again")[0]
    assert "userId" not in again and again["anonymousId"] not in {event["anonymousId"] for event in stored(service)[:before]}


def test_who_opts_out_in_one_tab_has_in_the_others(service, shop, visit):
    page, other = visit.open("/1"), visit.open("/2")
    page.evaluate("() => { okla.track('waiting', {}); okla.track(''); }")
    other.evaluate("() => { okla.optOut(); }")
    # Browsers tell each other's processes within milliseconds.
    wait_for(page, f"localStorage.getItem('okla|{KEY}|consent') == 'out'")
    page.evaluate("okla.flush()")
    page.wait_for_timeout(200)
    # No id and no session was made for a report of what was lost.
    assert page.evaluate("Object.keys(localStorage).filter((name) => /anonymous|session|user|[|]q[.]/.test(name))") == []
    other.evaluate("() => { okla.optIn(); }")
    wait_for(page, f"localStorage.getItem('okla|{KEY}|consent') == 'in'")
    page.evaluate("async () => { await shop.answered(okla.track('again', {})); }")
    assert stored(service, "waiting") == [] and len(stored(service, "again")) == 1


def test_debug_tells_what_happens_and_nothing_else_ever_does(service, shop, visit, visitor):
    page = visit.open()
    page.evaluate("async () => { await shop.answered(okla.track('a', {})); }")
    assert visit.console == []
    with Shop(service.port, options={"debug": True}) as talking:
        second = Visit(talking, visitor())
        page = second.open()
        page.evaluate("async () => { await shop.answered(okla.track('a', {})); }")
        until(page, lambda: any("[okla] sent" in text for _, text in second.console))
        assert {kind for kind, _ in second.console} == {"log"}
