"""What the browser SDK sees of a visit by itself, as it arrives in the log."""
import pytest

from shop import Shop, Visit, arrived, closed, judged_well, show, stored, until


# What it sees by itself

def test_a_single_page_application_has_a_view_and_a_leave_for_each_address(service, shop, visit):
    page = visit.open("/vehicle/1")
    for how, path in (("pushState", "/vehicle/2"), ("replaceState", "/vehicle/3"), ("pushState", "/vehicle/3#photos"), ("pushState", "/vehicle/3#/tab")):
        page.evaluate("([path, how]) => shop.navigate(path, `title of ${path}`, how)", [path, how])
        page.wait_for_timeout(60)
    page.go_back()
    page.wait_for_timeout(60)
    closed(page)
    other = visit.context.new_page()
    paths = ["/vehicle/1", "/vehicle/2", "/vehicle/3", "/vehicle/3#/tab", "/vehicle/3#photos"]
    views = arrived(other, service, "page_view", 5)
    assert [view["properties"]["url"].removeprefix(shop.url) for view in views] == paths
    assert [view["properties"]["referrer"].removeprefix(shop.url) for view in views] == ["", *paths[:4]]
    assert [view["properties"]["title"] for view in views][1:4] == [f"title of {path}" for path in paths[1:4]]
    assert [view["context"]["page"]["referrer"] for view in views] == [view["properties"]["referrer"] for view in views]
    leaves = arrived(other, service, "page_leave", 5)
    assert [leave["properties"]["url"].removeprefix(shop.url) for leave in leaves] == paths
    assert [leave["context"]["page"]["url"] for leave in leaves] == [leave["properties"]["url"] for leave in leaves]
    judged_well(service)


def test_a_router_that_calls_page_by_itself_is_not_counted_twice(service, shop, visit):
    page = visit.open("/a")
    page.evaluate("() => { shop.navigate('/b', 'B'); okla.page({ section: 'mine' }); }")
    page.wait_for_timeout(60)
    page.evaluate("() => shop.navigate('/c', 'C')")
    page.wait_for_timeout(60)
    page.evaluate("okla.flush()")
    views = arrived(page, service, "page_view", 3)
    assert [(view["properties"]["title"], view["properties"].get("section")) for view in views][1:] == [("B", "mine"), ("C", None)]
    assert [leave["properties"]["url"].removeprefix(shop.url) for leave in arrived(page, service, "page_leave", 2)] == ["/a", "/b"]


def test_an_application_that_goes_on_at_once_has_one_view(service, shop, visit):
    """As a router that redirects while the page is being loaded."""
    # Once before the script is there, once while it begins, and once between that and the page's view.
    shop.calls = """history.replaceState({}, '', '/home');
        okla.track('redirecting', { get to() { history.replaceState({}, '', '/home/start'); setTimeout(() => history.replaceState({}, '', '/home/end')); return 1; } });"""
    page = visit.open_before_the_script("/")
    page.wait_for_timeout(100)
    page.evaluate("okla.flush()")
    [view] = arrived(page, service, "page_view")
    assert view["properties"]["url"] == f"{shop.url}/home/end" and view["properties"]["referrer"] == ""
    assert stored(service, "page_leave") == []


def test_the_depth_of_an_address_is_its_own(service, shop, visit):
    page = visit.open("/long")
    page.wait_for_timeout(50)
    # The next address has a short page at once, and nobody scrolls there.
    page.evaluate("() => { document.dispatchEvent(new Event('scroll')); shop.navigate('/short', 'short'); document.querySelector('.tall').remove(); }")
    page.wait_for_timeout(300)
    page.evaluate("okla.flush()")
    [leave] = arrived(page, service, "page_leave")
    assert leave["properties"]["url"] == f"{shop.url}/long" and 10 <= leave["properties"]["scrollDepth"] <= 16
    assert stored(service, "scroll") == []


@pytest.mark.parametrize("mine", ["{ mine: true }", "document.createElement('nav')", "() => {}"])
def test_a_page_that_has_the_name_of_the_navigation_api(service, shop, visit, mine):
    visit.context.add_init_script(f"window.navigation = {mine}")
    page = visit.open("/a")
    page.evaluate("() => shop.navigate('/b', 'B')")
    page.wait_for_timeout(60)
    page.evaluate("okla.flush()")
    assert [view["properties"]["url"].removeprefix(shop.url) for view in arrived(page, service, "page_view", 2)] == ["/a", "/b"]


