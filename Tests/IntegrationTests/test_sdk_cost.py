"""What the browser SDK costs the shop's page: measured in the browser, and printed. A machine that others use too proves no speed, so the
figures are for the reader; what is asserted is that there are any."""
import statistics

import pytest

from shop import Shop, Visit, until, wait_for

ROUNDS = 5
# A task of 50 ms or more is long (W3C Long Tasks).
OBSERVER = """window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask', buffered: true });"""


@pytest.mark.alone
def test_long_tasks_and_memory(service, visitor, measured):
    with Shop(service.port) as shop:
        heaps, tasks, scripts = {True: [], False: []}, {True: [], False: []}, {True: [], False: []}
        for turn in range(ROUNDS):
            for has_sdk in (turn % 2 == 0, turn % 2 == 1):
                heap, task, script = seen(Visit(shop, visitor()), has_sdk)
                heaps[has_sdk].append(heap)
                tasks[has_sdk].append(task)
                scripts[has_sdk].append(script)
        for has_sdk, name in ((True, "with the SDK"), (False, "without")):
            measured(f"page {name}: {statistics.median(scripts[has_sdk]):.1f} ms of scripts, {statistics.median(tasks[has_sdk]):.0f} ms of long tasks, "
                     f"{statistics.median(heaps[has_sdk]) / 1024:.0f} KiB of JavaScript heap (medians of {ROUNDS} visits)")
        assert min(heaps[True] + heaps[False]) > 0 and min(scripts[True]) > 0


def seen(visit, has_sdk):
    """One visit of some clicks, scrolls and calls: bytes of the heap afterwards, milliseconds of long tasks and of all scripts."""
    if not has_sdk:
        visit.context.route("**/sdk/v1/**", lambda route: route.abort())
    visit.context.add_init_script(OBSERVER)
    page = visit.context.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(visit.shop.url)
    if has_sdk:
        wait_for(page, "okla.VERSION")
    for number in range(20):
        page.evaluate("(number) => { shop.track(number); scrollTo(0, number * 200); }", number)
        page.click("#plain")
    if has_sdk:
        page.evaluate("okla.flush()")
        until(page, lambda: page.evaluate("shop.outcomes.length") == 20)
    tasks = page.evaluate("tasks")
    session.send("HeapProfiler.collectGarbage")
    figures = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    # The observer sees what is long: this is.
    page.evaluate("setTimeout(() => { const end = performance.now() + 60; while (performance.now() < end); })")
    wait_for(page, f"tasks.length > {len(tasks)}")
    return figures["JSHeapUsedSize"], sum(tasks), figures["ScriptDuration"] * 1000
