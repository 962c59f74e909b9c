/**
 * What the page has asked for: `okla.options`, set before the script loads, or the second argument of `okla.initialize`.
 * - `host`: the service's address; by default where the script comes from
 * - `autoTrack`: false for none, or `{ click: false, ... }` with the names of the events that shall not be sent by themselves
 * - `respectDoNotTrack`: false to send though the browser says Do Not Track or Global Privacy Control
 * - `debug`: tells in the console what the SDK does
 * @typedef {{ host?: string, autoTrack?: boolean | Record<string, boolean>, respectDoNotTrack?: boolean, debug?: boolean }} Options
 */

/** @type {Options & { key: string, host: string }} */
export const settings = { key: '', host: '' };

/** @param {string} key @param {Options} options */
export function configure(key, options) {
  Object.assign(settings, options, { key, host: (options.host || settings.host).replace(/\/+$/, '') });
}

/**
 * Whether events of this name are sent by themselves.
 * @param {string} event
 */
export function isAutomatic(event) {
  const { autoTrack } = settings;
  return autoTrack !== false && (/** @type {any} */ (autoTrack) || {})[event] !== false;
}
