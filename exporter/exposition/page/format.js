// Numbers and times as people read them. Unknown is a dash, never zero.

export const DASH = "–";

const formatters = new Map();

function digits(most, least) {
  const key = `${most} ${least}`;
  if (!formatters.has(key)) {
    const options = { maximumSignificantDigits: most, minimumSignificantDigits: least };
    formatters.set(key, new Intl.NumberFormat("en", options));
  }
  return formatters.get(key);
}

export const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

// A sum of what is not known is not known: totals are withheld until the daemon has caught up.
export const plus = (one, other) => (isKnown(one) && isKnown(other) ? one + other : null);

// Trailing zeros stand, so that columns of numbers agree; least = 1 drops them.
export function plain(value, most = 3, least = most) {
  return isKnown(value) ? digits(most, least).format(value) : DASH;
}

export function whole(value) {
  return isKnown(value) ? new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value) : DASH;
}

// The largest unit that leaves at least 1 before the point.
function scale(steps, value) {
  return steps.find(([size]) => Math.abs(value) >= size) ?? steps.at(-1);
}

const MASS = [[1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"]];
const POWER = [[1e6, "MW"], [1e3, "kW"], [1, "W"], [1e-3, "mW"]];
const ENERGY = [[1e3, "MWh"], [1, "kWh"], [1e-3, "Wh"]];

function scaled(steps, value, most, least) {
  if (!isKnown(value)) return DASH;
  if (value === 0) return `0 ${steps.find(([size]) => size === 1)[1]}`;
  const [size, unit] = scale(steps, value);
  return `${plain(value / size, most, least)} ${unit}`;
}

export const mass = (grams, most = 3, least = most) => scaled(MASS, grams, most, least);
export const power = (watts, most = 3, least = most) => scaled(POWER, watts, most, least);
export const energy = (kwh, most = 3, least = most) => scaled(ENERGY, kwh, most, least);
export const rate = (grams, most = 3, least = most) =>
  isKnown(grams) ? `${mass(grams, most, least)}/h` : DASH;

// Size and unit for a rate that is shown large: the unit stands apart from the number.
export function rateScale(grams) {
  return scale(MASS.slice(0, 3), isKnown(grams) ? grams : 1);
}

// Never rounded up to 100 %: the last tenth is what coverage is about.
export function percent(ratio) {
  if (!isKnown(ratio)) return DASH;
  const value = ratio * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  const fine = value < 10 || value > 99;
  const shown = fine && value < 100 ? Math.floor(value * 10) / 10 : Math.round(value);
  return `${new Intl.NumberFormat("en").format(shown)} %`;
}

export function duration(seconds) {
  if (!isKnown(seconds)) return DASH;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const steps = [[172800, 86400, "d"], [5400, 3600, "h"], [90, 60, "min"], [0, 1, "s"]];
  const [, size, unit] = steps.find(([from]) => seconds >= from);
  if (seconds < 10) return `${plain(seconds, 2)} s`;
  return `${whole(seconds / size)} ${unit}`;
}

export function age(seconds) {
  if (!isKnown(seconds)) return DASH;
  return seconds < 2 ? "now" : `${duration(seconds)} ago`;
}

export function clock(epoch, withDay) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (withDay) Object.assign(options, { weekday: "short" });
  return new Intl.DateTimeFormat("en", options).format(new Date(epoch * 1000));
}
