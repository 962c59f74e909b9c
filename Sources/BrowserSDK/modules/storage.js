import { attempt } from './attempt.js';
import { settings } from './settings.js';

// localStorage, which may be absent, full, or forbidden even to look at. Nothing here throws.

/**
 * What localStorage does not have: it was kept here when that could not be written, or found in a cookie by the first who asked.
 * @type {Record<string, string | undefined>}
 */
const memory = {};

/**
 * The name of something of ours among all of a site's: with the key, of which a site may have several.
 * @param {string} name
 */
export const full = (name) => `okla|${encodeURIComponent(settings.key)}|${name}`;

/** @param {string} name */
export function read(name) {
  return attempt(() => localStorage.getItem(full(name)));
}

/**
 * Whether it is written now.
 * @param {string} name
 * @param {string} value
 */
export function write(name, value) {
  return attempt(() => {
    localStorage.setItem(full(name), value);
    return true;
  });
}

/** @param {string} name */
export function remove(name) {
  attempt(() => localStorage.removeItem(full(name)));
}

/**
 * The names that stand there.
 * @returns {string[]}
 */
export function names() {
  const start = full('');
  const keys = attempt(() => Object.keys(localStorage)) || [];
  return keys.filter((key) => !key.indexOf(start)).map((key) => key.slice(start.length));
}

/**
 * @param {string} name
 * @param {string} value
 * @param {number} seconds
 */
function setCookie(name, value, seconds) {
  const secure = location.protocol == 'https:' ? ';secure' : '';
  attempt(() => (document.cookie = `${full(name)}=${encodeURIComponent(value)};path=/;max-age=${seconds};samesite=lax${secure}`));
}

/** @param {string} name */
function cookie(name) {
  return attempt(() => {
    const start = `${full(name)}=`;
    const pair = document.cookie.split('; ').find((pair) => !pair.indexOf(start));
    return pair && decodeURIComponent(pair.slice(start.length));
  });
}

/**
 * Keeps a small value for the next page: in localStorage, else in a cookie of this site.
 * @param {string} name
 * @param {string} value
 */
export function keep(name, value) {
  const isSaved = write(name, value);
  // An older value, in a storage that is full, would win over the cookie.
  if (!isSaved) remove(name);
  if (!isSaved || memory[name]) setCookie(name, value, isSaved ? 0 : 31536000);
  memory[name] = isSaved ? '' : value;
}

/**
 * What `keep` was given last, by this page or, where there is localStorage, by another.
 * @param {string} name
 */
export function recall(name) {
  // To look for a cookie takes longer than all else that an event needs.
  return read(name) || (name in memory ? memory[name] : (memory[name] = cookie(name)));
}

/** @param {string} name */
export function forget(name) {
  memory[name] = '';
  remove(name);
  setCookie(name, '', 0);
}
