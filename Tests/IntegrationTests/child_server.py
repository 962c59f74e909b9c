"""What the real servers of the tests have in common: how a child process starts, is ended, and is held."""
import ctypes
import os
import pathlib
import signal
import subprocess
import time

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
PR_SET_PDEATHSIG = 1
# Looked up before any fork: the child calls it and nothing else.
prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent():
    """The kernel kills the process when the thread that started it ends. So a server must be started by a thread that outlives it: pytest's."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ChildServer:
    """A server as a child process with a folder of its own. It keeps its ports and data over `kill` or `stop` and the next `start`.

    What it prints goes to server.log in its folder. A subclass says how it is started (`command`) and when it is ready (`is_ready`).
    """

    running = set()

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "server.log"
        self.process = None
        # One that several tests use: no test's end ends it.
        self.is_shared = False

    def command(self):
        """The arguments and the environment; None as environment is that of pytest."""
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def start(self):
        began = time.monotonic()
        self.spawn()
        try:
            while True:
                is_ready = self.is_ready()
                # First of all: who answers may be another one, at the same port.
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log_tail()}")
                if is_ready:
                    break
                if time.monotonic() - began > START_SECONDS_MAX:
                    raise TimeoutError(f"{self.name} was not ready after {START_SECONDS_MAX} s:\n{self.log_tail()}")
                time.sleep(0.01)
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - began
        return self

    def spawn(self, **options):
        assert self.process is None, f"{self.name} runs already"
        arguments, environment = self.command()
        # Where this run's part of the log begins.
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            # In a session of its own it does not get the terminal's Ctrl-C, and ends when we end it.
            self.process = subprocess.Popen(
                list(map(str, arguments)), env=environment, cwd=self.folder, start_new_session=True, preexec_fn=die_with_parent,
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options})
        ChildServer.running.add(self)

    def kill(self):
        """SIGKILL, also while it is paused."""
        self.process.send_signal(signal.SIGKILL)
        return self.ended()

    def stop(self):
        """SIGTERM, and it may finish its work."""
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)
        return self.ended()

    def pause(self):
        """SIGSTOP: its connections stay, and nobody answers. Returns when it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """Ends it, whatever state it is in."""
        if self.process:
            self.kill()

    def ended(self):
        """Waits for its end; returns the exit code."""
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise TimeoutError(f"{self.name} did not end within {STOP_SECONDS_MAX} s and was killed:\n{self.log_tail()}") from None
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()
            self.process = None
            ChildServer.running.discard(self)
        return code

    def ready_again(self):
        """For a shared one: whatever the test before did to it, it runs."""
        if self.process and self.process.poll() is not None:
            self.ended()
        if self.process:
            self.go_on()
        else:
            self.start()
        return self

    def log(self):
        """What it printed since it was started last."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def log_tail(self):
        return self.log()[-3000:]

    @property
    def name(self):
        return type(self).__name__

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
