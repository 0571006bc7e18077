"""A process whose wall clock somebody moves (libfaketime). Its monotonic clock, and those of others, go on as before."""

import pathlib

LIBRARY = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class Clock:
    def __init__(self, file):
        self._file = pathlib.Path(file)
        self.move(0)
        self.settings = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }

    def move(self, seconds):
        """It differs by so much from the true time, from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self._file)
