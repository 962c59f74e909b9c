"""Requests that kafka-python has written (Fixtures/kafka-messages), each behind a header."""
import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def requests():
    specification = importlib.util.spec_from_file_location("seeds", ROOT / "Tools/Fuzz/seeds.py")
    seeds = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(seeds)
    return [message for name, message in seeds.messages() if name.endswith("Request")]
