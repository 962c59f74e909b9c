"""The real binary, started and ended as a user would, and a plain HTTP client for it."""
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("OKLA_EVENTS") or str(ROOT / ".build/release/okla-events")
KEY = "test-key"
# As it is by default. Compiling the patterns for user agents takes four fifths of a start, and tests start it thousands of times: so
# they do without, but for those that look at what comes of it.
ENRICHED = {"EVENT_TRACKING_ENRICHMENT_USER_AGENT": "true", "EVENT_TRACKING_ENRICHMENT_BOT_DETECTION": "true"}


def run(*arguments, **options):
    """Runs a command of okla-events to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Service:
    """`okla-events serve` on a free port. `environment` holds configuration; what it says goes beside the data, or to `log_path`."""

    running = set()

    def __init__(self, data_dir, environment=None, arguments=(), generated_keys=False, log_path=None, descriptors=None, through=()):
        self.data_dir = pathlib.Path(data_dir)
        self.log_path = pathlib.Path(log_path or self.data_dir.parent / (self.data_dir.name + ".log"))
        self.configure(environment, generated_keys)
        self.arguments = arguments
        # The limit of open files, where the test sets one.
        self.descriptors = descriptors
        # A command that starts the one after it.
        self.through = through
        self.process = None

    def configure(self, environment=None, generated_keys=False):
        """Sets the environment of the starts to come; what it leaves open is as tests need it."""
        self.environment = dict(environment or {})
        if not generated_keys:
            self.environment.setdefault("EVENT_TRACKING_WRITE_KEY", KEY)
        # The machine's own disk, or a small one made for a test, may have less room than the default keeps free.
        self.environment.setdefault("LOG_MIN_FREE_BYTES", "0")
        # Tests send more than a browser does; what limits rates has tests of its own.
        self.environment.setdefault("EVENT_TRACKING_RATE_LIMITS_GLOBAL", "0")
        self.environment.setdefault("EVENT_TRACKING_RATE_LIMITS_PER_IP", "0")
        for name in ENRICHED:
            self.environment.setdefault(name, "false")

    def start(self, wait=True):
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.log = open(self.log_path, "ab")
        limited = ["prlimit", f"--nofile={self.descriptors}:{self.descriptors}"] if self.descriptors else []
        self.process = subprocess.Popen(
            [*limited, *self.through, BINARY, "serve", *([] if "--port" in self.arguments else ["--port", "0"]), "--data-dir", str(self.data_dir), *self.arguments],
            stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **self.environment})
        Service.running.add(self)
        if wait:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the service ended with {self.process.wait()}:\n{self.log_path.read_text()}")
            self.listening(line)
        return self

    def listening(self, line):
        """Takes the line that the service prints when it is ready."""
        self.ready = json.loads(line)
        self.port = urllib.parse.urlparse(self.ready["http"]).port

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.ended()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    @contextlib.contextmanager
    def paused(self):
        """SIGSTOP: it stands still, and holds what it holds."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def ended(self):
        """Waits for its end; returns the exit code."""
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        self.process = None
        Service.running.discard(self)
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process:
            self.kill()

    # MARK: What it takes of the machine

    def descriptor_count(self, of_projections=False):
        """Without those of what is made of the log, unless they are asked for: how many readers of a file there are depends on who reads at
        once."""
        folder, count = f"/proc/{self.process.pid}/fd", 0
        for name in os.listdir(folder):
            # It may close meanwhile.
            with contextlib.suppress(FileNotFoundError):
                count += of_projections or "/projections/" not in os.readlink(f"{folder}/{name}")
        return count

    def descriptors_at_rest(self):
        """Its descriptors without any connection: one that its client has closed stays open until the service has read that. What is made
        of the log is open then."""
        projections = self.data_dir / "projections"
        wait_until(lambda: self.connection_count() == 0 and len(list(projections.glob("*.sqlite-shm"))) == 4, 20)
        counts = [-1]

        def is_steady():
            counts.append(self.descriptor_count())
            time.sleep(0.3)
            return counts[-1] == counts[-2]

        wait_until(is_steady, 20)
        return counts[-1]

    def connection_count(self):
        """Its sockets but the listeners, for HTTP and for Kafka's clients."""
        folder, count = f"/proc/{self.process.pid}/fd", -1 - bool(getattr(self, "ready", {}).get("kafka"))
        for name in os.listdir(folder):
            # It may close meanwhile.
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
        return count

    def memory(self):
        """MiB in memory now, and at most since `forget_peak`."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    # MARK: HTTP

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, path, body, key=KEY, compress=None, **headers):
        """Posts `body`: bytes and text as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Content-Type", "application/json")
        if key:
            headers["X-Write-Key"] = key
        if compress == "gzip":
            data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
        return self.request("POST", path, data, headers)

    def records(self, topic="okla.events.raw"):
        """Everything in a topic, as `log dump` prints it."""
        result = run("log", "dump", "--data-dir", self.data_dir, "--topic", topic)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


def later():
    """What is received from now on is later than what was before."""
    before = time.time_ns() // 1_000_000
    wait_until(lambda: time.time_ns() // 1_000_000 > before)


def wait_until(condition, seconds=60):
    """Waits for a state; the pause only keeps the processor free."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the awaited state did not come")
        time.sleep(0.01)
