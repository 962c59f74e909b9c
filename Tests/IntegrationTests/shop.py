"""A small shop whose pages have the snippet, under a strict Content-Security-Policy, and what is known of a visit to it."""
import contextlib
import http.server
import json
import threading
import urllib.parse

from playwright.sync_api import Error

from service import KEY, ROOT, run

FOLDER = ROOT / "Tests/IntegrationTests/shop"


class Shop:
    """Serves the page at every path. `port`: where browsers find the service, its own port or a proxy's before it.

    `options` become `okla.options`; `calls` is a script that runs before the SDK is loaded, right behind the snippet.
    """

    def __init__(self, port, options=None, calls="", pinned=False, key=KEY):
        self.events = f"http://127.0.0.1:{port}"
        self.options, self.calls = options, calls
        result = run("sdk", "snippet", "--key", key, "--host", self.events, *(["--pinned"] if pinned else []))
        assert result.returncode == 0, result.stderr
        self.snippet = result.stdout.strip()
        policy = result.stderr.split("\n")[1].strip()
        self.policy = f"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; {policy.replace('script-src', 'script-src ' + chr(39) + 'self' + chr(39))}"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def handler(shop):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = urllib.parse.urlparse(self.path).path
                if path == "/favicon.ico":
                    return self.answer(b"", "image/png")
                if path == "/options.js":
                    options = f"window.okla = []; okla.options = {json.dumps(shop.options)};" if shop.options else ""
                    return self.answer(options.encode(), "text/javascript")
                if path == "/shop.css":
                    return self.answer((FOLDER / "shop.css").read_bytes(), "text/css")
                if path == "/shop.js":
                    return self.answer((FOLDER / "shop.js").read_bytes() + shop.calls.encode(), "text/javascript")
                page = (FOLDER / "page.html").read_text().replace("<!-- snippet -->", shop.snippet)
                self.answer(page.encode(), "text/html; charset=utf-8")

            def answer(self, body, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", shop.policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Visit:
    """A visitor in the shop: the pages, and every complaint of the browser."""

    def __init__(self, shop, context):
        self.shop, self.context = shop, context
        self.errors, self.console = [], []
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", lambda message: self.console.append((message.type, message.text)))

    def open(self, path="/", loaded=True, **options):
        page = self.context.new_page()
        page.goto(self.shop.url + path, **options)
        if loaded:
            wait_for(page, "window.okla && okla.VERSION")
        return page

    def open_before_the_script(self, path="/"):
        """Opens a page whose own scripts have all run when the SDK's comes."""
        held = []
        self.context.route("**/sdk/v1/**", lambda route: held.append(route))
        page = self.open(path, loaded=False, wait_until="domcontentloaded")
        until(page, lambda: held)
        held[0].continue_()
        self.context.unroute("**/sdk/v1/**")
        wait_for(page, "okla.VERSION")
        return page

    def complaints(self):
        """What the page's developer would see in the console, but for what the network itself says."""
        return self.errors + [text for kind, text in self.console if kind in ("error", "warning") and not text.startswith("Failed to load resource")]


def closed(page):
    """As when the user closes the tab: the page is told, and gets its moment."""
    with page.expect_event("close"):
        page.close(run_before_unload=True)


def show(page, state):
    """As when the user changes to another tab and back; a browser without windows never does by itself."""
    page.evaluate("""(state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
        Object.defineProperty(document, 'hidden', { value: state == 'hidden', configurable: true });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }""", state)


def until(page, condition, seconds=30):
    """Waits for a state that the browser brings about; Playwright's own work goes on meanwhile."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        page.wait_for_timeout(100)
    raise TimeoutError("the awaited state did not come")


def wait_for(page, expression, seconds=30):
    """Waits until an expression of the page's is true. Playwright's own way evaluates text in the page, which its policy forbids."""
    def holds():
        # While one page follows another there is none.
        with contextlib.suppress(Error):
            return page.evaluate(f"!!({expression})")
    until(page, holds, seconds)


def stored(service, event=None):
    """The events that the log holds, of one name or all, in the order of their times."""
    events = [record["value"] for record in service.records()]
    return sorted((value for value in events if event in (None, value["event"])), key=lambda value: value["timestamp"])


def arrived(page, service, event, count=1, seconds=30):
    """Waits for so many events of a name, and gives them."""
    until(page, lambda: len(stored(service, event)) >= count, seconds)
    events = stored(service, event)
    assert len(events) == count, [value.get("properties") for value in events]
    return events


def nothing_waits(page, seconds=30):
    """Waits until the SDK has nothing saved any more: everything is acknowledged, what other pages have left included."""
    page.evaluate("okla.flush()")
    until(page, lambda: page.evaluate("Object.keys(localStorage).filter((name) => name.includes('|q.')).length") == 0, seconds)


def judged_well(service):
    """The service's own validation has nothing against any of it."""
    assert service.records("okla.events.rejected") == []


# What became of the events that a test's page tracks with shop.track.

def track(page, *numbers):
    page.evaluate("(numbers) => { for (const number of numbers) shop.track(number); }", list(numbers))


def track_now(page, *numbers):
    """And has them sent, without waiting for others."""
    track(page, *numbers)
    page.evaluate("okla.flush()")


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


def viewed(visit, service):
    """A page whose own view has arrived: what comes now is the test's alone."""
    page = visit.open()
    page.evaluate("okla.flush()")
    arrived(page, service, "page_view")
    return page


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
