"""The browser SDK's modules one by one, in the browser itself: each test of Tests/BrowserSDKTests in a page of its own."""
import re

import pytest

from chromium import serve_files
from service import ROOT

ORIGIN = "https://sdk.test"
FOLDER = "Tests/BrowserSDKTests"
SENTENCE = re.compile(r"^  (?:async )?'([^']+)'\(", re.MULTILINE)
TESTS = [(file.name, sentence) for file in sorted((ROOT / FOLDER).glob("*.test.js")) for sentence in SENTENCE.findall(file.read_text())]


@pytest.mark.parametrize("file, sentence", TESTS, ids=[f"{file.removesuffix('.test.js')}: {sentence}" for file, sentence in TESTS])
def test_module(visitor, file, sentence):
    context = visitor()
    serve_files(context, ORIGIN, {"/modules/": "Sources/BrowserSDK/modules", "/tests/": FOLDER})
    page = context.new_page()
    page.goto(f"{ORIGIN}/")
    failure = page.evaluate("""async ([file, sentence]) => {
        try { await (await import(`/tests/${file}`)).tests[sentence](); }
        catch (error) { return `${error.message}\\n${error.stack}`; }
    }""", [file, sentence])
    assert failure is None, failure


def test_every_test_was_found(visitor):
    """The pattern above reads the files' sentences; the files themselves say which there are."""
    context = visitor()
    serve_files(context, ORIGIN, {"/modules/": "Sources/BrowserSDK/modules", "/tests/": FOLDER})
    page = context.new_page()
    page.goto(f"{ORIGIN}/")
    for file in {file for file, _ in TESTS}:
        exported = page.evaluate("async (file) => Object.keys((await import(`/tests/${file}`)).tests)", file)
        assert exported == [sentence for name, sentence in TESTS if name == file]
