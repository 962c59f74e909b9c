"""The real browser, driven by Playwright. A test takes `chromium` and makes contexts of it: each is a visitor with nothing kept."""
import contextlib
import mimetypes
import pathlib

import pytest
from playwright.sync_api import sync_playwright

from service import ROOT

__all__ = ["playwright", "chromium", "visitor"]

EXECUTABLE = "/usr/bin/chromium"
# It runs as root in a container; what it keeps in shared memory goes to files.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def playwright():
    """It keeps an event loop in this thread: another module may have one of its own."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright):
    with launched(playwright) as browser:
        yield browser


@pytest.fixture
def visitor(chromium):
    """Makes visitors, for this test. Arguments go to Playwright's `new_context`."""
    contexts = []

    def arrives(**options):
        contexts.append(chromium.new_context(locale="es-DO", timezone_id="America/Santo_Domingo", **options))
        return contexts[-1]
    yield arrives
    for context in contexts:
        context.close()


@contextlib.contextmanager
def launched(playwright, **options):
    browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS, **options)
    try:
        yield browser
    finally:
        browser.close()


def serve_files(context, origin, folders):
    """Answers requests for `origin` with files, and with an empty page; `folders` says which folder stands for which path."""
    def answer(route):
        path = route.request.url.removeprefix(origin).split("?")[0]
        for prefix, folder in folders.items():
            file = pathlib.Path(ROOT / folder / path.removeprefix(prefix))
            if path.startswith(prefix) and file.is_file():
                route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])
                return
        route.fulfill(body="<!doctype html><title>test</title>", content_type="text/html", status=200 if path == "/" else 404)
    context.route(f"{origin}/**", answer)
