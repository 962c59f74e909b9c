"""A disk that can lose its power: an ext4 filesystem in a file, mounted through a loop device (as root)."""
import fcntl
import os
import pathlib
import re
import shutil
import stat
import struct
import subprocess
import time

# uapi/linux/ext4.h: EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32), and its flags EXT4_GOING_FLAGS_*.
SHUTDOWN = 0x8004587D
LOGFLUSH, NOLOGFLUSH = 1, 2


class Disk:
    """`image` in the folder holds the filesystem, `path` is where it is mounted; `before_recovery` is the image as the last cut left it."""

    def __init__(self, folder, megabytes=256):
        folder = pathlib.Path(folder)
        self.image, self.before_recovery, self.path = folder / "disk.image", folder / "disk.image.cut", folder / "disk"
        self.bytes = megabytes << 20
        self.options = ""
        self.path.mkdir()

    def make(self, block_bytes=4096, options=""):
        """A new, empty filesystem, mounted with `options`."""
        self.unmount()
        self.image.unlink(missing_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(self.bytes)
        # The smallest journal there is (1024 blocks); nothing is left for the kernel to initialize while the test runs. Without fast
        # commits, as is mkfs.ext4's default: with them Linux 6.18 itself loses what fdatasync promised.
        _system("mkfs.ext4", "-q", "-F", "-O", "^fast_commit", "-b", block_bytes, "-J", f"size={block_bytes >> 10}",
                "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.options = options
        self.mount()

    def mount(self):
        _patiently(lambda: (_make_loop_device_node(), _system(
            "mount", "-o", ",".join(filter(None, ["loop", self.options])), self.image, self.path)))

    def cut(self, flushing_journal=False):
        """Ends all input and output of the filesystem at once; what was not synced is gone with the page cache.

        NOLOGFLUSH (`xfs_io -x -c shutdown`) drops the journal's running transaction too: as if the power had gone. LOGFLUSH (`xfs_io -x
        -c 'shutdown -f'`) commits that transaction first, names and sizes that is, but writes no data: as if the power had gone just
        after a commit of the journal. (DEFAULT, which xfs_io does not use, freezes the filesystem first and so writes everything.)

        A sync that runs meanwhile may return success without having written anything (measured on Linux 6.18 with nothing but appends
        and fdatasync), so what a process says after the call began counts for nothing. The call is made from here because xfs_io takes
        5 ms to start, in which much is said that must hold.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("=I", LOGFLUSH if flushing_journal else NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def restore(self):
        """Power again: mounts anew, which replays the journal. Every process that used the disk must have ended."""
        _patiently(lambda: _system("umount", self.path))
        _system("cp", "--sparse=always", self.image, self.before_recovery)
        self.mount()

    def unmount(self):
        """Whatever state a test left it in: lazily where a process still uses it."""
        if os.path.ismount(self.path) and subprocess.run(["umount", str(self.path)], capture_output=True).returncode != 0:
            _system("umount", "--lazy", self.path)
        for line in _system("losetup", "--associated", self.image).splitlines():
            _system("losetup", "--detach", line.split(":")[0])

    def remove(self):
        for image in (self.image, self.before_recovery):
            image.unlink(missing_ok=True)


def _system(*command):
    name = command[0]
    if shutil.which(name) is None:
        raise RuntimeError(f"{name} is missing: Tools/test installs it")
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def _patiently(body, seconds=10):
    """Again and again where it fails: others on the machine look at mounts, and take loop devices, too."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return body()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _make_loop_device_node():
    """`mount -o loop` takes the first free loop device; in a container its node in /dev may be missing."""
    if not os.path.exists("/dev/loop-control"):
        os.mknod("/dev/loop-control", stat.S_IFCHR | 0o600, os.makedev(10, 237))
    device = _system("losetup", "--find").strip()
    number = re.fullmatch(r"/dev/loop(\d+)", device)
    if number is None:
        raise RuntimeError(f"losetup --find names no loop device but {device!r}")
    if not os.path.exists(device):
        os.mknod(device, stat.S_IFBLK | 0o600, os.makedev(7, int(number[1])))
