import { clip } from '../context.js';
import { listen } from '../guard.js';
import { errorsMax, stackCharactersMax, textCharactersMax } from '../limits.js';
import { trackAutomatic } from '../tracker.js';

/**
 * What was told already.
 * @type {Set<string>}
 */
const told = new Set();

/** Errors nobody caught: each once, and some for each page. What this script does never gets here, for it is guarded. */
export function watchErrors() {
  listen(window, 'error', ({ error, message, filename, lineno, colno }) => {
    // A picture that does not load is an event of the same name.
    if (message) tell(error, message, filename, lineno, colno);
  });
  listen(window, 'unhandledrejection', ({ reason }) => tell(reason, reason && reason.message ? reason.message : reason, '', 0, 0));
}

/** @param {any} error @param {unknown} message @param {string} source @param {number} line @param {number} column */
function tell(error, message, source, line, column) {
  const { name, stack } = error || {};
  const properties = {
    message: clip(message, textCharactersMax * 2),
    type: clip(name, textCharactersMax),
    source: clip(source),
    line: line || 0,
    column: column || 0,
    stack: clip(stack, stackCharactersMax),
  };
  const mark = properties.message + properties.source + line + ':' + column;
  if (told.size >= errorsMax || told.has(mark)) return;
  told.add(mark);
  trackAutomatic('error', properties);
}
