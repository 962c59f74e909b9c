"""A real RabbitMQ apart from any other of the machine: own node name, ports, folders and cookie, and its own port mapper (epmd).

The Erlang machine is itself our child: with RABBITMQ_ALLOW_INPUT the script becomes it instead of waiting for it, and `-noinput` takes
back that it would read what is typed. So a SIGKILL or SIGSTOP to our child is one to the broker. The port mapper lives through them.
"""
import contextlib
import os
import socket
import ssl
import subprocess
import uuid

import pika

from child_server import ChildServer
from ports import free_port

BROKER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
COOKIE = "TESTCOOKIE"
NODE = "test@localhost"


class PortMapper(ChildServer):
    """Erlang's epmd, in the foreground: who looks for the node asks it for the node's port."""

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()

    def command(self):
        return ["epmd", "-port", self.port, "-address", "127.0.0.1"], None

    def is_ready(self):
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0


class RabbitMQServer(ChildServer):
    """`tls` are Certificates: then it listens at `tls_port` too. The user is guest with the password guest."""

    def __init__(self, folder, tls=None):
        super().__init__(folder)
        self.port, self.distribution_port = free_port(), free_port()
        self.tls, self.tls_port = tls, free_port() if tls else None
        self.mapper = PortMapper(self.folder / "epmd")

    def command(self):
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(COOKIE)
            # Erlang refuses one that others could read.
            cookie.chmod(0o400)
        settings = [f"listeners.tcp.default = 127.0.0.1:{self.port}"]
        if self.tls:
            settings += [f"listeners.ssl.default = 127.0.0.1:{self.tls_port}", f"ssl_options.cacertfile = {self.tls.authority}",
                         f"ssl_options.certfile = {self.tls.certificate}", f"ssl_options.keyfile = {self.tls.key}",
                         "ssl_options.verify = verify_none", "ssl_options.fail_if_no_peer_cert = false"]
        for name, text in {"rabbitmq.conf": "\n".join(settings) + "\n", "enabled_plugins": "[].\n", "environment.conf": ""}.items():
            (self.folder / name).write_text(text)
        # Its threads do not spin while they wait.
        still = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
        return [BROKER, "-noinput"], {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "RABBITMQ_ALLOW_INPUT": "1",
            "ERL_EPMD_PORT": str(self.mapper.port), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE, "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"), "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"), "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{still} -kernel inet_dist_use_interface {{127,0,0,1}} -start_epmd false",
        }

    def is_ready(self):
        return "completed with" in self.log()

    def start(self):
        self.mapper.is_shared = self.is_shared
        if not self.mapper.process:
            self.mapper.start()
        try:
            return super().start()
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends the port mapper too; its ports stay its own, so it can be started again."""
        super().close()
        self.mapper.close()

    # MARK: Clients

    def connect(self, virtual_host="/", with_tls=False, **options):
        """A BlockingConnection of pika's, through the TLS listener where asked for."""
        if with_tls:
            context = ssl.create_default_context(cafile=self.tls.authority)
            options["ssl_options"] = pika.SSLOptions(context, "localhost")
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.tls_port if with_tls else self.port, virtual_host,
            **{"socket_timeout": 10, "blocked_connection_timeout": 30, **options}))

    @contextlib.contextmanager
    def virtual_host(self):
        """A new one, where guest may do everything: a broker as good as fresh within 0.1 s."""
        name = f"test-{uuid.uuid4().hex}"
        self.evaluate(f'rabbit_vhost:add(<<"{name}">>, <<"test">>)')
        self.evaluate(f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)')
        try:
            yield name
        finally:
            if self.process:
                self.go_on()
                self.lift_memory_alarm()
                self.evaluate(f'rabbit_vhost:delete(<<"{name}">>, <<"test">>)')

    # MARK: The inside of the broker

    def evaluate(self, expression):
        """What an Erlang expression gives, evaluated in the broker, as text. Takes milliseconds, where rabbitmqctl takes a second."""
        result = subprocess.run(
            ["erl_call", "-c", COOKIE, "-n", NODE, "-e"], input=f"{expression}.\n", capture_output=True, text=True, timeout=30,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "ERL_EPMD_PORT": str(self.mapper.port)})
        if result.returncode or not result.stdout.startswith("{ok, "):
            raise RuntimeError(f"the broker did not evaluate {expression}:\n{result.stdout}{result.stderr}")
        return result.stdout.strip()[len("{ok, "):-1]

    def raise_memory_alarm(self):
        """It takes no more from publishers: who publishes gets connection.blocked. What was sent is read when the alarm is lifted."""
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.00001)")
        assert "memory" in self.evaluate("rabbit_alarm:get_alarms()")

    def lift_memory_alarm(self):
        """Connections get connection.unblocked."""
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
        assert "memory" not in self.evaluate("rabbit_alarm:get_alarms()")
