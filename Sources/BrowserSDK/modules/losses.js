import { parsed } from './attempt.js';
import { debug } from './guard.js';
import { read, remove, write } from './storage.js';

// How many events could not be kept or sent, by reason, until a report of it is itself an event that waits.

/** @type {Record<string, number>} */
let counts = {};
let isSaved = true;

/** @param {string} reason @param {number} [count] */
export function addLoss(reason, count = 1) {
  counts[reason] = (counts[reason] || 0) + count;
  isSaved = false;
  debug('discarded', reason, count);
}

/**
 * Saves what changed, beside the events of `page`.
 * @param {string} page
 */
export function saveLosses(page) {
  if (isSaved) return;
  isSaved = true;
  if (Object.keys(counts).length) write(`l.${page}`, JSON.stringify(counts));
  else remove(`l.${page}`);
}

/**
 * Takes over what a page that is gone has lost.
 * @param {string} page
 */
export function adoptLosses(page) {
  for (const [reason, count] of Object.entries(parsed(read(`l.${page}`)) || {})) if (count > 0) addLoss(reason, count);
  remove(`l.${page}`);
}

/**
 * Takes all there is, for a report.
 * @returns {[reason: string, count: number][]}
 */
export function takeLosses() {
  const taken = Object.entries(counts);
  counts = {};
  isSaved = false;
  return taken;
}
