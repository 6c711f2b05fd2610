"""The tear sheet in a headless browser: no error, no request, no sideways scrolling on a phone, a live read-out."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import partial

import pytest

from nanodesk.research.report import write_report
from sample_results import SECTORS, momentum_result, random_closes

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

PROBE = """
<script>
addEventListener("load", function () {
  var figure = document.querySelector('figure[data-chart="growth"]'), plot = figure.querySelector(".plot");
  var other = document.querySelector('figure[data-chart="underwater"] .legend');
  var bars = document.querySelector('figure[data-chart="years"]');
  function read() { return figure.querySelector(".legend").textContent; }
  function point(target, share) {
    var box = target.getBoundingClientRect();
    var at = {clientX: box.left + share * box.width, clientY: box.top + 5};
    target.dispatchEvent(new PointerEvent("pointermove", at));
  }
  var rest = read(), restOther = other.textContent;
  point(plot, 0.5);
  var hover = read(), hoverOther = other.textContent, cross = figure.querySelector(".cross").getAttribute("x1");
  plot.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
  var key = read();
  plot.dispatchEvent(new PointerEvent("pointerleave"));
  point(bars.querySelector(".plot"), 0.01);
  var bar = bars.querySelector(".legend .at").textContent;
  document.getElementById("theme").click();
  var wide = Array.prototype.filter.call(document.querySelectorAll("main *, header *"), function (e) {
    return !e.closest(".scroll") && !e.closest("svg") && e.getBoundingClientRect().right > innerWidth + 1;
  }).length;
  parent.postMessage(JSON.stringify({
    width: innerWidth, page: document.documentElement.scrollWidth, wide: wide, rest: rest, hover: hover, key: key,
    restOther: restOther, hoverOther: hoverOther, cross: cross, after: read(), bar: bar,
    theme: document.documentElement.dataset.theme, background: getComputedStyle(document.body).backgroundColor
  }), "*");
});
</script>
"""

HARNESS = """<!DOCTYPE html><meta charset="utf-8"><pre id="out"></pre><script>
addEventListener("message", function (event) { document.getElementById("out").textContent += event.data + "\\n"; });
</script>"""


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    name = next((name for name in BROWSERS if shutil.which(name)), None)
    if name is None:
        pytest.skip("no Chromium on this machine")
    profile = tmp_path_factory.mktemp("profile")
    command = [
        name, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}", "--enable-logging=stderr",
        "--virtual-time-budget=3000", "--dump-dom",
    ]  # fmt: skip
    return partial(run, command)


def run(command, page):
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    dates, _, closes = random_closes(1500, 20)
    result = momentum_result(
        dates,
        tuple(SECTORS),
        closes,
        index=closes.mean(axis=1),
        sectors=SECTORS,
        name="a-rather-long-name-of-a-strategy-<script>alert(1)</script>",
        warnings=("Survivorship bias: delisted names are missing.",),
    )
    long_names = replace(
        result.backtest, symbols=tuple(f"{symbol}-PERPETUAL-FUTURE.X" for symbol in result.backtest.symbols)
    )
    result = replace(
        result, backtest=long_names, sectors={name: SECTORS[name.split("-")[0]] for name in long_names.symbols}
    )
    return write_report(result, tmp_path_factory.mktemp("report") / "tearsheet.html")


class TestOpened:
    def test_no_error_and_no_request(self, browse, report):
        dom, console = browse(report)
        assert console == []
        assert "http://" not in dom and "https://" not in dom
        button = re.search(r'<button[^>]*id="theme"[^>]*>', dom).group()
        assert "hidden" not in button, "the script of the page did not run under its own policy"

    def test_the_policy_lets_no_other_script_run(self, browse, report, tmp_path):
        page = tmp_path / "injected.html"
        injected = '<script>document.title = "owned"</script><img src="https://example.invalid/x.png"></body>'
        page.write_text(report.read_text("utf-8").replace("</body>", injected), "utf-8")
        dom, console = browse(page)
        assert "<title>owned" not in dom
        assert sum("Content Security Policy" in line for line in console) == 2

    def test_phone_widths_and_the_read_out(self, browse, report, tmp_path):
        text = report.read_text("utf-8")
        probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace(
            "</body>", PROBE + "</body>"
        )
        (tmp_path / "probed.html").write_text(probed, "utf-8")
        frames = "".join(
            f'<iframe src="probed.html" width="{width}" height="800"></iframe>' for width in (360, 390, 820, 1280)
        )
        harness = tmp_path / "harness.html"
        harness.write_text(HARNESS + frames.replace("<iframe", '<iframe style="border:0"'), "utf-8")
        dom, console = browse(harness)
        assert console == []
        found = [
            json.loads(line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
            for line in re.search(r"<pre[^>]*>(.*?)</pre>", dom, re.S).group(1).splitlines()
            if line
        ]
        assert sorted(item["width"] for item in found) == [360, 390, 820, 1280]
        for item in found:
            assert item["page"] <= item["width"], f"the page scrolls sideways at {item['width']} pixels"
            assert item["wide"] == 0
            assert item["hover"] != item["rest"] and item["key"] != item["hover"] and item["after"] == item["rest"]
            assert item["hoverOther"][:10] == item["hover"][:10] != item["restOther"][:10]
            assert abs(float(item["cross"].rstrip("%")) - 50.0) < 1.0
            assert item["bar"] == "2015"
            assert (item["theme"], item["background"]) == ("dark", "rgb(15, 18, 22)")
