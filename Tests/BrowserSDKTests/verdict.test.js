import { outcome, retryAfter, verdict } from '/modules/verdict.js';
import { equal } from './check.js';

const taken = { accepted: 2, duplicates: 0, rejected: 0, results: [] };
/** @param {number} status @param {any} body @param {number} [count] */
const means = (status, body, count = 2) => verdict({ status, body, retryAfter: null }, count);

export const tests = {
  'an answer of the service settles its events'() {
    for (const status of [200, 202, 422]) equal(means(status, taken), 'settled', `${status}`);
    equal(means(202, { ...taken, accepted: 0 }), 'settled');
  },

  'a page that something else answers with settles nothing'() {
    equal(means(200, undefined), 'again');
    equal(means(202, null), 'again');
    equal(means(200, { login: true }), 'again');
    equal(means(200, 'text'), 'again');
    equal(means(302, taken), 'again');
  },

  'what may pass is tried again'() {
    for (const status of [0, 408, 429, 500, 502, 503, 504]) equal(means(status, null), 'again', `${status}`);
  },

  'any other 4xx never is'() {
    for (const status of [400, 404, 405, 410, 415]) equal(means(status, { code: 'invalid_json' }), 'drop', `${status}`);
  },

  'a key that is refused ends it'() {
    equal(means(401, null), 'stop');
    equal(means(403, { code: 'origin_not_allowed' }), 'stop');
  },

  'too much for one request goes in smaller ones until it is one event'() {
    equal(means(413, null, 2), 'fewer');
    equal(means(400, { code: 'too_many_events' }, 100), 'fewer');
    equal(means(413, null, 1), 'drop');
    equal(means(400, { code: 'too_many_events' }, 1), 'drop');
  },

  'an event is stored unless the answer says something else of it'() {
    const body = { ...taken, results: [{ index: 1, status: 'rejected', errors: [{ path: '/a' }] }, { index: 3, status: 'duplicate' }] };
    equal(outcome(body, 0), ['stored', undefined]);
    equal(outcome(body, 1), ['rejected', [{ path: '/a' }]]);
    equal(outcome(body, 3)[0], 'duplicate');
    equal(outcome({ accepted: 1 }, 0)[0], 'stored');
  },

  'Retry-After is seconds or a date, and an hour at most'() {
    const now = Date.parse('2026-01-21T10:00:00Z');
    equal(retryAfter('7', now), 7000);
    equal(retryAfter('Wed, 21 Jan 2026 10:00:30 GMT', now), 30000);
    equal(retryAfter('Wed, 21 Jan 2026 09:00:00 GMT', now), 0);
    equal(retryAfter('86400', now), 3600000);
    for (const nothing of [null, '', '0', '-5', 'soon']) equal(retryAfter(nothing, now), 0, `${nothing}`);
  },
};
