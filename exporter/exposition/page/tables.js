// The tables. All text goes through textContent: names and tags come from the clouds.

import { age, DASH, duration, energy, isKnown, mass, percent, plain, plus, power, rate, whole } from "./format.js";

const JOULES_PER_KWH = 3.6e6;

export function el(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// columns: [heading, class]; rows: lists of cells, the first of which heads its row.
function fill(table, columns, rows, nothing) {
  const heads = columns.map(([heading, className]) => {
    const th = el("th", className, heading);
    th.scope = "col";
    return th;
  });
  const body = rows.map((cells) => el("tr", "", ...cells.map((cell, i) => tableCell(cell, i, columns[i][1]))));
  if (!rows.length) {
    const td = el("td", "none", nothing);
    td.colSpan = columns.length;
    body.push(el("tr", "", td));
  }
  table.replaceChildren(el("thead", "", el("tr", "", ...heads)), el("tbody", "", ...body));
}

function tableCell(cell, index, className) {
  const made = el(index ? "td" : "th", className, ...(Array.isArray(cell) ? cell : [cell]));
  if (!index) made.scope = "row";
  return made;
}

// On a narrow screen the lines below the title hold what the hidden columns say.
function named(title, lines, mark = null) {
  const clipped = el("span", "clip", title);
  clipped.title = title;
  return [el("span", "title", clipped, mark), ...lines.map((line) => el("span", "sub only-narrow", line))];
}

function meter(share, tone) {
  const fillBar = el("i");
  fillBar.dataset.tone = tone;
  fillBar.style.width = `${Math.min(100, Math.max(0, share * 100))}%`;
  const bar = el("span", "meter", fillBar);
  bar.ariaHidden = "true";
  return bar;
}

const joined = (...parts) => parts.filter(Boolean).join(" · ");

export function drawTop(table, machines, simulated) {
  const columns = [
    ["Machine", ""], ["Type", "only-wide"], ["Region", "only-wide"], ["Grid zone", "only-wide"],
    ["CPU", "num only-wide"], ["Power", "num only-wide"], ["CO₂eq", "num"],
  ];
  const rows = machines.map((one) => {
    const cpu = percent(one.now?.cpu_utilization_ratio);
    const watts = power(one.now?.power_watts.central);
    const lines = [joined(one.instance_type, one.cloud_region, one.grid_zone), joined(`CPU ${cpu}`, watts)];
    const mark = one.provider === "host" ? el("span", "pill real", simulated ? "this machine, real" : "this machine") : null;
    return [
      named(one.name || one.resource_id, lines, mark),
      one.instance_type || DASH,
      one.cloud_region || DASH,
      one.grid_zone || DASH,
      cpu,
      watts,
      el("span", "strong", rate(one.now?.gco2eq_per_hour.central)),
    ];
  });
  fill(table, columns, rows, "No machine has a current value.");
}

// Bands for the eye only; the number stands beside the bar.
function tone(intensity) {
  if (intensity < 100) return "clean";
  if (intensity < 300) return "fair";
  return intensity < 550 ? "dirty" : "worst";
}

// By number, which is a name and no order: a forecast (3) is nearer the truth than the last known (2).
const LEVEL_PILL = ["good", "good", "warn", "warn", ""];
const ANNUAL = 4;

export function drawGrids(table, grids) {
  const most = Math.max(500, ...grids.map((one) => one.gco2eq_per_kwh ?? 0));
  const columns = [
    ["Zone", ""], ["", "only-wide bar"], ["g CO₂eq/kWh", "num"], ["How known", "apart"],
    ["Source", "only-wide"], ["Valid since", "num only-wide"],
  ];
  const sorted = [...grids].sort((a, b) => (a.gco2eq_per_kwh ?? Infinity) - (b.gco2eq_per_kwh ?? Infinity));
  const rows = sorted.map((one) => {
    const since = one.fallback_level !== ANNUAL ? age(one.age_seconds) : DASH;
    const bar = () => (one.gco2eq_per_kwh === null ? "" : meter(one.gco2eq_per_kwh / most, tone(one.gco2eq_per_kwh)));
    const kind = one.method === "marginal" ? " (marginal)" : "";
    const narrow = el("span", "sub only-narrow", joined(one.source, since === DASH ? "" : since));
    const small = el("span", "only-narrow", bar());
    return [
      [one.grid_zone + kind, small],
      bar(),
      el("span", "strong", plain(one.gco2eq_per_kwh)),
      [
        el("span", `pill ${LEVEL_PILL[one.fallback_level] ?? ""}`, one.fallback), " ",
        one.estimated ? el("span", "pill warn", "estimated") : "", narrow,
      ],
      one.source,
      since,
    ];
  });
  fill(table, columns, rows, "No grid zone is in use yet.");
}

export function drawRegions(table, regions) {
  const columns = [
    ["Region", ""], ["Account", "only-wide"], ["Machines", "num only-wide"], ["Power", "num only-wide"],
    ["CO₂eq now", "num"], ["Energy counted", "num only-wide"], ["CO₂eq counted", "num only-wide"],
  ];
  const sorted = [...regions].sort((a, b) => (b.gco2eq_per_hour?.central ?? -1) - (a.gco2eq_per_hour?.central ?? -1));
  const rows = sorted.map((one) => {
    const machines = `${whole(one.machines)} ${one.machines === 1 ? "machine" : "machines"}`;
    const watts = power(one.power_watts?.central);
    const counted = mass(plus(one.emissions_gco2eq.operational, one.emissions_gco2eq.embodied));
    const kwh = energy(isKnown(one.energy_joules) ? one.energy_joules / JOULES_PER_KWH : null);
    const lines = [joined(one.account, machines), `${watts} now · counted ${kwh}, ${counted}`];
    return [
      named(`${one.provider} ${one.cloud_region}`, lines),
      one.account,
      whole(one.machines),
      watts,
      el("span", "strong", rate(one.gco2eq_per_hour?.central)),
      kwh,
      counted,
    ];
  });
  fill(table, columns, rows, "No machine has been discovered yet.");
}

function health(one) {
  if (one.success === null) return el("span", "pill", "not yet tried");
  return one.success ? el("span", "pill good", "ok") : el("span", "pill bad", "failing");
}

export function drawCollectors(table, collectors, now) {
  const columns = [
    ["Collector", ""], ["State", "apart"], ["Last success", "num"], ["Newest data", "num only-wide"],
    ["Took", "num only-wide"], ["Failures", "num only-wide"],
  ];
  const since = (time) => (time === null ? DASH : age(Math.max(0, now - time)));
  const rows = collectors.map((one) => {
    const failures = Object.entries(one.failures).filter(([, count]) => count);
    const error = !one.success && one.last_error ? el("span", "sub", one.last_error) : null;
    return [
      [el("span", "clip", one.name), error].filter(Boolean),
      health(one),
      since(one.last_success),
      since(one.data_timestamp),
      duration(one.duration_seconds),
      failures.length ? failures.map(([reason, count]) => `${reason.replace("_", " ")} ${count}`).join(", ") : "0",
    ];
  });
  fill(table, columns, rows, "No collector is configured.");
}