def test_browsers_without_the_navigation_api_are_watched_too(service, shop, visit):
    visit.context.add_init_script("delete window.navigation; Object.defineProperty(window, 'navigation', { value: undefined });")
    page = visit.open("/a")
    page.evaluate("() => { window.result = history.pushState({ mine: 1 }, '', '/b'); }")
    page.wait_for_timeout(60)
    page.evaluate("location.hash = '#/c'")
    page.wait_for_timeout(60)
    page.go_back()
    page.wait_for_timeout(60)
    page.evaluate("okla.flush()")
    assert [view["properties"]["url"].removeprefix(shop.url) for view in arrived(page, service, "page_view", 4)] == ["/a", "/b", "/b#/c", "/b"]
    assert page.evaluate("[history.state, typeof result]") == [{"mine": 1}, "undefined"]


def test_what_a_visit_was_is_told_when_the_tab_is_closed(service, shop, visit):
    page = visit.open("/vehicle/1")
    page.evaluate("scrollTo(0, 2000)")
    arrived_at = page.evaluate("(scrollY + innerHeight) / document.documentElement.scrollHeight * 100")
    page.wait_for_timeout(1200)
    closed(page)
    other = visit.context.new_page()
    [leave] = arrived(other, service, "page_leave")
    assert leave["properties"]["url"] == f"{shop.url}/vehicle/1"
    assert 1.2 <= leave["properties"]["duration"] < 30 and abs(leave["properties"]["scrollDepth"] - arrived_at) <= 1
    [visibility] = arrived(other, service, "visibility")
    assert visibility["properties"]["url"] == f"{shop.url}/vehicle/1"
    assert 1.2 <= visibility["properties"]["visibleTime"] <= leave["properties"]["duration"] + 0.1 and visibility["properties"]["hiddenTime"] == 0
    assert [scroll["properties"] for scroll in arrived(other, service, "scroll", 2)] == [
        {"depth": depth, "url": f"{shop.url}/vehicle/1"} for depth in (25, 50)]
    judged_well(service)


def test_scroll_milestones_come_once_each_and_anew_on_the_next_address(service, shop, visit):
    page = visit.open("/a")
    for _ in range(2):
        for top in (0, 100, 1500, 3000, 9000, 0):
            page.evaluate("(top) => scrollTo(0, top)", top)
            page.wait_for_timeout(150)
    page.evaluate("() => shop.navigate('/b', 'B')")
    page.wait_for_timeout(60)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_timeout(300)
    page.evaluate("okla.flush()")
    assert [(scroll["properties"]["depth"], scroll["properties"]["url"].removeprefix(shop.url)) for scroll in arrived(page, service, "scroll", 5)] == [
        (25, "/a"), (50, "/a"), (75, "/a"), (100, "/a"), (25, "/b")]


def test_hiding_a_page_tells_how_long_it_was_seen(service, shop, visit):
    page = visit.open("/a")
    # Less than 50 ms are not told of.
    page.wait_for_timeout(200)
    show(page, "hidden")
    [first] = arrived(page, service, "visibility")
    page.wait_for_timeout(700)
    show(page, "visible")
    page.wait_for_timeout(300)
    closed(page)
    other = visit.context.new_page()
    second = arrived(other, service, "visibility", 2)[1]
    assert first["properties"]["hiddenTime"] < 0.1 and 0.2 <= first["properties"]["visibleTime"] < 20
    assert 0.7 <= second["properties"]["hiddenTime"] < 20 and 0.3 <= second["properties"]["visibleTime"] < 20
    [leave] = arrived(other, service, "page_leave")
    total = sum(event["properties"][name] for event in (first, second) for name in ("visibleTime", "hiddenTime"))
    assert abs(total - leave["properties"]["duration"]) < 0.1


def test_clicks_on_what_has_data_track(service, shop, visit):
    page = visit.open()
    page.evaluate("document.getElementById('calc').addEventListener('click', (event) => event.preventDefault())")
    page.click("#inner")
    page.click("#plain")
    page.click("#call")
    page.click("#inside")
    page.evaluate("okla.flush()")
    first, second, third = arrived(page, service, "click", 3)
    assert first["properties"] == {"name": "financing_calculator", "element": "a", "text": "Calcular cuota", "id": "calc",
                                   "href": "/financing?v=abc", "vehicleId": "abc-123", "position": "3"}
    assert second["properties"] == {"name": "call", "element": "button", "text": "Llamar", "id": "call", "href": ""}
    assert third["properties"]["name"] == "card"
    judged_well(service)


