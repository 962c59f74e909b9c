import { listen } from '../guard.js';
import { trackAutomatic } from '../tracker.js';
import { attribute, tracked } from './elements.js';

/** Forms with `data-track-form` that are submitted. What was typed is never looked at. */
export function watchForms() {
  listen(document, 'submit', (event) => {
    const form = tracked(event, 'data-track-form');
    if (!form) return;
    trackAutomatic('form_submit', {
      form: attribute(form, 'data-track-form'),
      formId: attribute(form, 'id'),
      action: attribute(form, 'action'),
    });
  });
}
