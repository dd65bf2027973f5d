import assert from 'node:assert/strict';
import test from 'node:test';

import { DAY, HOUR, MINUTE } from '../files/time.mjs';
import { hours, layout, told } from '../files/timeline.mjs';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const ago = (hours) => new Date(NOW - hours * HOUR).toISOString();
const running = { status: 'running', since: ago(100), token_valid: true };

const status = (hours, from, to) => ({ at: ago(hours), event: 'status', from, to });
const refreshed = (hours, lifetime, more = {}) => ({ at: ago(hours), event: 'refreshed', expires_at: ago(hours - lifetime), sentence: 'token refreshed', ...more });
const failed = (hours) => ({ at: ago(hours), event: 'attempt_failed' });

/** Bands as `status from to` in hours before now. */
const bands = (day) => day.bands.map(({ status, start, end }) => `${status} ${(NOW - start) / HOUR} ${(NOW - end) / HOUR}`);

test('a quiet credential was what it is, for as long as it says', () => {
  assert.deepEqual(bands(layout({ events: [], credential: running }, NOW)), ['running 24 0']);
  assert.deepEqual(bands(layout({ events: [], credential: { ...running, since: ago(2) } }, NOW)), ['running 2 0']);
  assert.deepEqual(bands(layout({ events: [], credential: { ...running, since: null } }, NOW)), []);
});

test('an outage is a band of its own, between what was and what is', () => {
  const events = [refreshed(30, 8), status(6, 'running', 'auth_retrying'), failed(5), { at: ago(4), event: 'recovered' }, refreshed(4, 8), status(4, 'auth_retrying', 'running')];
  const day = layout({ events, credential: running }, NOW);
  assert.deepEqual(bands(day), ['running 24 6', 'auth_retrying 6 4', 'running 4 0']);
  assert.deepEqual(day.marks.map(({ kind }) => kind), ['failed', 'recovered', 'refreshed']);
});

test('what was before a journal begins is not known, and not drawn', () => {
  assert.deepEqual(bands(layout({ events: [{ at: ago(3), event: 'imported' }, refreshed(3, 8)], credential: running }, NOW)), ['running 3 0']);
  // Older lines were left out, or cut off.
  assert.deepEqual(bands(layout({ events: [failed(3), status(2, 'auth_retrying', 'running')], credential: running, left_out: 9 }, NOW)), ['auth_retrying 3 2', 'running 2 0']);
});

test('what nobody wrote down, because no agent ran, is taken from what is true now', () => {
  const lost = { status: 'unauthenticated', since: ago(1), token_valid: false };
  assert.deepEqual(bands(layout({ events: [refreshed(30, 1)], credential: lost }, NOW)), ['running 24 1', 'unauthenticated 1 0']);
});

test('the line of valid tokens joins those that overlap and leaves the gap where there was none', () => {
  const events = [refreshed(26, 4), refreshed(23, 4), refreshed(10, 2), refreshed(9.5, 20)];
  const day = layout({ events, credential: running }, NOW);
  assert.deepEqual(day.valid.map(({ start, end }) => [(NOW - start) / HOUR, (NOW - end) / HOUR]), [[24, 19], [10, 0]]);
});

test('a token for another audience is not the credential\'s own, and a logout ends what there was', () => {
  const events = [refreshed(5, 8), refreshed(4, 90, { for: 'resource https://other' }), { at: ago(2), event: 'logged_out' }];
  const day = layout({ events, credential: { status: 'unauthenticated', since: ago(2), token_valid: false } }, NOW);
  assert.deepEqual(day.valid.map(({ start, end }) => [(NOW - start) / HOUR, (NOW - end) / HOUR]), [[5, 2]]);
  assert.deepEqual(bands(day), ['running 5 2', 'unauthenticated 2 0']);
});

test('a token that a resource server refused was of no use from then on, whatever it said of its end', () => {
  const rejected = (hours, more = {}) => ({ at: ago(hours), event: 'rejected', epoch: 1, generation: 4, ...more });
  const events = [refreshed(6, 8), rejected(5, { for: 'resource https://other' }), rejected(4), failed(4), refreshed(1, 8)];
  const day = layout({ events, credential: running }, NOW);
  assert.deepEqual(day.valid.map(({ start, end }) => [(NOW - start) / HOUR, (NOW - end) / HOUR]), [[6, 4], [1, 0]]);
});

test('marks that a picture could not tell apart are one, with their number', () => {
  const events = [0, 1, 2].map((n) => ({ at: new Date(NOW - HOUR + n * MINUTE).toISOString(), event: 'attempt_failed', sentence: String(n) }));
  const day = layout({ events, credential: running }, NOW);
  assert.deepEqual(day.marks.map(({ count, sentence }) => [count, sentence]), [[3, '2']]);
});

test('events out of order, of tomorrow, unknown or without a time do no harm', () => {
  const events = [refreshed(1, 2), refreshed(3, 1), { at: 'never', event: 'refreshed' }, { at: ago(-5), event: 'status', from: 'a', to: 'b' }, { at: ago(2), event: 'teleported' }];
  const day = layout({ events, credential: running }, NOW);
  assert.equal(day.marks.length, 2);
  assert.deepEqual(bands(day), ['running 3 0']);
});

test('whatever a journal holds, bands lie in order within the day', () => {
  // A small generator of its own, so that a failure is the same failure again.
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  const names = ['running', 'auth_retrying', 'unauthenticated'];
  for (let round = 0; round < 500; round += 1) {
    const events = Array.from({ length: random(12) }, () => {
      const hours = random(600) / 10 - 2;
      const any = [status(hours, names[random(3)], names[random(3)]), refreshed(hours, random(20)), failed(hours), { at: ago(hours), event: 'logged_out' }];
      return any[random(4)];
    });
    const credential = { status: names[random(3)], since: ago(1 + random(40)), token_valid: random(2) === 0 };
    const day = layout({ events, credential, left_out: random(2) }, NOW);
    let last = NOW - DAY;
    for (const { start, end } of day.bands) {
      assert.ok(start >= last && end > start && end <= NOW, JSON.stringify({ round, bands: bands(day) }));
      last = end;
    }
    last = NOW - DAY;
    for (const { start, end } of day.valid) {
      assert.ok(start >= last && end > start && end <= NOW, JSON.stringify({ round, valid: day.valid }));
      last = end;
    }
    const now = day.bands.at(-1);
    if (now !== undefined) assert.ok(now.end === NOW && now.status === credential.status, JSON.stringify({ round, bands: bands(day), credential }));
  }
});

test('the day is told in a sentence too', () => {
  assert.equal(told(layout({ events: [], credential: running }, NOW), NOW), 'The last 24 hours: running throughout. 0 refreshes, 0 failures.');
  const events = [refreshed(30, 1), failed(6), status(6, 'running', 'auth_retrying'), { at: ago(4), event: 'recovered' }, refreshed(4, 8)];
  assert.match(told(layout({ events, credential: running }, NOW), NOW), /^The last 24 hours: auth_retrying from .* for 2 h\. 1 refresh, 1 failure, 1 recovery\.$/);
  assert.equal(told(layout({ events: [], credential: { status: 'unauthenticated', since: null } }, NOW), NOW), 'Nothing is known of the last 24 hours.');
});

test('the hours are whole ones of the reader, each sixth', () => {
  const drawn = hours(NOW - DAY, NOW);
  assert.equal(drawn.length, 4 + (new Date(NOW).getHours() % 6 === 0 ? 1 : 0));
  for (const { at, text } of drawn) assert.equal(`${String(new Date(at).getHours()).padStart(2, '0')}:00`, text);
});
