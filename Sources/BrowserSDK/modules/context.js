import { attempt } from './attempt.js';
import { addressCharactersMax } from './limits.js';
import { VERSION } from './version.js';

/** @typedef {{ url: string, title: string, referrer: string }} Page */

/** Where the user came from: the address before, also within a page that navigates by itself. */
let referrer = '';

/** Asked for once: it takes longer than the rest of an event. */
let timezone = '';

/** @param {string} address */
export function setReferrer(address) {
  referrer = address;
}

/**
 * The page as it is now.
 * @returns {Page}
 */
export function pageNow() {
  return { url: clip(location.href), title: clip(document.title), referrer: clip(referrer) };
}

/**
 * The first characters of what may not be a string.
 * @param {unknown} text
 * @param {number} [max]
 */
export function clip(text, max = addressCharactersMax) {
  return `${text == null ? '' : text}`.slice(0, max);
}

/** The utm parameters of the address, those that stand there. */
function campaign() {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [, name, value] of location.search.matchAll(/[?&]utm_(source|medium|campaign|term|content)=([^&]+)/g)) {
    found[name] = clip(attempt(() => decodeURIComponent(value.replace(/\+/g, ' '))) || value);
  }
  return found.source || found.medium || found.campaign ? found : undefined;
}

/**
 * Circumstances of an event; device, system and browser are the service's to find, from the user agent.
 * @param {Page} page
 */
export function context(page) {
  timezone = timezone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    page,
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    campaign: campaign(),
    library: { name: 'okla.js', version: VERSION },
  };
}
