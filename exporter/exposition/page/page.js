// Reads the summary every few seconds and shows it.

import { drawChart, QUANTITIES } from "./chart.js";
import { age, DASH, duration, energy, mass, percent, plain, plus, power, rate, rateScale, whole } from "./format.js";
import { drawCollectors, drawGrids, drawRegions, drawTop, el } from "./tables.js";

const REFRESH_MS = 5000;
const TWEEN_MS = 700;
const MS_PER_HOUR = 3.6e6;
const OLD_SECONDS = 900; // three polls of the default interval

const by = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const state = { summary: null, skew: 0, lost: null, quantity: "gco2eq_per_hour", grams: 0, ticked: null, shown: null };

const serverNow = () => Date.now() / 1000 + state.skew;
const put = (id, text) => { by(id).textContent = text; };

async function refresh() {
  try {
    const answer = await fetch("/api/v1/summary", { cache: "no-store", signal: AbortSignal.timeout(REFRESH_MS * 2) });
    const content = await answer.json();
    // The server's clock counts: a phone's may be minutes off.
    const date = Date.parse(answer.headers.get("date"));
    if (date) state.skew = (date - Date.now()) / 1000;
    state.lost = answer.ok ? null : content.error ?? `HTTP ${answer.status}`;
    if (answer.ok) show(content);
  } catch {
    state.lost = "no connection to the exporter, trying again";
  }
  showStatus();
  setTimeout(refresh, REFRESH_MS);
}

function show(summary) {
  const isNew = state.summary?.time !== summary.time;
  state.summary = summary;
  if (isNew) {
    showNow(summary.now);
    showTotals(summary.totals);
    showCoverage(summary.coverage_seconds);
    showStates(summary.states);
    showHistory();
    drawTop(by("top"), [...summary.top, ...summary.this_machine], summary.simulated);
    drawRegions(by("regions"), summary.regions);
    drawGrids(by("grids"), summary.grids);
    showBanners(summary);
  }
  drawCollectors(by("collectors"), summary.collectors, serverNow());
}

function showBanners(summary) {
  by("simulated").hidden = !summary.simulated;
  const behind = Math.max(0, ...Object.values(summary.catch_up_remaining_seconds));
  by("catch-up").hidden = !(behind > 0);
  put("catch-up", `Catching up: ${duration(behind)} of the past are still to be read. Totals rise faster until then.`);
  put("cost", `Watching has cost ${whole(summary.api_requests)} API requests, $${plain(summary.api_cost_dollars, 3, 1)} at list price.`);
}

function showStatus() {
  const old = state.summary && serverNow() - state.summary.time > OLD_SECONDS;
  by("status").dataset.state = state.lost ? (state.summary ? "lost" : "wait") : old ? "old" : "live";
  document.body.classList.toggle("lost", Boolean(state.lost && state.summary));
  const updated = state.summary ? `Updated ${age(Math.max(0, serverNow() - state.summary.time))}` : "";
  const trouble = state.lost ? state.lost.charAt(0).toUpperCase() + state.lost.slice(1) : "";
  put("status-text", [trouble, updated].filter(Boolean).join(" · ") || "Connecting…");
}

function showNow({ gco2eq_per_hour: grams, power_watts: watts }) {
  tweenRate(grams?.central ?? null);
  put("rate-bounds", grams ? `between ${rate(grams.low)} and ${rate(grams.high)}` : "no current value");
  put("power", power(watts?.central));
  put("power-bounds", watts ? `${power(watts.low)} to ${power(watts.high)}` : "");
  by("range-band").parentElement.classList.toggle("known", Boolean(grams));
  if (!grams) return;
  const end = grams.high * 1.12 || 1;
  by("range-band").style.left = `${(grams.low / end) * 100}%`;
  by("range-band").style.right = `${100 - (grams.high / end) * 100}%`;
  by("range-dot").style.left = `${(grams.central / end) * 100}%`;
}

// The large number glides to its new value; it never invents one between known and unknown.
function tweenRate(target) {
  const from = state.shown;
  state.shown = target;
  const [size, unit] = rateScale(target);
  put("rate-unit", `${unit} CO₂eq per hour`);
  const paint = (value) => put("rate", value === null ? DASH : plain(value / size, 4));
  if (from === null || target === null || calm.matches) return paint(target);
  const began = performance.now();
  const frame = (time) => {
    if (state.shown !== target) return;
    const t = Math.min(1, Math.max(0, (time - began) / TWEEN_MS));
    paint(from + (target - from) * (1 - (1 - t) ** 3));
    if (t < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function showTotals(totals) {
  const { operational, embodied } = totals.emissions_gco2eq;
  put("energy", energy(totals.energy_kwh, 4));
  put("grams", mass(plus(operational, embodied), 4));
  put("grams-scopes", `${mass(operational)} electricity, ${mass(embodied)} embodied`);
}

function showCoverage(seconds) {
  const all = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  put("coverage", all ? percent(seconds.measured / all) : DASH);
  const parts = Object.entries(seconds);
  by("coverage-bar").replaceChildren(...parts.filter(([, part]) => part > 0).map(([quality, part]) => {
    const bar = swatch(quality);
    bar.style.flexGrow = part / all;
    return bar;
  }));
  by("coverage-legend").replaceChildren(...parts.map(([quality, part]) => legend(quality, all ? percent(part / all) : DASH)));
}

function showStates(states) {
  put("machines", whole(Object.values(states).reduce((sum, one) => sum + one, 0)));
  by("states").replaceChildren(...Object.entries(states).map(([name, count]) => legend(name, whole(count))));
}

function swatch(tone) {
  const made = el("i");
  made.dataset.tone = tone;
  return made;
}

const legend = (name, value) => el("li", "", swatch(name), name, el("b", "", value));

function showHistory() {
  const { format, name } = QUANTITIES[state.quantity];
  const known = drawChart(by("chart"), state.summary.history, state.quantity);
  const last = known.at(-1);
  put("chart-note", last ? `${name}, mean of each ${duration(last.end - last.start)}; last ${format(last[state.quantity])}. Your local time.` : "");
}

// Adds up the current rate over the time that the page is open.
function tick() {
  const now = performance.now();
  const grams = state.summary?.now.gco2eq_per_hour?.central;
  if (state.ticked !== null && grams !== undefined && grams !== null && !state.lost) {
    state.grams += (grams * (now - state.ticked)) / MS_PER_HOUR;
  }
  state.ticked = now;
  put("ticker", state.grams ? `≈ ${mass(state.grams, 4)}` : DASH);
  showStatus();
  setTimeout(tick, 1000);
}

for (const button of document.querySelectorAll("[data-series]")) {
  button.addEventListener("click", () => {
    state.quantity = button.dataset.series;
    for (const one of document.querySelectorAll("[data-series]")) one.ariaPressed = String(one === button);
    if (state.summary) showHistory();
  });
}
new ResizeObserver(() => state.summary && showHistory()).observe(by("chart"));

refresh();
tick();
