"""The entry of Tools/bench: options, sections in their order, and the file of raw numbers."""
import argparse
import importlib
import json
import pathlib
import signal
import sys

import machine
import peers.ours
import report
from run import Run
from workspace import WORK

SECTIONS = {
    "peers": "ours, the alternatives and the bare floor in one table",
    "floor": "what the work costs without a service around it",
    "ingest": "ingestion without HTTP, stage by stage",
    "latency": "acknowledgements at half the top rate",
    "disk": "bytes on the disk for each event",
    "append": "the log without HTTP",
    "read": "reading the log",
    "open": "the start after a kill, on a full log",
    "memory": "peak memory under load",
    "growth": "cost per event as the log grows",
    "index": "the index of users as it grows, look-ups, lag",
    "live": "what live readers cost the ingest",
    "kafka": "Kafka's clients, beside librdkafka's mock of a broker",
    "export": "to ClickHouse, Redis and RabbitMQ, and the ingest while they are away",
}


def arguments():
    parser = argparse.ArgumentParser(
        prog="Tools/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures the release build beside what else stores events, in one run. Installs and starts all of it itself.",
        epilog="sections:\n" + "\n".join(f"  {name:9} {what}" for name, what in SECTIONS.items())
               + "\n\npeers:\n  " + ", ".join(names_of_peers()) + "\n\nWhat the columns mean, and the caveats: Tools/Bench/README.md")
    parser.add_argument("--only", metavar="SECTION,...", type=listed(SECTIONS), default=list(SECTIONS), help="these sections (all)")
    parser.add_argument("--peers", metavar="PEER,...", type=listed(names_of_peers()), help="these peers in the table (all)")
    parser.add_argument("--rounds", metavar="N", type=positive, help="rounds of which the medians are printed (3; with --quick 1)")
    parser.add_argument("--events", metavar="N", type=positive, help="events in each row (200000; with --quick 40000)")
    parser.add_argument("--quick", action="store_true", help="one round, few events: whether it works, not how fast it is")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="all raw numbers, versions and the machine")
    parser.add_argument("--picture", metavar="FILE.svg", type=pathlib.Path, help="the table's events/s as a picture")
    parser.add_argument("--needs", choices=["debian", "python", "clients"], help=argparse.SUPPRESS)  # for Tools/bench
    options = parser.parse_args()
    for path in (options.json, options.picture):
        if path and not path.resolve().parent.is_dir():
            parser.error(f"there is no folder {path.resolve().parent}")
    if options.picture and "peers" not in options.only:
        parser.error("the picture shows the section peers")
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.events = max((options.events or (40_000 if options.quick else 200_000)) // 400 * 400, 400)
    return options


def names_of_peers():
    return [peer.__name__.rsplit(".", 1)[1] for peer in peers.every()]


def listed(known):
    def parse(text):
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)} (there are: {', '.join(known)})")
        return names
    return parse


def positive(text):
    if int(text) <= 0:
        raise argparse.ArgumentTypeError("must be positive")
    return int(text)


def print_needs(options):
    """What this run's peers and sections need, for the script that installs and builds it."""
    compared = peers.every(options.peers) if "peers" in options.only else []
    sections = [importlib.import_module(f"sections.{name}") for name in options.only]
    if options.needs == "clients":
        needs = {"http", "floor", "bodies"} | {peer.CLIENT for peer in compared} | {client for section in sections for client in getattr(section, "CLIENTS", [])}
    else:
        name = {"debian": "PACKAGES", "python": "PYTHON_PACKAGES"}[options.needs]
        needs = {package for part in [*compared, *sections] for package in getattr(part, name, [])}
    print(*sorted(needs))


def main():
    options = arguments()
    if options.needs:
        return print_needs(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that what was started is stopped
    WORK.mkdir(parents=True, exist_ok=True)
    run, here = Run(options), machine.describe()
    syncs = machine.sync_times(100 if options.quick else 300)
    report.say("# Benchmark", "",
               f"{here['cores']} cores ({here['processor']}), {here['memory_gib']} GiB, {here['system']}, Linux {here['kernel']}, {here['file_system']}; "
               f"fdatasync after 77 kB: {syncs['append']['p50_ms']:.2f} ms (p99 {syncs['append']['p99_ms']:.2f}), over preallocated bytes "
               f"{syncs['overwrite']['p50_ms']:.2f} ms (p99 {syncs['overwrite']['p99_ms']:.2f}). Clients share the cores. Medians of {options.rounds} "
               f"round{'s' if options.rounds > 1 else ''}.", "")
    for name in SECTIONS:
        if name in options.only:
            section = importlib.import_module(f"sections.{name}")
            run.progress(f"== {name}")
            report.say(f"## {section.TITLE}", "")
            run.figures[name] = section.measure(run)
    if run.goals:
        report.goals_table(run.goals)
    if options.json:
        options.json.write_text(json.dumps(
            {"machine": {**here, "fdatasync_77kB": syncs}, "options": {"events": options.events, "rounds": options.rounds, "quick": options.quick},
             "versions": {**peers.ours.versions(), **run.figures.get("peers", {}).get("versions", {})}, "floor": run.floor_rounds, "figures": run.figures,
             "goals": [{**vars(goal), "met": goal.met} for goal in run.goals]}, indent=1))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("ended by Ctrl-C")
