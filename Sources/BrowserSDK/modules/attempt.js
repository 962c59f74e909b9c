/**
 * What `work` returns; undefined where it throws: of what a browser may forbid, or of a text that may be anything.
 * @template T
 * @param {() => T} work
 * @returns {T | undefined}
 */
export function attempt(work) {
  try {
    return work();
  } catch {
    // That is the answer.
  }
}

/**
 * @param {string | null | undefined} text
 * @returns {any} undefined: it is no JSON
 */
export function parsed(text) {
  return attempt(() => JSON.parse(`${text}`));
}
