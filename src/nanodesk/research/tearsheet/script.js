// Read-outs under the pointer, one cross-hair over all charts of the same dates, and a theme button.
(function () {
  "use strict";
  var MINUS = "\u2212", MISSING = "\u2013";

  function fixed(value, digits, suffix) {
    var body = Math.abs(value).toFixed(digits), whole = body.split(".");
    whole[0] = whole[0].replace(/\B(?=(\d{3})+$)/g, ",");
    return (value < 0 && Number(body) !== 0 ? MINUS : "") + whole.join(".") + suffix;
  }

  function money(value) {
    var sizes = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
    for (var i = 0; i < sizes.length; i++) {
      if (Math.abs(value) >= 0.9995 * sizes[i][0]) {
        var scaled = value / sizes[i][0], size = Math.abs(scaled);
        return fixed(scaled, size < 9.995 ? 2 : size < 99.95 ? 1 : 0, sizes[i][1]);
      }
    }
    return fixed(value, Math.abs(value) >= 100 ? 0 : 2, "");
  }

  function write(value, unit) {
    if (value === null || value === undefined) { return MISSING; }
    if (unit === "percent" || unit === "fine_percent") {
      return fixed(100 * value, Math.abs(value) >= 9.9995 ? 0 : unit === "percent" ? 1 : 2, "%");
    }
    if (unit === "ic") { return fixed(value, 3, ""); }
    if (unit === "multiple") {
      var size = Math.abs(value);
      return fixed(value, size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3, "\u00d7");
    }
    if (unit === "count") { return fixed(value, 0, ""); }
    if (unit === "bps") { return fixed(value, 1, " bps"); }
    if (unit === "money") { return money(value); }
    return fixed(value, 2, "");
  }

  function iso(day) { return new Date(day * 864e5).toISOString().slice(0, 10); }

  function nearest(sorted, wanted) {
    var low = 0, high = sorted.length - 1;
    while (high - low > 1) {
      var middle = (low + high) >> 1;
      if (sorted[middle] < wanted) { low = middle; } else { high = middle; }
    }
    return Math.abs(sorted[high] - wanted) < Math.abs(sorted[low] - wanted) ? high : low;
  }

  function Chart(figure) {
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.plot = figure.querySelector(".plot");
    this.cross = figure.querySelector(".cross");
    this.dots = figure.querySelectorAll(".dot");
    this.at = figure.querySelector(".legend .at");
    this.values = figure.querySelectorAll(".legend b");
    this.rest = [this.at.textContent].concat(Array.prototype.map.call(this.values, function (b) { return b.textContent; }));
    this.height = Number(this.plot.getAttribute("height"));
    this.index = -1;
  }

  Chart.prototype.fraction = function (i) {
    var data = this.data;
    if (data.l) { return (i + 0.5) / data.l.length; }
    return data.t[1] > data.t[0] ? (data.d[i] - data.t[0]) / (data.t[1] - data.t[0]) : 0.5;
  };

  Chart.prototype.row = function (share) {
    var data = this.data;
    if (data.l) { return Math.max(0, Math.min(data.l.length - 1, Math.floor(share * data.l.length))); }
    return nearest(data.d, data.t[0] + share * (data.t[1] - data.t[0]));
  };

  Chart.prototype.show = function (i) {
    var data = this.data, x = (100 * this.fraction(i)).toFixed(3) + "%", self = this;
    this.index = i;
    this.cross.setAttribute("x1", x);
    this.cross.setAttribute("x2", x);
    this.cross.setAttribute("visibility", "visible");
    this.at.textContent = data.l ? data.l[i] : iso(data.d[i]);
    this.values.forEach(function (b, k) { b.textContent = write(data.s[k][i], data.u); });
    this.dots.forEach(function (dot, k) {
      var value = data.s[k][i], y = data.y;
      if (value === null || !y) { dot.setAttribute("visibility", "hidden"); return; }
      var share = y[2] ? Math.log(Math.max(value, y[0]) / y[0]) / Math.log(y[1] / y[0]) : (value - y[0]) / (y[1] - y[0]);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", (self.height * (1 - Math.max(0, Math.min(1, share)))).toFixed(1));
      dot.setAttribute("visibility", "visible");
    });
  };

  Chart.prototype.hide = function () {
    var rest = this.rest;
    this.index = -1;
    this.cross.setAttribute("visibility", "hidden");
    this.dots.forEach(function (dot) { dot.setAttribute("visibility", "hidden"); });
    this.at.textContent = rest[0];
    this.values.forEach(function (b, k) { b.textContent = rest[k + 1]; });
  };

  var charts = Array.prototype.map.call(document.querySelectorAll("figure[data-chart]"), function (f) { return new Chart(f); });

  function together(chart) {
    if (!chart.data.t) { return [chart]; }
    return charts.filter(function (other) {
      return other.data.t && other.data.t[0] === chart.data.t[0] && other.data.t[1] === chart.data.t[1];
    });
  }

  charts.forEach(function (chart) {
    function move(event) {
      var box = chart.plot.getBoundingClientRect();
      var share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      together(chart).forEach(function (other) { other.show(other.row(share)); });
    }
    function leave() { together(chart).forEach(function (other) { other.hide(); }); }
    chart.plot.addEventListener("pointermove", move);
    chart.plot.addEventListener("pointerdown", move);
    chart.plot.addEventListener("pointerleave", leave);
    chart.plot.addEventListener("blur", leave);
    chart.plot.addEventListener("keydown", function (event) {
      var step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      var size = (chart.data.l || chart.data.d).length;
      if (event.key === "Escape") { leave(); return; }
      if (!step) { return; }
      event.preventDefault();
      var from = chart.index < 0 ? (step < 0 ? size : -1) : chart.index;
      chart.show(Math.max(0, Math.min(size - 1, from + step)));
      var share = chart.fraction(chart.index);
      together(chart).forEach(function (other) { if (other !== chart) { other.show(other.row(share)); } });
    });
  });

  var button = document.getElementById("theme"), root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
  function label() { button.textContent = isDark() ? "Light" : "Dark"; }
  if (location.hash === "#dark" || location.hash === "#light") { root.dataset.theme = location.hash.slice(1); }
  button.hidden = false;
  label();
  button.addEventListener("click", function () { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  dark.addEventListener("change", label);
})();
