"""A server's data on a disk of its own, which can be full. It is a tmpfs, so this needs root."""

import os
import shutil
import subprocess

from support import environment

MB = 1024 * 1024


class SmallDisk:
    """Takes the place of the server's folder, or of one in it, which is done while the server is stopped."""

    def __init__(self, world, server, spare_mb, part="."):
        assert os.geteuid() == 0, "only root can mount a small disk"
        self.folder = environment.STATE / server.name / part
        self._server = server
        self._kept = self.folder.with_name(f"{self.folder.name}.kept")
        server.stop()
        self._ballast = self.folder / "ballast"
        self.folder.rename(self._kept)
        self.folder.mkdir()
        size = sum(path.stat().st_size for path in self._kept.rglob("*") if path.is_file()) + spare_mb * MB
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "outbound-faults", self.folder], check=True)
        world.at_end.callback(self.close)
        shutil.copystat(self._kept, self.folder)
        self._copy(self._kept, self.folder)
        server.start()

    @staticmethod
    def _copy(source, target):
        subprocess.run(["cp", "-a", f"{source}/.", target], check=True)

    def fill(self):
        """Nothing that needs a new block can be written any more."""
        with open(self._ballast, "wb") as file:
            try:
                while True:
                    os.write(file.fileno(), bytes(MB))
            except OSError:
                pass

    def free(self):
        self._ballast.unlink(missing_ok=True)

    def close(self):
        """Back to the ordinary disk, with what is there now."""
        self._server.stop()
        self.free()
        shutil.rmtree(self._kept)
        self._kept.mkdir()
        shutil.copystat(self.folder, self._kept)
        self._copy(self.folder, self._kept)
        subprocess.run(["umount", self.folder], check=True)
        self.folder.rmdir()
        self._kept.rename(self.folder)
