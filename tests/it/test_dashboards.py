"""metrics/dashboards: what the generator makes, valid for Grafana, and about metrics that exist."""

import json
import shutil
import subprocess
import sys

import pytest

from support import environment
from support.dashboards import BUILT_IN, FILES, FOLDER, declared, load, metrics_of, panels

pytestmark = pytest.mark.release  # nothing of it is compiled

TYPES = environment.REPOSITORY / "tests" / "it" / "grafana"
COMPILER = environment.CLIENTS / "grafana" / "node_modules"

# Title and type of each panel, as the observability guide lists them.
GUIDE = [
    ("Queue Depth by Status", "timeseries"),
    ("Total Queued Messages", "stat"),
    ("Dead Letter Queue Size", "stat"),
    ("Delivery Latency Percentiles (All Channels)", "timeseries"),
    ("Delivery Latency P95 by Channel", "timeseries"),
    ("Delivery Latency P99 by Channel", "timeseries"),
    ("Send Success Rate by Channel", "timeseries"),
    ("Message Send Rate by Channel", "timeseries"),
    ("Failure Rate Trends by Error Code", "timeseries"),
    ("Retry Rate by Channel", "timeseries"),
    ("WhatsApp Quota Usage", "gauge"),
    ("WhatsApp Quota Used", "stat"),
    ("WhatsApp Quota Remaining", "stat"),
    ("WhatsApp Quota Timeline", "timeseries"),
    ("Alert Counts", "timeseries"),
    ("Overall System Health Score", "stat"),
    ("Average Delivery Time", "stat"),
    ("P99 Delivery Time", "stat"),
]

# Its colors: from which value on.
COLORS = {
    "Total Queued Messages": [(None, "green"), (500, "yellow"), (1000, "red")],
    "Dead Letter Queue Size": [(None, "green"), (50, "yellow"), (100, "red")],
    "WhatsApp Quota Usage": [(None, "green"), (70, "yellow"), (90, "red")],
    "Overall System Health Score": [(None, "red"), (0.90, "yellow"), (0.95, "green")],
}

each = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


def test_the_files_are_what_the_generator_makes(tmp_path):
    subprocess.run([sys.executable, FOLDER / "generate.py", tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.glob("*.json")}
    assert made == {path.name: path.read_text() for path in FILES}, "run ./dev docs"


def test_the_guides_dashboard():
    board = load(FOLDER / "grafana-dashboard-outbound-messaging.json")
    assert board["uid"] == "outbound-messaging-observability"
    assert [(panel["title"], panel["type"]) for panel in board["panels"]] == GUIDE
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "environment", "channel"]
    assert [span["from"] for span in board["timepicker"]["quick_ranges"]] == [
        "now-15m",
        "now-1h",
        "now-6h",
        "now-24h",
        "now-7d",
    ]
    colors = {
        panel["title"]: [
            (step["value"], step["color"]) for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        ]
        for panel in board["panels"]
    }
    assert {title: colors[title] for title in COLORS} == COLORS


@each
def test_every_panel_says_what_it_shows_in_which_unit(path):
    for panel in panels(load(path)):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"] and all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@each
def test_every_metric_is_in_the_table(path):
    for panel in panels(load(path)):
        for target in panel["targets"]:
            named = metrics_of(target["expr"])
            assert named and named <= declared() | BUILT_IN, f"{panel['title']}: {named - declared()}"


@each
def test_panels_do_not_overlap(path):
    taken = set()
    board = load(path)
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_uids_are_different():
    uids = [load(path)["uid"] for path in FILES]
    assert len(set(uids)) == len(uids)


def test_grafanas_types_know_every_member(tmp_path):
    shutil.copytree(TYPES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "node_modules").symlink_to(COMPILER)

    def findings(boards):
        for name, text in boards.items():
            (tmp_path / f"{name}.ts").write_text(
                f"import {{ Dashboard }} from './dashboard';\nexport const it: Dashboard = {text};\n"
            )
        ended = subprocess.run(
            ["node", COMPILER / "typescript" / "bin" / "tsc", "-p", tmp_path, "--preserveSymlinks"],
            capture_output=True,
            text=True,
            timeout=environment.PATIENCE_S,
        )
        return ended.stdout.splitlines()

    assert findings({path.stem: path.read_text() for path in FILES}) == []
    # It would not have missed a wrong value somewhere deep.
    broken = load(FILES[0])
    panels(broken)[0]["fieldConfig"]["defaults"]["color"]["mode"] = "rainbow"
    assert any("rainbow" in line for line in findings({FILES[0].stem: json.dumps(broken)}))
