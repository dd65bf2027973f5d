// The page: what the feed keeps, shown; once a second, because time goes on.

import { Card, set } from './card.mjs';
import { axis } from './drawing.mjs';
import { Feed } from './feed.mjs';
import { SECOND, clock_s } from './time.mjs';
import { SHOWN } from './timeline.mjs';
import { changes, is_trouble, kind, plain, sign, summary, title } from './words.mjs';

const $ = (id) => document.getElementById(id);

/** How long a button says that it has done its work. */
const SAID = 2 * SECOND;

const cards = new Map();
const feed = new Feed(render);
let shown = null;

function render() {
  show_reach();
  if (feed.document === null) return;
  const { credentials, sinks = [] } = feed.document;
  const now = feed.now();
  set($('summary'), summary(credentials));
  document.title = feed.silent === null ? title(credentials) : '? renewd';
  document.body.classList.toggle('is-stale', feed.silent !== null);
  $('empty').hidden = credentials.length > 0;
  $('legend').hidden = credentials.length === 0;
  show_troubles(credentials);
  show_axis(credentials, now);
  show_cards(credentials, sinks, now);
  show_places();
  if (shown !== null && shown !== credentials) announce(changes(shown, credentials));
  shown = credentials;
}

/** Whether what is shown is true now. */
function show_reach() {
  const [reach, stale] = [$('reach'), $('stale')];
  const silent = feed.silent !== null;
  reach.dataset.state = silent ? 'silent' : feed.live ? 'live' : 'asking';
  set(reach, silent ? 'agent not reached' : feed.live ? 'live' : feed.document === null ? '' : 'connecting …');
  stale.hidden = !silent;
  if (!silent) return;
  const here = Date.now();
  const from_then = feed.answered === null ? '' : ` What stands below is from ${clock_s(feed.answered, here)}.`;
  set(stale, `The agent is not reached: ${feed.silent}.${from_then} It is asked again and again.`);
  if (feed.document === null) set($('summary'), 'The agent is not reached');
}

/** The way to whoever needs somebody. */
function show_troubles(credentials) {
  const list = $('troubles');
  const troubled = credentials.filter(is_trouble);
  const key = JSON.stringify(troubled.map((c) => [c.name, kind(c)]));
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.hidden = troubled.length === 0;
  list.replaceChildren(
    ...troubled.map((c) => {
      const link = document.createElement('a');
      link.href = `#credential-${encodeURIComponent(c.name)}`;
      link.dataset.status = kind(c);
      link.textContent = `${sign(c)} ${plain(c.name)}`;
      return link;
    }),
  );
}

function show_axis(credentials, now) {
  const line = $('axis');
  const hour = Math.floor(now / (30 * SECOND));
  line.hidden = credentials.length === 0;
  if (line.dataset.drawn === String(hour)) return;
  line.dataset.drawn = String(hour);
  const scale = document.createElement('div');
  scale.append(...axis(now - SHOWN, now));
  line.replaceChildren(scale);
}

function show_cards(credentials, sinks, now) {
  const list = $('cards');
  const names = new Set(credentials.map((c) => c.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.root.remove();
    cards.delete(name);
  }
  credentials.forEach((credential, at) => {
    let card = cards.get(credential.name);
    if (card === undefined) {
      card = new Card($('card'), credential.name);
      cards.set(credential.name, card);
      list.insertBefore(card.root, list.children[at] ?? null);
    }
    const own = sinks.filter((sink) => sink.credential === credential.name);
    card.update(credential, feed.histories.get(credential.name), own, now);
  });
}

/** Proxies, where the agent tells of them. */
function show_places() {
  const { version, proxies = [] } = feed.about ?? {};
  set($('about'), version ? `renewd ${plain(version)}` : '');
  const key = JSON.stringify(proxies);
  const section = $('places');
  if (section.dataset.key === key) return;
  section.dataset.key = key;
  section.hidden = proxies.length === 0;
  section.querySelector('ul').replaceChildren(
    ...proxies.map((proxy) => {
      const [item, from] = ['li', 'code'].map((name) => document.createElement(name));
      from.textContent = plain(proxy.listen);
      const to = (proxy.routes ?? []).map((route) => `${route.upstream} as ${route.credential}`).join(', ');
      item.append(from, ` → ${plain(to)}`);
      return item;
    }),
  );
}

function announce(texts) {
  if (texts.length > 0) $('announcer').textContent = texts.map(plain).join('. ');
}

async function copy(button) {
  const code = button.parentElement.querySelector('code');
  try {
    await navigator.clipboard.writeText(code.textContent);
    say(button, 'Copied');
  } catch {
    // A browser that lends no clipboard: the text is marked, and one key copies it.
    getSelection().selectAllChildren(code);
    say(button, 'Press Ctrl+C');
  }
}

function say(button, text) {
  button.textContent = text;
  announce([text]);
  setTimeout(() => set(button, 'Copy'), SAID);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button.copy');
  if (button !== null) copy(button);
});

feed.start();
setInterval(() => document.hidden || render(), SECOND);
