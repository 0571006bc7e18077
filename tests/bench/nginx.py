"""The provider of benchmarks: nginx, which takes every request and answers 202, so that the provider costs next to nothing."""

import contextlib
import os
import shutil
import socket
import tempfile

from harness import Process, check, fetch, wait_until

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /status {{ stub_status; }}
    location / {{
      add_header X-Message-Id $request_id always;
      return 202;
    }}
  }}
}}
"""


class Nginx:
    def __init__(self, process, port):
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self._asked = 0

    def is_up(self):
        return self.process.alive() and self._requests() is not None

    def taken(self):
        """Requests so far, but for those that ask for this."""
        requests = self._requests()
        check(requests is not None, "nginx does not answer")
        return requests - self._asked

    def _requests(self):
        page = fetch(self.url + "/status")
        if page is None:
            return None
        self._asked += 1
        return int(page.splitlines()[2].split()[2])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(instance):
    """An Nginx."""
    path = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    check(path, "nginx is not installed")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(folder=folder, port=port))
        process = Process("nginx", [path, "-p", folder, "-c", config], {}, os.path.join(instance.logs, "bench-nginx.log"))
        try:
            nginx = Nginx(process, port)
            wait_until(nginx.is_up, "nginx: up")
            yield nginx
        finally:
            process.stop()
