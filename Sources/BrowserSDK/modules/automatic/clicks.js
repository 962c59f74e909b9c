import { clip } from '../context.js';
import { listen } from '../guard.js';
import { trackAutomatic } from '../tracker.js';
import { attribute, text, tracked } from './elements.js';

/** Clicks on what has `data-track`; each `data-track-vehicle-id="7"` of it is a property `vehicleId`. */
export function watchClicks() {
  listen(document, 'click', (event) => {
    const element = tracked(event, 'data-track');
    if (!element) return;
    /** @type {Record<string, string>} */
    const properties = {
      name: attribute(element, 'data-track'),
      element: element.localName,
      text: text(element),
      id: attribute(element, 'id'),
      href: attribute(element, 'href'),
    };
    for (const [name, value] of Object.entries(element.dataset)) {
      if (/^track[A-Z]/.test(name)) properties[name[5].toLowerCase() + name.slice(6)] = clip(value);
    }
    trackAutomatic('click', properties);
  });
}
