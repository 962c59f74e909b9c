import { uuid } from './ids.js';
import { sessionMilliseconds } from './limits.js';
import { forget, keep, recall } from './storage.js';

/**
 * The session that an event at `now` belongs to: that of all tabs, and a new one after 30 minutes without an event.
 * @param {number} now
 */
export function sessionId(now) {
  const [id, last] = (recall('session') || '').split(' ');
  const idle = Math.abs(now - +last);
  const goesOn = idle < sessionMilliseconds;
  // Once a second is often enough to write it down.
  if (goesOn && idle < 1000) return id;
  const session = goesOn ? id : uuid();
  keep('session', `${session} ${now}`);
  return session;
}

export function endSession() {
  forget('session');
}
