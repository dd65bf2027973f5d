// One credential: a row for everybody, what is wrong where something is, and everything that is known for who asks.

import { drawing } from './drawing.mjs';
import { clock, instant, since } from './time.mjs';
import { layout, told } from './timeline.mjs';
import { evidence, is_trouble, kind, next, plain, sign, token, trouble } from './words.mjs';

/** Events that are listed; `renewd history` has them all. */
const LISTED = 40;

/** A picture a point wider each minute needs no new drawing each second. */
const DRAWN_EVERY = 30_000;

/** Sets a text where it is another: what did not change is not touched, and not read out again. */
export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

export class Card {
  constructor(template, name) {
    this.root = template.content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.root.querySelector(selector);
    this.name = name;
    this.root.id = `credential-${name}`;
    this.find('.name').textContent = plain(name);
    this.find('.name').title = plain(name);
    const [toggle, details] = [this.find('.toggle'), this.find('.details')];
    details.id = `details-${name}`;
    toggle.setAttribute('aria-controls', details.id);
    toggle.addEventListener('click', () => this.open(toggle.getAttribute('aria-expanded') !== 'true'));
  }

  open(wanted) {
    this.find('.toggle').setAttribute('aria-expanded', String(wanted));
    show(this.find('.details'), wanted);
    this.root.classList.toggle('open', wanted);
  }

  /** Shows it as it is now. */
  update(credential, history, sinks, now) {
    this.root.dataset.status = kind(credential);
    this.root.dataset.health = credential.health;
    set(this.find('.sign'), sign(credential));
    set(this.find('.word'), plain(credential.status));
    set(this.find('.token'), token(credential, now));
    this.find('.token').classList.toggle('none', !credential.token_valid);
    set(this.find('.next'), next(credential, now));
    this.show_trouble(credential, sinks, now);
    this.draw(credential, history, now);
    this.show_facts(credential, sinks, now);
  }

  show_trouble(credential, sinks, now) {
    const failing = sinks.filter((sink) => sink.state === 'failing' && sink.message);
    const troubled = is_trouble(credential);
    show(this.find('.trouble'), troubled || failing.length > 0 || Boolean(credential.advice));
    set(this.find('.why'), troubled ? trouble(credential, now) : '');
    const last = credential.last_attempt;
    const failed = troubled && last && last.verdict !== 'success';
    const at = failed ? instant(last.at) : null;
    show(this.find('.evidence'), Boolean(failed));
    if (failed) {
      const parts = [`Last answer: ${plain(evidence(last))}`, at === null ? null : `${since(at, now)} ago`, last.rule ? `rule ${plain(last.rule)}` : null];
      set(this.find('.evidence'), parts.filter(Boolean).join(' · '));
    }
    this.optional('.message', failed ? last.message : null);
    const advice = [credential.advice, ...failing.map((sink) => `Token file ${sink.path}: ${sink.message}`)].filter(Boolean);
    this.optional('.advice', advice.length === 0 ? null : `Advice: ${advice.join(' · ')}`);
    show(this.find('.command'), Boolean(credential.login_command));
    if (credential.login_command) set(this.find('.command code'), plain(credential.login_command));
  }

  optional(selector, text) {
    const element = this.find(selector);
    show(element, Boolean(text));
    if (text) set(element, plain(text));
  }

  draw(credential, history, now) {
    const key = history === undefined ? null : `${credential.status}|${credential.since}|${credential.token_valid}`;
    const fresh = key === this.drawn?.key && history === this.drawn?.history && now - this.drawn.at < DRAWN_EVERY && now >= this.drawn.at;
    if (key === null || fresh) return;
    this.drawn = { key, history, at: now };
    const day = layout({ ...history, credential }, now);
    this.find('.day').replaceChildren(drawing(day, now));
    set(this.find('.told'), told(day, now));
    this.list(history, now);
  }

  list(history, now) {
    const newest = history.events.slice(-LISTED).reverse();
    const items = newest.map((event) => {
      const [item, time, text] = ['li', 'time', 'span'].map((name) => document.createElement(name));
      const at = instant(event.at);
      time.dateTime = event.at;
      time.textContent = at === null ? plain(event.at) : clock(at, now);
      text.textContent = plain(event.sentence ?? event.event);
      text.dir = 'auto';
      item.dataset.tone = event.tone ?? 'plain';
      item.append(time, text);
      return item;
    });
    this.find('.events').replaceChildren(...items);
  }

  show_facts(credential, sinks, now) {
    const c = credential;
    const time = (text) => {
      const at = instant(text);
      return at === null ? null : `${clock(at, now)} (${at <= now ? `${since(at, now)} ago` : `in ${since(now, at)}`})`;
    };
    const last = c.last_attempt;
    const facts = [
      ['health', c.health],
      ['phase', c.phase],
      [`${c.status} since`, time(c.since)],
      ['token until', time(c.token_expires_at)],
      ['next attempt', time(c.next_attempt_at)],
      ['gives up', time(c.ceiling_at)],
      ['last attempt', last ? [last.verdict, evidence(last), time(last.at)].filter(Boolean).join(', ') : null],
      ['refreshes', String(c.refreshes)],
      ['rejections', String(c.rejections)],
      ['login', `epoch ${c.epoch}, generation ${c.generation}`],
      ['saved', c.saved ? null : 'no: in memory only'],
      ...sinks.map((sink) => ['token file', [sink.path, sink.state, sink.message].filter(Boolean).join(', ')]),
    ].filter(([, value]) => value !== null && value !== undefined);
    const list = this.find('.facts');
    if (list.children.length !== facts.length) list.replaceChildren(...facts.map(pair));
    facts.forEach(([name, value], at) => {
      set(list.children[at].firstElementChild, plain(name));
      set(list.children[at].lastElementChild, plain(value));
    });
  }
}

function pair() {
  const [pair, term, value] = ['div', 'dt', 'dd'].map((name) => document.createElement(name));
  pair.append(term, value);
  return pair;
}