def test_a_click_that_leads_away_arrives(service, shop, visit):
    page = visit.open()
    page.click("#calc")
    page.wait_for_url("**/financing?v=abc")
    assert arrived(page, service, "click")[0]["properties"]["name"] == "financing_calculator"
    assert len(arrived(page, service, "page_leave")) == 1
    page.evaluate("okla.flush()")
    views = arrived(page, service, "page_view", 2)
    assert views[1]["properties"]["referrer"] == views[0]["properties"]["url"]
    judged_well(service)


def test_a_form_is_told_of_and_never_what_was_typed(service, shop, visit):
    page = visit.open()
    page.fill("#email", "secreto@correo.do")
    page.evaluate("shop.submits = true")
    page.click("#subscribe")
    page.wait_for_url("**/newsletter?*")
    [event] = arrived(page, service, "form_submit")
    assert event["properties"] == {"form": "newsletter", "formId": "newsletter-footer", "action": "/newsletter"}
    page.fill("#q", "otro secreto")
    page.click("#find")
    page.wait_for_url("**/search?*")
    closed(page)
    other = visit.context.new_page()
    arrived(other, service, "page_leave", 3)
    assert len(stored(service, "form_submit")) == 1
    typed = [event for event in stored(service) if "secreto" in str(event["properties"]) and event["event"] in ("form_submit", "click")]
    assert typed == []
    judged_well(service)


def test_javascript_errors_once_each_and_ten_at_most(service, shop, visitor):
    visit = Visit(shop, visitor())
    page = visit.open()
    page.evaluate("""() => {
        const fail = (name) => setTimeout(() => { throw new TypeError(name); });
        for (let times = 0; times < 5; times++) fail("the same");
        Promise.reject(new RangeError("nobody waits"));
        Promise.reject("only a text");
        Promise.reject(undefined);
        Promise.reject({ get message() { throw new Error("hostile"); } });
        const script = document.createElement("script");
        script.src = "/shop.js?missing";
        document.body.append(new Image());
    }""")
    page.wait_for_timeout(100)
    page.evaluate("okla.flush()")
    until(page, lambda: len(stored(service, "error")) >= 4)
    page.evaluate("() => { for (let number = 0; number < 50; number++) setTimeout(() => { throw new Error(`number ${number}`); }); }")
    page.wait_for_timeout(200)
    page.evaluate("okla.flush()")
    errors = arrived(page, service, "error", 10)
    first = next(error["properties"] for error in errors if error["properties"]["message"].endswith("the same"))
    assert first["type"] == "TypeError" and "the same" in first["stack"] and isinstance(first["line"], int)
    messages = [error["properties"]["message"] for error in errors]
    assert "nobody waits" in messages and "only a text" in messages and messages.count("Uncaught TypeError: the same") == 1
    judged_well(service)


def test_each_part_can_be_turned_off(service, visitor):
    automatic = ("page_view", "page_leave", "click", "form_submit", "scroll", "visibility", "error")
    for off in (*automatic, None):
        with Shop(service.port, options={"autoTrack": {off: False} if off else False}) as shop:
            visit = Visit(shop, visitor())
            page = visit.open(f"/{off}")
            page.evaluate("setTimeout(() => { throw new Error('broken'); })")
            page.evaluate("scrollTo(0, 2000)")
            page.wait_for_timeout(200)
            page.click("#call")
            page.click("#subscribe")
            page.evaluate("() => { okla.track('after', {}); }")
            closed(page)
            other = visit.context.new_page()
            until(other, lambda: "after" in seen(service, shop))
            assert seen(service, shop) == {"after", *(set(automatic) - {off} if off else ())}


def seen(service, shop):
    return {event["event"] for event in stored(service) if event["context"]["page"]["url"].startswith(shop.url)}


def test_a_page_that_is_rendered_beforehand_is_viewed_when_it_is_shown(service, shop, visit):
    visit.context.add_init_script("Object.defineProperty(document, 'prerendering', { value: true, configurable: true })")
    page = visit.open()
    page.evaluate("async () => { shop.navigate('/b', 'B'); await shop.answered(okla.track('a', {})); }")
    assert stored(service, "page_view") == stored(service, "page_leave") == []
    page.evaluate("Object.defineProperty(document, 'prerendering', { value: false }); document.dispatchEvent(new Event('prerenderingchange')); okla.flush()")
    assert len(arrived(page, service, "page_view")) == 1
