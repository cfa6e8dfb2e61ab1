// The history: means over buckets, drawn as steps. Time without data is a gap, never a zero.

import { clock, power, rate } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const EDGE = { top: 10, right: 4, bottom: 24, left: 62 };
const TIME_STEPS = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

export const QUANTITIES = {
  gco2eq_per_hour: { format: rate, name: "Emission rate" },
  watts: { format: power, name: "Power" },
};

export function drawChart(box, points, quantity) {
  const known = points.filter((point) => typeof point[quantity] === "number");
  box.replaceChildren(known.length ? chart(box, known, quantity) : empty());
  return known;
}

function empty() {
  const note = document.createElement("p");
  note.className = "empty";
  note.textContent = "No history yet. It fills as buckets of data become final.";
  return note;
}

function chart(box, points, quantity) {
  const { format, name } = QUANTITIES[quantity];
  const width = Math.max(box.clientWidth, 240);
  const height = box.clientHeight;
  const from = points[0].start;
  const until = points.at(-1).end;
  const step = niceStep(Math.max(...points.map((point) => point[quantity])) / 3);
  const top = Math.max(step, Math.ceil(Math.max(...points.map((p) => p[quantity])) / step) * step);
  const x = (time) => EDGE.left + ((time - from) / (until - from)) * (width - EDGE.left - EDGE.right);
  const y = (value) => height - EDGE.bottom - (value / top) * (height - EDGE.top - EDGE.bottom);
  const values = points.map((point) => point[quantity]);
  const label = `${name} from ${clock(from, true)} to ${clock(until, true)}: ` +
    `${format(Math.min(...values))} to ${format(Math.max(...values))}, last ${format(values.at(-1))}`;

  const svg = node("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}` });
  for (let value = 0; value <= top * 1.001; value += step) {
    svg.append(node("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
    svg.append(text(format(value, 3, 1), { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" }));
  }
  for (const time of timeTicks(from, until, (width - EDGE.left) / 76)) {
    svg.append(text(clock(time, until - from > 86400), { x: x(time), y: height - 6, "text-anchor": anchor(x(time), width) }));
  }
  for (const [first, ...others] of runs(points)) {
    const steps = others.map((point) => `V${y(point[quantity])}H${x(point.end)}`);
    const line = `M${x(first.start)} ${y(first[quantity])}H${x(first.end)}${steps.join("")}`;
    svg.append(node("path", { class: "area", d: `${line}V${y(0)}H${x(first.start)}Z` }));
    svg.append(node("path", { class: "line", d: line }));
  }
  addCursor(svg, points, quantity, { x, y, width, height });
  return svg;
}

// Stretches of buckets that touch each other.
function runs(points) {
  const found = [];
  for (const point of points) {
    const last = found.at(-1);
    if (last && point.start - last.at(-1).end < 1) last.push(point);
    else found.push([point]);
  }
  return found;
}

function niceStep(rough) {
  if (!(rough > 0)) return 1;
  const power10 = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].find((m) => m * power10 >= rough * 0.999) * power10;
}

function timeTicks(from, until, room) {
  const step = TIME_STEPS.find((size) => (until - from) / size <= room) ?? TIME_STEPS.at(-1);
  const shift = new Date(from * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= until; t += step) ticks.push(t);
  return ticks;
}

function anchor(position, width) {
  if (position > width - 24) return "end";
  return position < EDGE.left + 16 ? "start" : "middle";
}

// A pointer over the chart reads one bucket.
function addCursor(svg, points, quantity, { x, y, width, height }) {
  const { format } = QUANTITIES[quantity];
  const group = node("g", { visibility: "hidden" });
  const rule = node("line", { class: "cursor", y1: EDGE.top, y2: height - EDGE.bottom });
  const mark = node("circle", { class: "mark", r: 4 });
  const value = text("", { y: EDGE.top + 4 });
  group.append(rule, mark, value);
  svg.append(group);
  svg.addEventListener("pointermove", (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    const point = points.find((one) => at >= x(one.start) && at <= x(one.end));
    group.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) return;
    const middle = (x(point.start) + x(point.end)) / 2;
    set(rule, { x1: middle, x2: middle });
    set(mark, { cx: middle, cy: y(point[quantity]) });
    const left = middle > width / 2;
    set(value, { x: middle + (left ? -8 : 8), "text-anchor": left ? "end" : "start" });
    value.textContent = `${clock(point.start)}  ${format(point[quantity])}`;
  });
  svg.addEventListener("pointerleave", () => group.setAttribute("visibility", "hidden"));
}

function node(name, attributes) {
  return set(document.createElementNS(SVG, name), attributes);
}

function text(content, attributes) {
  const made = node("text", attributes);
  made.textContent = content;
  return made;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
