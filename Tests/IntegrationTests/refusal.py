"""What a start must say that cannot go on."""
import errno
import re

REASONS = {errno.EACCES: "[Pp]ermission", errno.EROFS: "[Rr]ead.only", errno.ENOSPC: "[Nn]o space|enough space"}


def check_refusal(refused, path, error):
    """A start that `run` saw refused: it ended with code 1, and the last thing it said names the path, the reason and what to do."""
    assert refused.returncode == 1
    assert refused.stdout == ""
    message = [line for line in refused.stderr.splitlines() if line.startswith("okla-events: ")][-1]
    assert str(path) in message, message
    assert re.search(REASONS[error], message), message
    assert re.search(r"; .*(owner|chown|--data-dir|run |mount|room)", message), f"it does not say what to do: {message}"
