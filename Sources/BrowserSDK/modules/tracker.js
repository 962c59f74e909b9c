import { attempt } from './attempt.js';
import { isAllowed, setConsent } from './consent.js';
import { envelope } from './envelope.js';
import { forgetIdentity } from './identity.js';
import { flushMilliseconds } from './limits.js';
import { addLoss, takeLosses } from './losses.js';
import { discardAll, eraseSaved, isUrgent, put, saveSoon } from './outbox.js';
import { refused, wake } from './sender.js';
import { endSession } from './session.js';
import { isAutomatic } from './settings.js';

/** @typedef {import('./outbox.js').Done} Done */

/**
 * Takes an event. `done` is called once, whatever becomes of it; or never, when the page ends before.
 * @param {unknown} event its name, 1 to 128 characters
 * @param {Record<string, unknown>} body `{ properties }` or `{ traits }`
 * @param {Done} [done]
 * @param {import('./context.js').Page} [page] where it happened, when not here
 */
export function track(event, body, done = () => {}, page) {
  // Who does not want to be followed is not counted either.
  if (!isAllowed()) return done('discarded', 'opted_out');
  const loss = refused() || taken(event, body, done, page);
  if (loss) {
    addLoss(loss);
    saveSoon();
    done('discarded', loss);
  }
  wake(isUrgent() ? 0 : flushMilliseconds);
}

/**
 * @param {unknown} event @param {Record<string, unknown>} body @param {Done} done @param {import('./context.js').Page} [page]
 * @returns {string | undefined} why not
 */
function taken(event, body, done, page) {
  if (typeof event != 'string' || !event || event.length > 128) return 'invalid';
  const made = attempt(() => envelope(event, body, page));
  return made ? put(made.id, made.text, done) : 'invalid';
}

/**
 * Takes an event that nobody asked for, unless the page has turned it off.
 * @param {string} event
 * @param {Record<string, unknown>} properties
 * @param {import('./context.js').Page} [page]
 */
export function trackAutomatic(event, properties, page) {
  if (isAutomatic(event)) track(event, { properties }, undefined, page);
}

/** From here on nothing is sent, kept or known of this visitor. */
export function optOut() {
  setConsent('out');
  discardAll('opted_out');
  takeLosses();
  eraseSaved();
  forgetIdentity();
  endSession();
}
