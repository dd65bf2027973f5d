// A day of a credential, from its journal: what its status was, when it had a valid token, and what happened.

import { DAY, HOUR, clock, instant, span } from './time.mjs';

/** How much is shown. */
export const SHOWN = DAY;

/** How much is asked for: a token of before may be valid yet. */
export const ASKED = 2 * DAY;

const MARKS = {
  refreshed: 'refreshed',
  adopted: 'refreshed',
  attempt_failed: 'failed',
  audience_refused: 'failed',
  rejection_passed: 'failed',
  store_failed: 'failed',
  sink_failed: 'failed',
  rolled_back: 'failed',
  recovered: 'recovered',
  store_healed: 'recovered',
  sink_healed: 'recovered',
  logged_in: 'login',
  imported: 'login',
  seeded: 'login',
  logged_out: 'login',
};

/** What a status must be for this to happen; nothing for what happens in any. */
function implied(event) {
  if (event.event === 'status') return event.to;
  if (event.event === 'refreshed' && event.for === undefined) return 'running';
  if (event.event === 'recovered' || event.event === 'logged_in' || event.event === 'imported') return 'running';
  return event.event === 'logged_out' ? 'unauthenticated' : null;
}

/**
 * Lays a day out. `events` are the journal's, oldest first; `credential` is what is true now; `left_out` says whether the journal
 * knows of more before the first. Gives `bands` ({status, start, end}), `valid` ({start, end}: spans with a valid token), and
 * `marks` ({at, kind, count}); all in milliseconds, clipped to the day.
 */
export function layout({ events, credential, left_out = 0 }, now) {
  const from = now - SHOWN;
  const timed = events
    .map((event) => ({ ...event, time: instant(event.at) }))
    .filter((event) => event.time !== null && event.time <= now)
    .sort((a, b) => a.time - b.time);
  return { from, to: now, bands: bands(timed, credential, left_out > 0, from, now), valid: valid(timed, credential, from, now), marks: marks(timed, from) };
}

function bands(timed, credential, cut, from, now) {
  const out = [];
  const first = timed.find((event) => implied(event) !== null);
  // What was before the first change stands in it; a journal that begins with a login knows of nothing before.
  let status = first?.event === 'status' ? first.from : first === undefined ? credential.status : null;
  const began = timed[0]?.time;
  // Of a journal that is quiet, what is known is since when it is as it is now.
  let start = first === undefined ? (instant(credential.since) ?? now) : cut || began <= from ? began : (first.event === 'status' ? began : first.time);
  const put = (until) => {
    const band = { status, start: Math.max(start, from), end: Math.min(until, now) };
    const last = out.at(-1);
    if (status === null || band.end <= band.start) return;
    if (last !== undefined && last.status === status && last.end === band.start) last.end = band.end;
    else out.push(band);
  };
  for (const event of timed) {
    const now_is = implied(event);
    if (now_is === null || now_is === status) continue;
    put(event.time);
    [status, start] = [now_is, event.time];
  }
  // A process that did not run wrote nothing: what is true now has been so for as long as it says.
  if (status !== credential.status && status !== null) {
    const turned = Math.max(start, Math.min(now, instant(credential.since) ?? now));
    put(turned);
    [status, start] = [credential.status, turned];
  }
  put(now);
  return out;
}

function valid(timed, credential, from, now) {
  const spans = [];
  const add = (start, end) => {
    const last = spans.at(-1);
    if (end <= start) return;
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  };
  for (const event of timed) {
    const expires = instant(event.expires_at);
    if (event.event === 'refreshed' && event.for === undefined && expires !== null) add(event.time, expires);
    // From here on that token is nobody's any more.
    const over = event.event === 'logged_out' || (event.event === 'rejected' && event.for === undefined);
    if (over && spans.length > 0) spans.at(-1).end = Math.min(spans.at(-1).end, event.time);
  }
  if (!credential.token_valid && spans.length > 0) spans.at(-1).end = Math.min(spans.at(-1).end, now);
  return spans
    .map(({ start, end }) => ({ start: Math.max(start, from), end: Math.min(end, now) }))
    .filter(({ start, end }) => end > start);
}

/** Marks nearer than this to the one before are told with it: a picture is a few hundred points wide. */
const TOGETHER = SHOWN / 240;

function marks(timed, from) {
  const out = [];
  for (const event of timed) {
    const kind = MARKS[event.event];
    if (kind === undefined || event.time < from) continue;
    const last = out.findLast((mark) => mark.kind === kind);
    if (last !== undefined && event.time - last.at < TOGETHER) {
      last.count += 1;
      last.sentence = event.sentence ?? last.sentence;
    } else out.push({ at: event.time, kind, count: 1, sentence: event.sentence ?? '' });
  }
  return out;
}

/** The whole hours to draw a line at, each `step` hours of the reader's own clock. */
export function hours(from, to, step = 6) {
  const out = [];
  const first = new Date(from);
  first.setMinutes(0, 0, 0);
  for (let at = first.getTime(); at <= to; at += HOUR) {
    const hour = new Date(at).getHours();
    if (at >= from && hour % step === 0) out.push({ at, text: `${String(hour).padStart(2, '0')}:00` });
  }
  return out;
}

/** The day in a sentence, for those who do not see the picture. */
export function told(day, now) {
  const total = (kind) => day.marks.filter((mark) => mark.kind === kind).reduce((sum, mark) => sum + mark.count, 0);
  const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;
  const parts = day.bands
    .filter((band) => band.status !== 'running')
    .map((band) => `${band.status} from ${clock(band.start, now)} for ${span(band.end - band.start)}`);
  const known = day.bands[0];
  if (known === undefined) return 'Nothing is known of the last 24 hours.';
  const whole = known.start - day.from < HOUR ? 'The last 24 hours' : `Since ${clock(known.start, now)}`;
  const state = parts.length === 0 ? `${known.status} throughout` : parts.join('; ');
  const recovered = total('recovered');
  return `${whole}: ${state}. ${count(total('refreshed'), 'refresh', 'refreshes')}, ${count(total('failed'), 'failure', 'failures')}${
    recovered > 0 ? `, ${count(recovered, 'recovery', 'recoveries')}` : ''
  }.`;
}
