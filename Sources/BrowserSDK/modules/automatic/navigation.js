import { guarded, listen } from '../guard.js';

/** The address without what only points into the page; an application that keeps its routes there has them read. */
export function route() {
  const { href, hash } = location;
  return /^#[/!]/.test(hash) ? href : href.split('#')[0];
}

/**
 * Calls `work` after the address may have changed without a new page. Browsers without the Navigation API have `pushState` and
 * `replaceState` wrapped, which do what they did.
 * @param {() => void} work
 */
export function watchNavigation(work) {
  const { navigation, Navigation } = window;
  // A page's own variable may have the name.
  if (Navigation && navigation instanceof Navigation) return listen(/** @type {any} */ (navigation), 'currententrychange', work);
  listen(window, 'popstate', work);
  listen(window, 'hashchange', work);
  for (const name of /** @type {const} */ (['pushState', 'replaceState'])) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      guarded(work)();
    };
  }
}
