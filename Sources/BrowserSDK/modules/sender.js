import { isAllowed } from './consent.js';
import { envelope } from './envelope.js';
import { debug } from './guard.js';
import {
  batchBytesMax,
  batchEventsMax,
  bodyBytesMax,
  eventBytesMax,
  flushMilliseconds,
  keepaliveBytesMax,
  pauseMilliseconds,
  pauseMillisecondsMax,
  reportBytes,
  retryAfterMillisecondsMax,
} from './limits.js';
import { exclusively, hasLocks, own, releaseAll } from './locks.js';
import { addLoss, takeLosses } from './losses.js';
import {
  adopt,
  areIdle,
  byteCount,
  discardAll,
  discardUnconfirmed,
  discardUnsaved,
  idleEvents,
  mark,
  noteHandedOver,
  openOutbox,
  put,
  save,
  saveSoon,
  settle,
  strangers,
  take,
} from './outbox.js';
import { read, write } from './storage.js';
import { batchText, gzip, post } from './transport.js';
import { outcome, retryAfter, verdict } from './verdict.js';

/** @type {number} */
let timer = 0;
let due = 0;
let isRunning = false;
let failures = 0;
/** No request before this time of `performance.now`, which goes on when the clock is set back. */
let failedUntil = 0;
/** Nor before this one of `Date.now`, which is told to the site's other pages. */
let toldUntil = 0;
let eventsMax = batchEventsMax;
let underwayBytes = 0;
let hasAdopted = false;
/** Why the service takes nothing from this page. */
let refusal = '';

/** @returns {string} */
export function refused() {
  return refusal;
}

/** Begins, or begins anew when the page comes back from the browser's cache. */
export function startSender() {
  own(openOutbox());
  hasAdopted = false;
  if (strangers().length) wake(flushMilliseconds);
}

/**
 * Sends within so many milliseconds, or when it may.
 * @param {number} milliseconds
 */
export function wake(milliseconds) {
  const wait = Math.max(milliseconds, pause());
  const at = performance.now() + wait;
  if (timer && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(run, wait);
}

/** The network is back. */
export function retryNow() {
  failures = failedUntil = 0;
  wake(0);
}

async function run() {
  timer = 0;
  if (isRunning) return;
  isRunning = true;
  try {
    await exclusively(async () => {
      // Pages without locks look once: they cannot tell which of the others are alive.
      if (hasLocks() || !hasAdopted) for (const page of strangers()) if (await own(page)) adopt(page);
      hasAdopted = true;
      if (!isAllowed()) discardAll('opted_out');
      discardUnconfirmed();
      if (!idleEvents()) reportLosses();
      while (await sendNext());
    });
  } catch (error) {
    debug(error);
  }
  isRunning = false;
  // What is left could not be sent now, however urgent it is.
  if (idleEvents() && !refusal) wake(flushMilliseconds);
}

/** Milliseconds before anything may be sent. */
function pause() {
  const now = Date.now();
  const told = Math.max(toldUntil, +(read('until') || 0) || 0);
  // A time so far away was written by a clock that was wrong.
  return Math.max(0, failedUntil - performance.now(), told - now > retryAfterMillisecondsMax ? 0 : told - now);
}

function isBarred() {
  return refusal || navigator.onLine === false || !isAllowed();
}

/** @returns {Promise<boolean | undefined>} whether to go on */
async function sendNext() {
  if (isBarred() || pause()) return;
  const lines = take(eventsMax, batchBytesMax);
  if (!lines.length) return;
  const text = batchText(lines);
  const body = (await gzip(text)) || text;
  // The page may have been left meanwhile, and handed them over.
  if (!areIdle(lines)) return true;
  const bytes = typeof body == 'string' ? byteCount(body) : body.length;
  if (bytes > bodyBytesMax && lines.length > 1) {
    eventsMax = Math.floor((lines.length * bodyBytesMax * 0.9) / bytes) || 1;
    return true;
  }
  return deliver(lines, body, bytes);
}

/**
 * @param {import('./outbox.js').Line[]} lines @param {string | Uint8Array} body @param {number} bytes
 * @param {boolean} [isLast] the page may end now
 * @returns {Promise<boolean>} whether more may follow
 */
async function deliver(lines, body, bytes, isLast) {
  mark(lines, true);
  underwayBytes += bytes;
  const answer = await post(body, isLast);
  underwayBytes -= bytes;
  mark(lines, false);
  const { length } = lines;
  const means = verdict(answer, length);
  debug('sent', length, answer.status, means);
  if (means == 'again') {
    const wait = Math.min(pauseMilliseconds * 2 ** failures++, pauseMillisecondsMax) * (0.5 + Math.random() / 2);
    failedUntil = performance.now() + wait;
    const told = retryAfter(answer.retryAfter, Date.now());
    if (told) write('until', `${(toldUntil = Date.now() + told)}`);
    if (idleEvents()) wake(0);
    return false;
  }
  failures = 0;
  if (means == 'settled') {
    eventsMax = Math.min(batchEventsMax, eventsMax * 2);
    settle(lines, (index) => outcome(answer.body, index));
    reportLosses();
  } else if (means == 'fewer') {
    eventsMax = length >> 1;
  } else {
    const reason = `http_${answer.status}`;
    settle(lines, () => ['discarded', reason]);
    addLoss(reason, length);
    if (means == 'stop') addLoss((refusal = reason), discardAll(reason));
    saveSoon();
  }
  if (idleEvents()) wake(0);
  return true;
}

/** Puts what was lost among what waits. */
function reportLosses() {
  if (!isAllowed()) return;
  for (const [reason, count] of takeLosses()) {
    const { id, text } = envelope('okla_client_discarded', { properties: { reason, count } });
    /** @type {import('./outbox.js').Done} */
    const done = (status) => {
      if (status == 'discarded') addLoss(reason, count);
    };
    put(id, text, done, true);
  }
}

/** The page is hidden, and may never be seen again: what waits goes at once, as far as the browser lets it, and stays saved. */
export function handOver() {
  save();
  if (!isBarred()) {
    // Those that are saved can wait for the next page.
    handOverThose((line) => !line.chunk);
    if (!pause()) handOverThose(() => true);
  }
  noteHandedOver();
}

/** @param {(line: import('./outbox.js').Line) => boolean} which */
function handOverThose(which) {
  for (;;) {
    const lines = take(batchEventsMax, Math.min(keepaliveBytesMax - underwayBytes, eventBytesMax), which);
    if (!lines.length) return;
    const text = batchText(lines);
    deliver(lines, text, byteCount(text), true);
  }
}

/** The page is left: what is neither saved nor can be handed over is lost, and told of while there is time. */
export function leave() {
  save();
  discardUnsaved(isBarred() ? 0 : keepaliveBytesMax - underwayBytes - reportBytes);
  reportLosses();
  handOver();
  releaseAll();
}
