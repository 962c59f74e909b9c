import { attempt } from './attempt.js';
import { full } from './storage.js';

// Web Locks, where the browser has them: pages served in the clear have none, and then every page acts as if it were alone. The
// service recognises what two of them send, so that is more traffic, and nothing twice.

/**
 * What gives back the locks this page holds.
 * @type {(() => void)[]}
 */
let releases = [];

/** Whether there are any here. */
export const hasLocks = () => attempt(() => navigator.locks);

/**
 * Takes the lock of a page until this one is left: its own, or one of a page that is gone.
 * @param {string} page
 * @returns {Promise<boolean>} whether it is ours; false: the page is alive
 */
export async function own(page) {
  try {
    return await new Promise((resolve, reject) => {
      navigator.locks
        .request(full(page), { ifAvailable: true }, (lock) => {
          resolve(!!lock);
          return lock && new Promise((release) => releases.push(() => release(0)));
        })
        .catch(reject);
    });
  } catch {
    return true;
  }
}

/** A page that may come back from the browser's cache must hold none while it is in there. */
export function releaseAll() {
  for (const release of releases) release();
  releases = [];
}

/**
 * Runs `work` while no other page of the site runs its own.
 * @param {() => Promise<void>} work
 */
export async function exclusively(work) {
  let began = false;
  try {
    await navigator.locks.request(full('send'), () => ((began = true), work()));
  } catch (error) {
    if (began) throw error;
    await work();
  }
}
