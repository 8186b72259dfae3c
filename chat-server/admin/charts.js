/** Small line charts. */

import { h, svg } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 90;

/** The least time that the width stands for, in milliseconds. */
const LEAST = 120_000;

/** A chart whose lines are replaced with each sample. `format` shows a value as text. */
export function chart(title, labels, format) {
  const legend = h("p", { class: "legend" });
  const lines = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title });
  const most = h("span", { class: "most" });
  const element = h("section", { class: "chart" }, h("h3", {}, title), legend, h("div", { class: "plot" }, lines, most));
  return {
    element,
    /**
     * @param {number[][]} series for each label, a value for each sample
     * @param {number[]} times when the samples were taken
     */
    show(series, times) {
      const top = Math.max(...series.flat().filter(Number.isFinite), 0) || 1;
      const latest = series.map((values) => format(values.findLast(Number.isFinite)));
      most.textContent = format(top);
      legend.replaceChildren(
        ...labels.map((label, at) => h("span", { class: `line-${at}` }, label ? `${label} ` : "", h("b", {}, latest[at]))),
      );
      lines.setAttribute("aria-label", `${title}: ${labels.map((label, at) => `${label} ${latest[at]}`.trim()).join(", ")}`);
      lines.replaceChildren(
        svg("path", { class: "grid", d: `M0 ${HEIGHT / 2}H${WIDTH}M0 1H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}` }),
        ...series.map((values, at) => svg("path", { class: `line line-${at}`, d: path(values, times, top) })),
      );
    },
  };
}

function path(values, times, top) {
  let [text, isDown] = ["", false];
  const end = times.at(-1);
  const shown = Math.max(end - times[0], LEAST);
  values.forEach((value, at) => {
    if (!Number.isFinite(value)) {
      isDown = false;
      return;
    }
    const x = WIDTH - ((end - times[at]) / shown) * WIDTH;
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
    text += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
  });
  return text;
}
