import { settings } from './settings.js';
import { keep, recall } from './storage.js';

/** Whether events may be made and kept. What the user has said on this site outranks what the browser says on every site. */
export function isAllowed() {
  const said = recall('consent');
  if (said) return said == 'in';
  const asksNot = navigator.doNotTrack == '1' || navigator.globalPrivacyControl;
  return !asksNot || settings.respectDoNotTrack === false;
}

/** @param {'in' | 'out'} said */
export function setConsent(said) {
  keep('consent', said);
}
