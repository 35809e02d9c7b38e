// What moves in report.html: charts by dygraphs, legends, smoothing, and grids through time. The
// page is whole without it: then it shows the same curves as SVG, and a few grids side by side.
(() => {
  "use strict";
  const root = document.documentElement;
  const colourCount = 6;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const short = (value) => Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–";
  const charts = [];

  function axisLabel(value) {
    const size = Math.abs(value);
    if (size >= 1e6) return short(value / 1e6) + "M";
    if (size >= 1000) return Math.round(value).toLocaleString("en");
    return short(value);
  }

  function colours(count) {
    return Array.from({length: count}, (_, i) => css("--c" + i % colourCount));
  }

  // Beyond the last colour they begin again, dashed.
  function strokes(labels) {
    const patterns = [null, [7, 3], [2, 3]];
    return Object.fromEntries(labels.slice(1).map((label, i) => [
      label, {strokePattern: patterns[Math.min(2, Math.floor(i / colourCount))]}]));
  }

  function zoomAll(low, high) {
    for (const chart of charts) {
      chart.graph.updateOptions({dateWindow: [low, high], valueRange: null});
    }
  }

  function showWhole() {
    for (const chart of charts) {
      chart.graph.updateOptions({dateWindow: null, valueRange: chart.range});
    }
  }

  // A single finger scrolls the page; two zoom the chart.
  function interaction() {
    const model = {...Dygraph.defaultInteractionModel, dblclick: showWhole};
    const touch = model.touchstart;
    model.touchstart = (event, graph, context) => {
      if (event.touches.length > 1) touch(event, graph, context);
    };
    return model;
  }

  function makeLegend(figure, graph) {
    const items = [...figure.querySelectorAll(".legend > span")];
    const values = items.map((item) => item.querySelector("small"));
    const last = values.map((value) => value.textContent);
    const at = document.createElement("span");
    at.className = "at";
    figure.append(at);
    items.forEach((item, i) => {
      const toggle = () => {
        const shown = item.getAttribute("aria-pressed") !== "true";
        item.setAttribute("aria-pressed", shown);
        graph().setVisibility(i, shown);
      };
      item.setAttribute("role", "button");
      item.setAttribute("aria-pressed", "true");
      item.tabIndex = 0;
      item.title = "show or hide";
      item.addEventListener("click", toggle);
      item.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    });
    return {
      show(x, points, labels) {
        at.textContent = "step " + Math.round(x).toLocaleString("en");
        values.forEach((value) => { value.textContent = ""; });
        for (const point of points) {
          values[labels.indexOf(point.name) - 1].textContent = short(point.yval);
        }
      },
      rest() {
        at.textContent = "";
        values.forEach((value, i) => { value.textContent = last[i]; });
      },
    };
  }

  function makeChart(figure, data) {
    const plot = document.createElement("div");
    plot.className = "plot";
    figure.querySelector("svg").before(plot);
    const rows = data.rows.map((row) => row.map((value) => value === "NaN" ? NaN : value));
    const chart = {range: data.range, length: rows.length};
    const legend = makeLegend(figure, () => chart.graph);
    chart.recolour = () => ({colors: colours(data.labels.length - 1), gridLineColor: css("--line"),
      axisLineColor: css("--soft")});
    chart.graph = new Dygraph(plot, rows, {
      ...chart.recolour(), labels: data.labels, series: strokes(data.labels), xlabel: "step",
      valueRange: data.range, legend: "never", connectSeparatedPoints: true, strokeWidth: 1.8,
      highlightCircleSize: 4, drawPoints: rows.length < 30, pointSize: 2.5, axisLabelFontSize: 12,
      xRangePad: 4, xLabelHeight: 16, gridLineWidth: 1,
      axes: {x: {axisLabelFormatter: axisLabel}, y: {axisLabelFormatter: axisLabel}}, interactionModel: interaction(),
      highlightCallback: (event, x, points) => legend.show(x, points, data.labels),
      unhighlightCallback: () => legend.rest(),
      zoomCallback: (low, high) => zoomAll(low, high),
    });
    charts.push(chart);
  }

  function makeCharts() {
    const source = document.getElementById("charts");
    const figures = document.querySelectorAll("figure.chart");
    if (!source || figures.length === 0) return;
    JSON.parse(source.textContent).forEach((data, i) => makeChart(figures[i], data));
    const smoothing = document.getElementById("smoothing");
    smoothing.max = Math.max(1, Math.min(100, Math.floor(Math.max(
      ...charts.map((chart) => chart.length)) / 2)));
    smoothing.addEventListener("input", () => {
      const period = Number(smoothing.value);
      smoothing.nextElementSibling.textContent = period === 1 ? "off" : "mean of " + period;
      for (const chart of charts) chart.graph.updateOptions({rollPeriod: period});
    });
    document.getElementById("whole").addEventListener("click", showWhole);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of charts) chart.graph.updateOptions(chart.recolour());
    });
  }

  function makeSlider(section) {
    const frames = [...section.querySelectorAll(".frames > figure")];
    const slider = section.querySelector("input");
    const show = (chosen) => {
      frames.forEach((frame, i) => frame.classList.toggle("on", i === chosen));
      const name = frames[chosen].querySelector("figcaption").textContent;
      if (!slider) return;
      slider.nextElementSibling.textContent = name;
      slider.setAttribute("aria-valuetext", name);
    };
    if (slider) slider.addEventListener("input", () => show(Number(slider.value)));
    show(frames.length - 1);
  }

  root.classList.add("js");
  try {
    makeCharts();
    document.querySelectorAll(".through-time").forEach(makeSlider);
    document.querySelectorAll(".controls").forEach((controls) => { controls.hidden = false; });
  } catch (error) {
    root.classList.remove("js");
    throw error;
  }
})();
