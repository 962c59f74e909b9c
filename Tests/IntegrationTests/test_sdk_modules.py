"""The browser SDK's modules one by one, in the browser itself: each test of Tests/BrowserSDKTests on a site and in a page of its own."""
import itertools
import re

import pytest

from chromium import serve_files
from service import ROOT

FOLDER = "Tests/BrowserSDKTests"
SENTENCE = re.compile(r"^  (?:async )?'([^']+)'\(", re.MULTILINE)
TESTS = [(file.name, sentence) for file in sorted((ROOT / FOLDER).glob("*.test.js")) for sentence in SENTENCE.findall(file.read_text())]
numbers = itertools.count()


@pytest.fixture(scope="module")
def context(chromium):
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context):
    """An empty page of a site that no test has seen, so that nothing is kept there."""
    origin = f"https://t{next(numbers)}.sdk.test"
    serve_files(context, origin, {"/modules/": "Sources/BrowserSDK/modules", "/tests/": FOLDER})
    page = context.new_page()
    page.goto(f"{origin}/")
    yield page
    page.close()
    context.unroute_all()


@pytest.mark.parametrize("file, sentence", TESTS, ids=[f"{file.removesuffix('.test.js')}: {sentence}" for file, sentence in TESTS])
def test_module(page, file, sentence):
    failure = page.evaluate("""async ([file, sentence]) => {
        try { await (await import(`/tests/${file}`)).tests[sentence](); }
        catch (error) { return `${error.message}\\n${error.stack}`; }
    }""", [file, sentence])
    assert failure is None, failure


def test_every_test_was_found(page):
    """The pattern above reads the files' sentences; the files themselves say which there are."""
    for file in {file for file, _ in TESTS}:
        exported = page.evaluate("async (file) => Object.keys((await import(`/tests/${file}`)).tests)", file)
        assert exported == [sentence for name, sentence in TESTS if name == file]
