// Times of the page. `node --test` runs them, and a test of the repository runs that.

import assert from 'node:assert/strict';
import test from 'node:test';

import { DAY, HOUR, MINUTE, SECOND, agents_time, ahead, clock, instant, since, span, until } from '../files/time.mjs';

test('a span says what matters of it, and never more than there is', () => {
  for (const [ms, text] of [
    [0, '0 s'],
    [-5 * SECOND, '0 s'],
    [999, '0 s'],
    [59_999, '59 s'],
    [MINUTE, '1 min'],
    [9 * MINUTE + 5 * SECOND, '9 min 5 s'],
    [42 * MINUTE + 59 * SECOND, '42 min'],
    [3 * HOUR + 5 * MINUTE, '3 h 5 min'],
    [24 * HOUR - 1, '23 h 59 min'],
    [2 * DAY + 4 * HOUR, '2 d 4 h'],
  ]) assert.equal(span(ms), text);
});

test('what is promised in a time is not over sooner, and what has passed has passed', () => {
  assert.equal(until(1500, 0), '2 s');
  assert.equal(until(1000, 999), '1 s');
  assert.equal(until(0, 1000), '0 s');
  assert.equal(since(0, 1999), '1 s');
});

test('only a time is a time', () => {
  assert.equal(instant('2026-11-22T09:00:00Z'), 1_795_338_000_000);
  assert.equal(instant('2026-11-22T10:00:00+01:00'), 1_795_338_000_000);
  for (const no of [null, undefined, '', 'soon', 7, {}]) assert.equal(instant(no), null);
});

test('a clock names the day only where it is another one', () => {
  const at = new Date(2026, 10, 22, 9, 5).getTime();
  assert.equal(clock(at, at + HOUR), '09:05');
  assert.equal(clock(at, at + DAY), 'Sun 09:05');
  assert.equal(clock(at, at - 2 * DAY), 'Sun 09:05');
  assert.equal(clock(at, at + 40 * DAY), '2026-11-22 09:05');
});

test('each answer narrows how far the agent\'s clock is ahead, down to parts of a second', () => {
  const true_ahead = 12_345;
  let known = null;
  for (let here = 0; here < 10 * SECOND; here += 730) {
    const [sent, received] = [here, here + 40];
    const date = Math.floor((here + 20 + true_ahead) / SECOND) * SECOND;
    known = ahead(known, { date, sent, received });
    assert.ok(known.least <= true_ahead && true_ahead <= known.most, `${known.least} ${known.most}`);
  }
  assert.ok(known.most - known.least < 500, `${known.most - known.least} ms`);
  assert.ok(Math.abs(agents_time(0, known) - true_ahead) < 250);
});

test('a clock that was set is believed from the next answer on', () => {
  const first = ahead(null, { date: 100_000, sent: 100_000, received: 100_050 });
  const set = ahead(first, { date: 7_300_000, sent: 101_000, received: 101_050 });
  assert.ok(Math.abs(agents_time(101_025, set) - 7_300_500) <= 500);
});

test('an answer without a date, or from before it was asked, tells nothing', () => {
  assert.equal(ahead(null, { date: null, sent: 0, received: 1 }), null);
  const known = { least: 1, most: 2 };
  assert.equal(ahead(known, { date: 5000, sent: 10, received: 5 }), known);
  assert.equal(agents_time(42, null), 42);
});
