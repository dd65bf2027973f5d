import assert from 'node:assert/strict';
import test from 'node:test';

import { changes, evidence, is_trouble, kind, next, plain, sign, summary, title, token, trouble } from '../files/words.mjs';

const NOW = Date.parse('2026-11-22T09:00:00Z');
const at = (seconds) => new Date(NOW + seconds * 1000).toISOString();

function credential(more = {}) {
  return {
    name: 'github', status: 'running', health: 'healthy', cause: null, phase: 'fresh', epoch: 1, generation: 2, token_expires_at: at(3600),
    token_valid: true, next_attempt_at: at(2700), since: at(-60), auth_retrying_since: null, ceiling_at: null, saved: true, in_doubt: false, ...more,
  };
}

const outage = credential({ status: 'auth_retrying', health: 'degraded', cause: 'outage', phase: 'auth_retrying', next_attempt_at: at(272), auth_retrying_since: at(-1700), ceiling_at: at(7200) });
const lost = credential({ status: 'unauthenticated', health: 'unhealthy', cause: 'grant_refused', phase: 'unauthenticated', token_valid: false, token_expires_at: null, next_attempt_at: null });

test('signs and words are those of the terminal', () => {
  assert.deepEqual([credential(), outage, lost, credential({ status: 'stopped' })].map(sign), ['●', '◐', '✗', '○']);
});

test('a status of tomorrow is shown by its health, and an unknown health is no good one', () => {
  for (const [health, as] of [['healthy', 'running'], ['degraded', 'auth_retrying'], ['unhealthy', 'unauthenticated'], ['of tomorrow', 'unauthenticated']]) {
    assert.equal(kind(credential({ status: 'dreaming', health })), as);
  }
  assert.equal(kind(credential({ status: 'constructor' })), 'running');
});

test('the countdowns say what is left, and never what is over', () => {
  assert.equal(token(credential(), NOW), 'token valid 1 h');
  assert.equal(next(credential(), NOW), 'refresh in 45 min');
  assert.equal(next(outage, NOW), 'attempt in 4 min 32 s');
  assert.equal(next(outage, NOW + 300_000), 'attempt due');
  assert.equal(next(lost, NOW), 'waits for a login');
  assert.equal(token(lost, NOW), 'no valid token');
  // The agent said it was valid, and the time has come since.
  assert.equal(token(credential({ token_expires_at: at(-5) }), NOW), 'token expired 5 s ago');
  assert.equal(next(credential({ phase: 'exchanging' }), NOW), 'refreshing now');
  assert.equal(next(credential({ next_attempt_at: null }), NOW), 'no attempt planned');
});

test('trouble says why, since when and until when; good news is none', () => {
  assert.ok(!is_trouble(credential()) && is_trouble(outage) && is_trouble(lost));
  assert.ok(is_trouble(credential({ health: 'degraded' })));
  assert.match(trouble(outage, NOW), /cannot be reached.*Since \d\d:\d\d \(28 min\)\. Attempts go on until \d\d:\d\d; then a login is needed\./);
  assert.match(trouble(lost, NOW), /^A login is needed: the server refuses this login for good\./);
  assert.match(trouble(credential({ health: 'degraded', saved: false, cause: 'store_unavailable' }), NOW), /in memory only/);
  assert.match(trouble(credential({ health: 'degraded', cause: 'of_tomorrow' }), NOW), /^Of_tomorrow\./);
});

test('evidence is the status and the most telling word', () => {
  assert.equal(evidence({ http_status: 403, content_type: 'text/html', oauth_error: null }), 'HTTP 403 text/html');
  assert.equal(evidence({ http_status: 400, content_type: 'application/json', oauth_error: 'invalid_grant' }), 'HTTP 400 invalid_grant');
  assert.equal(evidence({ http_status: null, content_type: null, oauth_error: null }), 'no answer');
});

test('one sentence sums all up, the gravest first', () => {
  for (const [all, text] of [
    [[], 'No credentials yet'],
    [[credential()], 'The credential is well'],
    [[credential(), credential()], 'All 2 credentials are well'],
    [[outage], 'The credential is in trouble'],
    [[lost, credential()], '1 of 2 credentials needs a login'],
    [[lost, lost], 'All 2 credentials need a login'],
    [[lost, outage, credential()], '1 of 3 credentials needs a login, 1 is in trouble'],
  ]) assert.equal(summary(all), text);
  assert.deepEqual([[credential()], [outage], [lost, outage]].map(title), ['● renewd', '◐ 1 · renewd', '✗ 1 · renewd']);
});

test('what has changed is told once, and nothing else is', () => {
  assert.deepEqual(changes([credential()], [outage]), ['github: running → auth_retrying']);
  assert.deepEqual(changes([credential()], [credential({ generation: 3 })]), []);
  assert.deepEqual(changes([], [credential()]), ['github is new: running']);
});

test('a text that turns around or hides something shows that it does', () => {
  assert.equal(plain('a\u202eb\u0007c\u200bd\u2066'), 'a⟨202e⟩b⟨0007⟩c⟨200b⟩d⟨2066⟩');
  assert.equal(plain('<b>grün</b> 日本 👍'), '<b>grün</b> 日本 👍');
});
