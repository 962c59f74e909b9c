import { retryAfterMillisecondsMax } from './limits.js';

/**
 * What an answer means for the events of its request.
 * - `settled`: each has an outcome
 * - `again`: nobody knows; the same events later
 * - `fewer`: too many for one request
 * - `drop`: the service will never take these
 * - `stop`: it takes nothing from this page
 * @typedef {'settled' | 'again' | 'fewer' | 'drop' | 'stop'} Verdict
 */

/** @param {import('./transport.js').Answer} answer @param {number} count of events in the request @returns {Verdict} */
export function verdict({ status, body }, count) {
  // Whatever else stands in the way of a network answers with a page of its own, and 200.
  if ([200, 202, 422].includes(status)) return body && body.accepted >= 0 ? 'settled' : 'again';
  if (status == 401 || status == 403) return 'stop';
  if (count > 1 && (status == 413 || (body && body.code == 'too_many_events'))) return 'fewer';
  return status >= 400 && status < 500 && status != 408 && status != 429 ? 'drop' : 'again';
}

/**
 * What became of event `index` of a settled request.
 * @param {any} body @param {number} index @returns {[status: string, errors?: unknown]}
 */
export function outcome(body, index) {
  const result = (body.results || []).find((/** @type {any} */ result) => result.index == index) || { status: 'stored' };
  return [result.status, result.errors];
}

/**
 * Retry-After, seconds or a date, in milliseconds; 0 without one.
 * @param {string | null} value
 * @param {number} now
 */
export function retryAfter(value, now) {
  const milliseconds = value ? (isNaN(+value) ? Date.parse(value) - now : +value * 1000) : 0;
  return milliseconds > 0 ? Math.min(milliseconds, retryAfterMillisecondsMax) : 0;
}
