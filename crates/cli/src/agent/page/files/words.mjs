// The words of the page: the same signs and names as on a terminal (`renewd status`), with whole sentences around them.

import { clock, instant, since, span, until } from './time.mjs';

const SIGNS = { running: '●', auth_retrying: '◐', unauthenticated: '✗', stopped: '○' };

/** A status that this page knows; one of tomorrow is shown by its health. */
export function kind(credential) {
  if (Object.hasOwn(SIGNS, credential.status)) return credential.status;
  return { healthy: 'running', degraded: 'auth_retrying' }[credential.health] ?? 'unauthenticated';
}

/** The sign of a status. */
export function sign(credential) {
  return SIGNS[kind(credential)];
}

/** Whether somebody should look: anything but a healthy credential. */
export function is_trouble(credential) {
  return credential.health !== 'healthy' || kind(credential) !== 'running';
}

/** A request is on its way, or about to be. */
function under_way(credential) {
  return ['claiming', 'marking', 'exchanging', 'committing'].includes(credential.phase);
}

/** What there is of a token. */
export function token(credential, now) {
  const expires = instant(credential.token_expires_at);
  if (credential.token_valid && expires !== null && expires > now) return `token valid ${until(expires, now)}`;
  if (expires !== null && expires <= now) return `token expired ${since(expires, now)} ago`;
  return 'no valid token';
}

/** What happens next, and when. */
export function next(credential, now) {
  if (kind(credential) === 'stopped') return 'stopped';
  if (under_way(credential)) return kind(credential) === 'running' ? 'refreshing now' : 'trying now';
  if (credential.status === 'unauthenticated') return 'waits for a login';
  if (credential.phase === 'settling') return 'waits out a request that may still land';
  const at = instant(credential.next_attempt_at);
  if (at === null) return 'no attempt planned';
  const what = kind(credential) === 'running' && credential.phase !== 'backoff' ? 'refresh' : 'attempt';
  return at <= now ? `${what} due` : `${what} in ${until(at, now)}`;
}

const CAUSES = {
  no_grant: 'there is no login yet',
  grant_refused: 'the server refuses this login for good',
  rotation_lost: 'the newest refresh token was lost on its way',
  ceiling: 'the server could not be used for longer than the ceiling',
  refresh_token_expired: 'the refresh token has expired',
  no_refresh_token: 'the server gave no refresh token',
  logged_out: 'logged out',
  client_refused: 'the server refuses the client; the login is kept',
  outage: 'the server cannot be reached, or answers nothing usable',
  rate_limited: 'the server asked to be left alone for a while',
  store_unavailable: 'new tokens cannot be saved: the store or its key fails',
};

/** Why, in a sentence; the name of a cause that is not known here. */
export function cause(credential) {
  if (credential.cause === null || credential.cause === undefined) return null;
  return CAUSES[credential.cause] ?? credential.cause;
}

/** What a person should know of a credential in trouble, and since when. */
export function trouble(credential, now) {
  const why = cause(credential);
  const began = instant(credential.auth_retrying_since ?? credential.since);
  const for_how_long = began === null ? '' : ` Since ${clock(began, now)} (${since(began, now)}).`;
  if (credential.status === 'unauthenticated') return `A login is needed: ${why ?? 'nobody is logged in'}.${for_how_long}`;
  if (credential.status === 'auth_retrying') {
    const ceiling = instant(credential.ceiling_at);
    const gives_up = ceiling === null ? '' : ` Attempts go on until ${clock(ceiling, now)}; then a login is needed.`;
    return `The server is tried again and again: ${why ?? 'it does not answer'}.${for_how_long}${gives_up}`;
  }
  if (credential.saved === false) return `New tokens are in memory only: ${why ?? 'the store fails'}.`;
  if (credential.in_doubt) return 'An attempt may have reached the server without an answer; the next one will show.';
  return why === null ? `Not healthy.${for_how_long}` : `${why[0].toUpperCase()}${why.slice(1)}.${for_how_long}`;
}

/** What the last answer looked like: `HTTP 403 text/html`. */
export function evidence(attempt) {
  const answer = attempt.http_status === null || attempt.http_status === undefined ? 'no answer' : `HTTP ${attempt.http_status}`;
  return [answer, attempt.oauth_error ?? attempt.content_type].filter(Boolean).join(' ');
}

/** All of it in one sentence, the gravest first. */
export function summary(credentials) {
  const count = (wanted) => credentials.filter(wanted).length;
  const lost = count((c) => kind(c) === 'unauthenticated');
  const waits = count((c) => is_trouble(c) && kind(c) !== 'unauthenticated');
  const all = credentials.length;
  if (all === 0) return 'No credentials yet';
  const of_all = (n) => (all === 1 ? 'The credential' : n === all ? `All ${all} credentials` : `${n} of ${all} credentials`);
  const verb = (n, one, many) => (n === 1 ? one : many);
  if (lost > 0 && waits > 0) return `${of_all(lost)} ${verb(lost, 'needs', 'need')} a login, ${waits} ${verb(waits, 'is', 'are')} in trouble`;
  if (lost > 0) return `${of_all(lost)} ${verb(lost, 'needs', 'need')} a login`;
  if (waits > 0) return `${of_all(waits)} ${verb(waits, 'is', 'are')} in trouble`;
  return all === 1 ? 'The credential is well' : `All ${all} credentials are well`;
}

/** The worst of all as one sign, for the title: a tab in the background is seen by nothing else. */
export function title(credentials) {
  const lost = credentials.filter((c) => kind(c) === 'unauthenticated').length;
  const waits = credentials.filter((c) => is_trouble(c)).length - lost;
  if (lost > 0) return `✗ ${lost} · renewd`;
  if (waits > 0) return `◐ ${waits} · renewd`;
  return credentials.length === 0 ? 'renewd' : '● renewd';
}

/** What has changed between two looks, for those who hear the page. */
export function changes(before, after) {
  const old = new Map(before.map((c) => [c.name, c]));
  return after.flatMap((c) => {
    const was = old.get(c.name);
    if (was === undefined) return [`${c.name} is new: ${c.status}`];
    return was.status === c.status ? [] : [`${c.name}: ${was.status} → ${c.status}`];
  });
}

/** Characters that turn text around or cannot be seen are shown as what they are: a text must not pretend. */
export function plain(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `⟨${c.codePointAt(0).toString(16).padStart(4, '0')}⟩`,
  );
}

export { span };
