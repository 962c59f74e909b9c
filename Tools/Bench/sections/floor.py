"""The stages of the bare floor."""
import report

TITLE = "The bare floor"
NAMES = {"inflate": "inflate (libdeflate)", "parse": "parse with offsets (simdjson)", "copy": "copy", "lz4": "LZ4, 64 KiB blocks",
         "crc32c": "CRC-32C", "write": "write(2)", "total": "total"}


def measure(run):
    stages = run.floor()
    report.say("One pinned core, the same gzip batches of 100; CPU time without network, HTTP, threads or promises.", "")
    report.table([("stage", "", "stage"), ("ns/event", ",.0f", "ns")], [{"stage": NAMES[name], "ns": ns} for name, ns in stages.items()])
    return {"ns_per_event": stages}
