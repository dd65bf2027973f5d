// Times: read, told, and counted down by the agent's clock rather than the browser's.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export { SECOND, MINUTE, HOUR, DAY };

/** Milliseconds since 1970 of an RFC 3339 time; null where there is none. */
export function instant(text) {
  const at = typeof text === 'string' ? Date.parse(text) : NaN;
  return Number.isFinite(at) ? at : null;
}

/** `42 s`, `9 min 5 s`, `42 min`, `3 h 5 min`, `2 d 4 h`: what matters of a span, never more than there is of it. */
export function span(ms) {
  const rest = Math.max(0, ms);
  if (rest < MINUTE) return `${Math.floor(rest / SECOND)} s`;
  if (rest < 10 * MINUTE) return two(rest, MINUTE, 'min', SECOND, 's');
  if (rest < HOUR) return `${Math.floor(rest / MINUTE)} min`;
  if (rest < DAY) return two(rest, HOUR, 'h', MINUTE, 'min');
  return two(rest, DAY, 'd', HOUR, 'h');
}

function two(ms, large, largeName, small, smallName) {
  const [a, b] = [Math.floor(ms / large), Math.floor((ms % large) / small)];
  return b === 0 ? `${a} ${largeName}` : `${a} ${largeName} ${b} ${smallName}`;
}

/** How long until then, at least one second while it is to come: what is promised must not be over sooner. */
export function until(at, now) {
  return span(Math.ceil(Math.max(0, at - now) / SECOND) * SECOND);
}

/** How long since then. */
export function since(at, now) {
  return span(now - at);
}

const two_digits = (number) => String(number).padStart(2, '0');

/** `14:05` of the same day, `Sat 14:05` of one near, else with the date: in the reader's own time zone. */
export function clock(at, now) {
  const then = new Date(at);
  const time = `${two_digits(then.getHours())}:${two_digits(then.getMinutes())}`;
  if (then.toDateString() === new Date(now).toDateString()) return time;
  if (Math.abs(now - at) < 6 * DAY) {
    return `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][then.getDay()]} ${time}`;
  }
  return `${then.getFullYear()}-${two_digits(then.getMonth() + 1)}-${two_digits(then.getDate())} ${time}`;
}

/** The same with seconds, for moments that have just been. */
export function clock_s(at, now) {
  return `${clock(at, now)}:${two_digits(new Date(at).getSeconds())}`;
}

/**
 * What an answer tells of the agent's clock: how far it is ahead of this one, between `least` and `most` milliseconds.
 *
 * The `Date` of an answer is a whole second, written somewhen between asking and receiving. Each answer narrows what is known;
 * one that contradicts it says that a clock was set, and begins anew.
 */
export function ahead(known, { date, sent, received }) {
  if (date === null || received < sent) return known;
  const told = { least: date - received, most: date + SECOND - sent };
  if (known === null) return told;
  const both = { least: Math.max(known.least, told.least), most: Math.min(known.most, told.most) };
  return both.least <= both.most ? both : told;
}

/** The agent's time for a moment of this clock. */
export function agents_time(here, known) {
  return known === null ? here : here + (known.least + known.most) / 2;
}
