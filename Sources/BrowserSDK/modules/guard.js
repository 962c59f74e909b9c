import { settings } from './settings.js';

/**
 * Tells the page's developer something, where `okla.debug` asks for it. Otherwise the console stays clean.
 * @param {unknown[]} what
 */
export function debug(...what) {
  if (settings.debug) console.log('[okla]', ...what);
}

/**
 * `work`, which never throws into the page.
 * @template {unknown[]} A @template R
 * @param {(...args: A) => R} work
 * @returns {(...args: A) => R | undefined}
 */
export function guarded(work) {
  return (...args) => {
    try {
      return work(...args);
    } catch (error) {
      debug(error);
    }
  };
}

/**
 * Calls `work` on each `type` of event of `target`, and never throws from there.
 * @param {EventTarget} target @param {string} type @param {(event: any) => void} work
 */
export function listen(target, type, work) {
  // Capturing: what the page stops on its way is seen all the same.
  target.addEventListener(type, guarded(work), true);
}

/**
 * Calls `work` in a task of its own, and never throws from there.
 * @param {() => void} work
 * @param {number} [milliseconds]
 */
export function later(work, milliseconds) {
  setTimeout(guarded(work), milliseconds);
}
