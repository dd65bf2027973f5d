// What the agent says: its credentials, again and again and at each event; their journals; and whether it can be reached at all.

import { HOUR, MINUTE, SECOND, ahead, agents_time, instant } from './time.mjs';
import { ASKED } from './timeline.mjs';

/** Between two looks, where nothing happens. Events come at once. */
const LOOK = 10 * SECOND;

/** The same where nobody looks at the page: its title alone is seen. */
const LOOK_HIDDEN = MINUTE;

/** An agent next door that takes longer is not there. */
const PATIENCE = 5 * SECOND;

/** Events that come together are one look. */
const TOGETHER = 100;

/** The journal is written a moment after the event was sent. */
const WRITTEN = 600;

/** Journals that are asked for at the same time: others want the agent as well. */
const AT_A_TIME = 3;

/** More than two days of an outage with an attempt each five minutes. */
const EVENTS_MAX = 2000;

/** Every kind of event after which something may look different. Others are seen at the next look. */
const KINDS = [
  'status', 'refreshed', 'attempt_failed', 'audience_refused', 'recovered', 'adopted', 'rolled_back', 'rejected', 'rejection_passed', 'advice',
  'store', 'store_failed', 'store_healed', 'login', 'logged_in', 'imported', 'logged_out', 'login_needed', 'rekeyed', 'seeded',
  'sink', 'sink_failed', 'sink_healed', 'sink_removed', 'credentials', 'reloaded', 'agent',
];

/** Follows the agent and keeps what it says. `changed` is called whenever there is something new to see. */
export class Feed {
  constructor(changed) {
    this.changed = changed;
    /** The newest document of all credentials; null before the first. */
    this.document = null;
    /** Of each credential its journal: {events, left_out}. */
    this.histories = new Map();
    /** The agent itself: version, proxies. */
    this.about = null;
    /** When it answered last, by this clock; null if never. */
    this.answered = null;
    /** Why it does not answer now; null while it does. */
    this.silent = null;
    /** How far its clock is ahead. */
    this.clock = null;
    this.live = false;
    this.wanted = new Set();
    this.reading = 0;
  }

  /** The agent's time now; while it is silent, its time when it spoke last: nothing goes on that nobody sees. */
  now() {
    const here = this.silent !== null && this.answered !== null ? this.answered : Date.now();
    return agents_time(here, this.clock);
  }

  start() {
    document.addEventListener('visibilitychange', () => this.seen());
    // A page that was kept aside and comes back has missed everything.
    addEventListener('pageshow', (event) => event.persisted && this.seen());
    this.seen();
  }

  /** A browser lends one server six connections for all its tabs: one that nobody looks at listens to nothing. */
  seen() {
    if (document.hidden) this.hang_up();
    else this.listen();
    this.look();
  }

  hang_up() {
    this.source?.close();
    this.source = undefined;
    this.live = false;
  }

  listen() {
    if (this.source !== undefined && this.source.readyState !== EventSource.CLOSED) return;
    this.source = new EventSource('v1/events');
    this.source.addEventListener('open', () => this.began());
    for (const kind of ['begin', 'missed']) this.source.addEventListener(kind, () => this.began());
    for (const kind of KINDS) this.source.addEventListener(kind, (event) => this.happened(event));
    this.source.addEventListener('error', () => {
      this.live = false;
      this.soon(TOGETHER);
    });
  }

  /** From here on nothing is missed; what was before is asked for. */
  began() {
    this.live = true;
    this.histories_again();
    this.soon(0);
  }

  happened(event) {
    const name = read(event.data)?.credential;
    if (typeof name === 'string') setTimeout(() => this.want(name), WRITTEN);
    this.soon(TOGETHER);
  }

  soon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), wait);
  }

  async look() {
    clearTimeout(this.timer);
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    try {
      const document = await this.ask('v1/credentials');
      const known = new Set((this.document?.credentials ?? []).map((c) => c.name));
      const was_silent = this.silent !== null;
      this.document = document;
      this.silent = null;
      for (const { name } of document.credentials) if (!known.has(name) || was_silent) this.want(name);
      if (was_silent || this.about === null) this.ask_about();
      if (!globalThis.document.hidden) this.listen();
    } catch (error) {
      this.live = false;
      this.silent = reason(error);
    }
    this.looking = false;
    this.changed();
    this.soon(this.again ? 0 : globalThis.document.hidden ? LOOK_HIDDEN : LOOK);
    this.again = false;
  }

  /** Older agents say nothing of themselves. */
  async ask_about() {
    try {
      this.about = await this.ask('v1/agent');
    } catch {
      this.about ??= {};
    }
    this.changed();
  }

  async ask(what) {
    const sent = Date.now();
    const answer = await fetch(what, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    const received = Date.now();
    if (!answer.ok) throw new Refused(answer.status);
    const document = await answer.json();
    this.clock = ahead(this.clock, { date: instant_of(answer.headers.get('date')), sent, received });
    this.answered = received;
    return document;
  }

  histories_again() {
    for (const { name } of this.document?.credentials ?? []) this.want(name);
  }

  want(name) {
    this.wanted.add(name);
    this.read_on();
  }

  async read_on() {
    while (this.wanted.size > 0 && this.reading < AT_A_TIME) {
      const [name] = this.wanted;
      this.wanted.delete(name);
      this.reading += 1;
      this.read(name).finally(() => {
        this.reading -= 1;
        this.read_on();
      });
    }
  }

  async read(name) {
    // A whole hour: the same question is asked again and again.
    const since = new Date(Math.floor((this.now() - ASKED) / HOUR) * HOUR).toISOString().replace('.000', '');
    try {
      const { events, left_out } = await this.ask(`v1/credentials/${encodeURIComponent(name)}/history?since=${encodeURIComponent(since)}&limit=${EVENTS_MAX}`);
      this.histories.set(name, { events, left_out: left_out ?? 0 });
      this.changed();
    } catch {
      // Without a journal the rest is worth as much; whether the agent is there, the next look says.
    }
  }
}

class Refused extends Error {
  constructor(status) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

function reason(error) {
  if (error instanceof Refused && error.status === 403) return 'it does not show this page to you: ask for its address with renewd status';
  if (error instanceof Refused) return `it answered HTTP ${error.status}`;
  return error.name === 'TimeoutError' ? `it did not answer within ${PATIENCE / SECOND} s` : 'nobody answers at this address';
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `Date` is written as RFC 9110 §5.6.7 wants it, which is read as any other time. */
function instant_of(text) {
  return text === null ? null : instant(text);
}
