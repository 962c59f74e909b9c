import { clip } from '../context.js';
import { textCharactersMax } from '../limits.js';

/**
 * The element that an event happened in, or the one around it, that has the attribute; also within a component's shadow.
 * @param {Event} event
 * @param {string} attribute
 * @returns {HTMLElement | undefined}
 */
export function tracked(event, attribute) {
  const path = /** @type {HTMLElement[]} */ (event.composedPath());
  return path.find((node) => node.hasAttribute && node.hasAttribute(attribute));
}

/**
 * An attribute as it is written: a form's properties may be its fields.
 * @param {Element} element
 * @param {string} name
 */
export function attribute(element, name) {
  return clip(element.getAttribute(name));
}

/**
 * The text one can see of an element, in one line.
 * @param {Element} element
 */
export function text(element) {
  return clip(clip(element.textContent).replace(/\s+/g, ' ').trim(), textCharactersMax);
}
