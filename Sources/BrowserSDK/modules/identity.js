import { uuid } from './ids.js';
import { forget, keep, recall } from './storage.js';

/** The id of this browser, made when it is first asked for. */
export function anonymousId() {
  let id = recall('anonymous');
  if (!id) keep('anonymous', (id = uuid()));
  return id;
}

/** The id of the user who is logged in. */
export function userId() {
  return recall('user');
}

/** @param {string} id */
export function setUserId(id) {
  keep('user', id);
}

/** Nobody is logged in; and who comes next is not who was here. */
export function forgetIdentity() {
  forget('user');
  forget('anonymous');
}
