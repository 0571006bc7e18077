"""How far a run is: what each scenario found is kept as soon as it is over, and how long the rest will take."""

import json

import page

USUAL_S = 12  # a scenario of which no run is known


class Progress:
    """`path`: a line of JSON for each scenario. A run that was interrupted goes on with those that have none."""

    def __init__(self, path):
        self._path = path
        self.lines = {line["name"]: line for line in page.read(path)}

    def forget(self, names):
        for name in names:
            self.lines.pop(name, None)
        self._save()

    def _save(self):
        new = self._path.with_name(self._path.name + ".new")
        new.write_text("".join(json.dumps(line) + "\n" for line in self.lines.values()))
        new.rename(self._path)

    def take(self, line):
        self.lines[line["name"]] = line
        self._save()

    def of(self, names):
        """The lines of these that there are."""
        return [self.lines[name] for name in names if name in self.lines]


class Expectation:
    """By how long scenarios took the last time, and by how much slower the machine is now."""

    def __init__(self):
        self._run_s = {line["name"]: line["seconds"] / line["runs"] for line in page.read(page.RESULTS)}
        self._expected_s = self._took_s = 60.0  # so that the first one does not say too much

    def of(self, name, runs):
        return runs * self._run_s.get(name, USUAL_S)

    def took(self, name, runs, seconds):
        self._expected_s += self.of(name, runs)
        self._took_s += seconds

    def words(self, todo):
        """`todo`: (name, runs) of each that is to come."""
        seconds = sum(self.of(*each) for each in todo) * self._took_s / self._expected_s
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"
