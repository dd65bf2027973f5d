// Draws a day as a picture: a band for the status, a thin line below it while there was a valid token, marks for what happened.

import { clock } from './time.mjs';
import { hours, told } from './timeline.mjs';

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** The picture's own units. Its width is stretched; marks keep theirs by lines that do not scale. */
const WIDTH = 1440;
const HEIGHT = 30;
const BAND = { y: 7, height: 13 };
/** All is well is drawn slimmer than trouble. */
const WELL = { y: 9, height: 9 };
const VALID = { y: 22, height: 3 };

function element(name, attributes, children = []) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

function hint(text) {
  const title = element('title', {});
  title.textContent = text;
  return title;
}

/** A day that `layout` has laid out. */
export function drawing(day, now) {
  const x = (at) => Math.round((((at - day.from) / (day.to - day.from)) * WIDTH) * 10) / 10;
  const picture = element('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': told(day, now) });
  picture.append(element('rect', { class: 'ground', x: 0, y: WELL.y, width: WIDTH, height: WELL.height }));
  for (const { at } of hours(day.from, day.to)) {
    picture.append(element('line', { class: 'hour', x1: x(at), x2: x(at), y1: 2, y2: HEIGHT - 3 }));
  }
  for (const { status, start, end } of day.bands) {
    const { y, height } = status === 'running' ? WELL : BAND;
    const text = `${status}, ${clock(start, now)} to ${end >= now ? 'now' : clock(end, now)}`;
    picture.append(element('rect', { class: 'band', 'data-status': status, x: x(start), y, width: Math.max(2, x(end) - x(start)), height }, [hint(text)]));
  }
  for (const { start, end } of day.valid) {
    picture.append(element('rect', { class: 'valid', x: x(start), y: VALID.y, width: Math.max(2, x(end) - x(start)), height: VALID.height }, [hint(`a valid token from ${clock(start, now)} to ${end >= now ? 'now' : clock(end, now)}`)]));
  }
  for (const mark of day.marks) picture.append(drawn(mark, x(mark.at), now));
  return picture;
}

/** Each kind by its place and length, not by its colour alone. */
const LINES = { refreshed: [WELL.y + 1, WELL.y + WELL.height - 1], failed: [BAND.y - 5, BAND.y + BAND.height / 2], recovered: [BAND.y - 5, BAND.y + BAND.height + 4], login: [BAND.y - 5, BAND.y + BAND.height + 4] };

function drawn(mark, x, now) {
  const [y1, y2] = LINES[mark.kind];
  const often = mark.count > 1 ? ` (${mark.count} together)` : '';
  return element('line', { class: `mark ${mark.kind}`, x1: x, x2: x, y1, y2 }, [hint(`${clock(mark.at, now)}: ${mark.sentence || mark.kind}${often}`)]);
}

/** The hours above all pictures. */
export function axis(from, to) {
  return [...hours(from, to).map(({ at, text }) => tick((at - from) / (to - from), text)), tick(1, 'now')];
}

function tick(place, text) {
  const made = document.createElement('span');
  made.textContent = text;
  made.style.setProperty('--place', String(place));
  // One that would touch "now" says nothing more.
  made.hidden = place < 1 && place > 0.95;
  if (place === 1) made.className = 'now';
  return made;
}
