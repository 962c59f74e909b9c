import { parsed } from './attempt.js';
import { requestMilliseconds } from './limits.js';
import { settings } from './settings.js';

/** @typedef {{ status: number, retryAfter: string | null, body: any }} Answer */

/**
 * A batch as the service takes it.
 * @param {{ text: string }[]} lines
 */
export function batchText(lines) {
  return `{"batch":[${lines.map((line) => line.text)}],"sentAt":"${new Date().toISOString()}"}`;
}

/** @param {string} text @returns {Promise<Uint8Array | undefined>} undefined: this browser cannot */
export async function gzip(text) {
  try {
    const stream = new Response(text).body?.pipeThrough(new CompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    // Then it goes as it is.
  }
}

/**
 * Posts a batch, in a request that outlives the page. Text is sent so that it needs no question beforehand (a preflight).
 * @param {string | Uint8Array} body text, or what `gzip` made of it
 * @param {boolean} [isLast] the page may end now
 * @returns {Promise<Answer>} status 0: there was none. Never rejects
 */
export async function post(body, isLast) {
  const url = `${settings.host}/api/events/batch?writeKey=${encodeURIComponent(settings.key)}`;
  const isText = typeof body == 'string';
  try {
    // No answer comes back from a beacon; what was saved goes again, and the service recognises it.
    if (isLast && !('keepalive' in Request.prototype)) throw navigator.sendBeacon(url, /** @type {any} */ (body));
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: isText ? {} : { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' },
      credentials: 'omit',
      keepalive: true,
      signal: /** @type {any} */ (AbortSignal).timeout?.(requestMilliseconds),
    });
    return { status: response.status, retryAfter: response.headers.get('Retry-After'), body: parsed(await response.text()) };
  } catch {
    return { status: 0, retryAfter: null, body: null };
  }
}
