import { isAllowed, setConsent } from './consent.js';
import { pageNow } from './context.js';
import { guarded } from './guard.js';
import { forgetIdentity, setUserId } from './identity.js';
import { wake } from './sender.js';
import { endSession } from './session.js';
import { optOut, track } from './tracker.js';

/** @typedef {import('./outbox.js').Done} Done */
/** @typedef {{ status: string, error?: Error & { errors?: unknown } }} Outcome */

/**
 * What pages call. Each gets its arguments without the callback, and what to call when it is done: the three that track, when the
 * service has answered.
 * @type {Record<string, (args: any[], done: Done) => void>}
 */
const calls = {
  identify([user, traits], done) {
    // The traits may stand alone: of somebody who has no id yet.
    if (user && typeof user == 'object') [user, traits] = [undefined, user];
    if ((user || user === 0) && isAllowed()) setUserId(`${user}`);
    track('identify', { traits: traits || {} }, done);
  },
  track([event, properties], done) {
    track(event, { properties: properties || {} }, done);
  },
  page([properties], done) {
    onPage();
    track('page_view', { properties: { ...pageNow(), ...properties } }, done);
  },
  reset(args, done) {
    forgetIdentity();
    endSession();
    done('done');
  },
  optIn(args, done) {
    setConsent('in');
    done('done');
  },
  optOut(args, done) {
    optOut();
    done('done');
  },
  flush(args, done) {
    wake(0);
    done('done');
  },
};

let onPage = () => {};

/**
 * What the automatic page_view must know: the page has called `page` by itself.
 * @param {() => void} work
 */
export function whenPageCalled(work) {
  onPage = work;
}

/**
 * Also those of each promise, so that calls can follow one another as they can before the script has loaded.
 * @type {Record<string, (...args: any[]) => any>}
 */
const methods = {};
for (const name in calls) methods[name] = (...args) => call(name, args);

/** @param {any} okla */
export function install(okla) {
  Object.assign(okla, methods);
}

/**
 * @param {string} name
 * @param {any[]} args
 */
export function call(name, args) {
  const promise = new Promise((resolve) => {
    const callback = args.find((argument) => typeof argument == 'function');
    const others = args.filter((argument) => argument != callback);
    guarded(calls[name])(others, (status, detail) => {
      const outcome = result(status, detail);
      resolve(outcome);
      // In its own turn: what the callback throws is the page's, and stops nothing here.
      if (callback) setTimeout(() => callback(outcome.error));
    });
  });
  return Object.assign(promise, methods);
}

/**
 * @param {string} status
 * @param {any} detail
 * @returns {Outcome}
 */
function result(status, detail) {
  if (!detail) return { status };
  const reasons = detail.map ? detail.map((/** @type {any} */ error) => `${error.path} ${error.message}`).join('; ') : detail;
  return { status, error: Object.assign(new Error(`${status}: ${reasons}`), { errors: detail }) };
}
