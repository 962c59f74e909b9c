import { context, pageNow } from './context.js';
import { anonymousId, userId } from './identity.js';
import { uuid } from './ids.js';
import { sessionId } from './session.js';

/**
 * An event as the service takes it, with what belongs to every event.
 * @param {string} event its name
 * @param {Record<string, unknown>} body what belongs to this one: `{ properties }` or `{ traits }`
 * @param {import('./context.js').Page} [page] where it happened, when not here
 * @returns {{ id: string, text: string }} its messageId, and its JSON
 * @throws what has no JSON: a cycle, a BigInt, a getter that throws
 */
export function envelope(event, body, page = pageNow()) {
  const now = new Date();
  const id = uuid();
  const text = JSON.stringify({
    event,
    timestamp: now.toISOString(),
    messageId: id,
    context: context(page),
    userId: userId() || undefined,
    anonymousId: anonymousId(),
    sessionId: sessionId(+now),
    ...body,
  });
  return { id, text };
}
