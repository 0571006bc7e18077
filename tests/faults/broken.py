"""Builds of the product with a defect: a text in a source is replaced, and only that file is compiled anew.

The changed file is linked before the libraries of build/faults, so that it takes the place of the one in them.
"""

import json
import pathlib
import shlex
import subprocess
from dataclasses import dataclass

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "faults"


@dataclass
class Edit:
    file: str
    old: str  # stands in the file exactly once, or the control has to be written anew
    new: str


class Moved(Exception):
    """The code is not what the control was written for."""


def changed_text(file, edits):
    text = (REPOSITORY / file).read_text()
    for edit in edits:
        if text.count(edit.old) != 1:
            raise Moved(f"{file} has this {text.count(edit.old)} times, not once:\n{edit.old}")
        text = text.replace(edit.old, edit.new)
    return text


def run(command, cwd):
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    if ended.returncode != 0:
        raise Moved(f"it does not build: {ended.stderr[-2000:]}")


def compile_command(file):
    """That of build/faults, without the names of the source and the object."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        if entry["file"] == str(REPOSITORY / file):
            words = shlex.split(entry["command"])
            at = words.index("-o")
            return words[:at]
    raise Moved(f"{file} is not compiled")


def link_command(program, objects):
    lines = subprocess.run(
        ["ninja", "-C", BUILD, "-t", "commands", "outbound"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    words = shlex.split(lines.splitlines()[-1])
    words = [word for word in words if word not in (":", "&&")]
    at = words.index("-o")
    return words[:at] + ["-o", str(program)] + [str(one) for one in objects] + words[at + 2 :]


def build(folder, edits):
    """The executable with these edits, in a folder of its own; Moved when they no longer fit."""
    folder.mkdir(parents=True, exist_ok=True)
    objects = []
    for file in dict.fromkeys(edit.file for edit in edits):
        source = folder / file.replace("/", "-")
        source.write_text(changed_text(file, [edit for edit in edits if edit.file == file]))
        objects.append(source.with_suffix(".o"))
        # What the defect leaves unused is no matter.
        run([*compile_command(file), "-w", "-g0", "-O1", "-o", objects[-1], "-c", source], BUILD)
    program = folder / "outbound"
    run(link_command(program, objects), BUILD)
    return program
