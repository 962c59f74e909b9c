import { view, watch } from './automatic/watcher.js';
import { call, install } from './api.js';
import { guarded, later, listen } from './guard.js';
import { startSender } from './sender.js';
import { configure, settings } from './settings.js';
import { VERSION } from './version.js';

// The one script a page loads. The snippet has left `window.okla`, an array of the calls made so far, and the key in it.

const okla = (window.okla = window.okla || []);
// A page that has the script twice has it once.
if (!okla.initialize) guarded(begin)();

function begin() {
  const { src } = /** @type {HTMLScriptElement} */ (document.currentScript) || {};
  settings.host = new URL(src || location.href).origin;
  okla.VERSION = VERSION;
  okla.initialize = guarded(initialize);
  if (okla.WRITE_KEY) okla.initialize(okla.WRITE_KEY);
}

/** @param {string} key @param {import('./settings.js').Options} [options] */
function initialize(key, options) {
  if (settings.key) return okla;
  if (!key) throw new Error('initialize needs the write key');
  configure(`${key}`, { debug: okla.debug, ...okla.options, ...options });
  startSender();
  guarded(watch)();
  const before = okla.splice(0);
  const perform = guarded((/** @type {any[]} */ [name, ...args]) => call(name, args));
  // Who has kept the snippet's own methods calls this.
  okla.push = (/** @type {any[][]} */ ...calls) => calls.forEach(perform);
  install(okla);
  before.forEach(perform);
  // A page that is rendered before anybody asks for it is seen later, or never.
  if (document.prerendering) listen(document, 'prerenderingchange', view);
  // In a task of its own: the first event of a page takes the longest.
  else later(view);
  return okla;
}
