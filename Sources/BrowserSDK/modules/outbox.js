import { parsed } from './attempt.js';
import { uuid } from './ids.js';
import { chunkCharactersMax, eventBytesMax, recognisedMilliseconds, savedCharactersMax, urgentBytes, waitingBytesMax, batchEventsMax } from './limits.js';
import { addLoss, adoptLosses, saveLosses } from './losses.js';
import { names, read, remove, write } from './storage.js';

// The events that wait, in memory, and in localStorage as chunks named `q.<page>.<number>`.
//
// 1. An event is here until it is settled: acknowledged, rejected, or counted as lost.
// 2. A chunk is written once, and again only to leave out what is settled or to note what was handed over; without events it is removed.
// 3. A chunk belongs to the page in its name, or, when that page is gone, to the page that holds its lock.

/**
 * What became of an event: `stored`, `duplicate`, `rejected` with the service's errors, `discarded` with the reason.
 * @typedef {(status: string, detail?: unknown) => void} Done
 *
 * - `handed`: when a page that was being left sent it without waiting for the answer, in milliseconds since 1970; 0: never
 * - `underway`: in a request that has no answer yet
 * @typedef {{ id: string, text: string, bytes: number, handed: number, underway?: boolean, chunk?: Chunk }} Line
 * @typedef {{ name: string, lines: Line[], characters: number }} Chunk
 */

/** @type {Map<string, Line>} */
const waiting = new Map();
/**
 * Not saved yet.
 * @type {Line[]}
 */
let fresh = [];
/** @type {Map<string, Done>} */
const callbacks = new Map();
/**
 * Pages whose chunks are ours.
 * @type {Set<string>}
 */
const owned = new Set();
let page = '';
let chunkCount = 0;
let waitingBytes = 0;
let idleCount = 0;
let idleBytes = 0;
let savedCharacters = 0;
let willSave = false;

/**
 * Begins a page's own chunks; what was saved under the name before is left to whoever takes it over.
 * @returns {string} its name
 */
export function openOutbox() {
  for (const line of waiting.values()) if (line.chunk) drop(line);
  owned.clear();
  savedCharacters = 0;
  page = uuid().slice(0, 8);
  owned.add(page);
  return page;
}

/**
 * @param {string} id @param {string} text the event's JSON @param {Done} [done]
 * @param {boolean} [always] takes it though there is no room: a report of losses
 * @returns {string | undefined} why it was not taken
 */
export function put(id, text, done, always) {
  const bytes = byteCount(text);
  if (bytes > eventBytesMax) return 'too_large';
  if (waitingBytes + bytes > waitingBytesMax && !always) return 'queue_full';
  if (done) callbacks.set(id, done);
  fresh.push(add({ id, text, bytes, handed: 0 }));
  saveSoon();
}

/**
 * Bytes of a text in UTF-8.
 * @param {string} text
 */
export function byteCount(text) {
  return new TextEncoder().encode(text).length;
}

/** @param {Line} line */
function add(line) {
  waiting.set(line.id, line);
  waitingBytes += line.bytes;
  idle(line, 1);
  return line;
}

/** @param {Line} line */
function drop(line) {
  waiting.delete(line.id);
  waitingBytes -= line.bytes;
  if (!line.underway) idle(line, -1);
}

/** @param {Line} line @param {1 | -1} sign */
function idle(line, sign) {
  idleCount += sign;
  idleBytes += sign * line.bytes;
}

/** Events that are in no request. */
export function idleEvents() {
  return idleCount;
}

/** Whether the next batch should not wait for its time. */
export function isUrgent() {
  return idleCount >= batchEventsMax || idleBytes >= urgentBytes;
}

/** Saves at the end of the page's own work: a thousand events in a loop are some chunks, not a thousand. */
export function saveSoon() {
  if (willSave) return;
  willSave = true;
  queueMicrotask(save);
}

export function save() {
  willSave = false;
  /** @type {Line[]} */
  let lines = [];
  let characters = 0;
  for (const line of fresh) {
    if (!waiting.has(line.id)) continue;
    if (characters + line.text.length > chunkCharactersMax) {
      saveChunk(lines);
      lines = [];
      characters = 0;
    }
    lines.push(line);
    characters += line.text.length + 1;
  }
  saveChunk(lines);
  fresh = [];
  saveLosses(page);
}

/** @param {Line[]} lines */
function saveChunk(lines) {
  const text = chunkText(lines);
  const chunk = { name: `q.${page}.${chunkCount++}`, lines, characters: text.length };
  if (!text || savedCharacters + text.length > savedCharactersMax || !write(chunk.name, text)) return;
  savedCharacters += text.length;
  for (const line of lines) line.chunk = chunk;
}

/**
 * One event a line, with the time it was handed over before it.
 * @param {Line[]} lines
 */
function chunkText(lines) {
  return lines.map((line) => (line.handed || '') + line.text).join('\n');
}

/**
 * Writes chunks again, of what is still in them.
 * @param {Set<Chunk>} chunks
 */
function rewrite(chunks) {
  for (const chunk of chunks) {
    chunk.lines = chunk.lines.filter((line) => waiting.get(line.id) == line);
    const text = chunkText(chunk.lines);
    savedCharacters += text.length - chunk.characters;
    chunk.characters = text.length;
    if (text) write(chunk.name, text);
    else remove(chunk.name);
  }
}

/** @param {Line[]} lines @returns {Set<Chunk>} */
function chunksOf(lines) {
  const chunks = new Set();
  for (const { chunk } of lines) if (chunk) chunks.add(chunk);
  return chunks;
}

/**
 * The oldest events that are in no request.
 * @param {number} countMax @param {number} bytesMax of their JSON and a comma each
 * @param {(line: Line) => unknown} [which]
 */
export function take(countMax, bytesMax, which = () => true) {
  const taken = [];
  for (const line of waiting.values()) {
    if (line.underway || !which(line)) continue;
    bytesMax -= line.bytes + 1;
    if (bytesMax < 0 || taken.length >= countMax) break;
    taken.push(line);
  }
  return taken;
}

/**
 * Whether all of them still wait for a request.
 * @param {Line[]} lines
 */
export function areIdle(lines) {
  return lines.every((line) => !line.underway && waiting.get(line.id) == line);
}

/** @param {Line[]} lines @param {boolean} underway */
export function mark(lines, underway) {
  for (const line of lines) {
    if (waiting.get(line.id) == line && !line.underway == underway) idle(line, underway ? -1 : 1);
    line.underway = underway;
  }
}

/** Notes what is in a request whose answer nobody may see. */
export function noteHandedOver() {
  const lines = [...waiting.values()].filter((line) => line.underway && !line.handed);
  for (const line of lines) line.handed = Date.now();
  rewrite(chunksOf(lines));
}

/**
 * Gives up some of those that are in no request.
 * @param {string} reason
 * @param {(line: Line) => unknown} which
 */
export function discard(reason, which) {
  const lines = take(1 / 0, 1 / 0, which);
  settle(lines, () => ['discarded', reason]);
  if (lines.length) addLoss(reason, lines.length);
}

/** What was handed over so long ago that the service, had it arrived, would not know it for the same any more. */
export function discardUnconfirmed() {
  discard('unconfirmed', (line) => line.handed && Math.abs(Date.now() - line.handed) > recognisedMilliseconds);
}

/**
 * What is not saved, of a page that ends, but for what it can still hand over.
 * @param {number} bytes how much that is
 */
export function discardUnsaved(bytes) {
  discard('not_saved', (line) => !line.chunk && (bytes -= line.bytes + 1) < 0);
}

/**
 * These are done with. Another page may have taken them over, and this one again from there: so they are known by their id.
 * @param {Line[]} lines @param {(index: number) => [status: string, detail?: unknown]} outcome
 */
export function settle(lines, outcome) {
  /** @type {Line[]} */
  const gone = [];
  lines.forEach(({ id }, index) => {
    const line = waiting.get(id);
    if (line) {
      drop(line);
      gone.push(line);
    }
    const done = callbacks.get(id);
    callbacks.delete(id);
    if (done) done(...outcome(index));
  });
  rewrite(chunksOf(gone));
}

/**
 * Everything that waits, in a request or not, is discarded.
 * @param {string} reason
 * @returns {number} how many
 */
export function discardAll(reason) {
  const lines = [...waiting.values()];
  settle(lines, () => ['discarded', reason]);
  return lines.length;
}

/** Nothing of this site's visitors stays in the storage. */
export function eraseSaved() {
  for (const name of names()) if (/^[ql]\./.test(name)) remove(name);
}

/** Pages that have left events or losses behind, and may be gone. */
export function strangers() {
  const pages = new Set(names().filter((name) => /^[ql]\./.test(name)).map((name) => name.split('.')[1]));
  return [...pages].filter((name) => !owned.has(name));
}

/**
 * Takes over what a page has left behind.
 * @param {string} from
 */
export function adopt(from) {
  owned.add(from);
  for (const name of names()) if (!name.indexOf(`q.${from}.`)) adoptChunk(name);
  adoptLosses(from);
  saveSoon();
}

/** @param {string} name */
function adoptChunk(name) {
  const text = read(name) || '';
  /** @type {Chunk} */
  const chunk = { name, lines: [], characters: text.length };
  savedCharacters += text.length;
  for (const part of text.split('\n')) {
    const start = part.indexOf('{');
    const handed = +part.slice(0, start) || 0;
    const json = part.slice(start);
    const id = (parsed(json) || {}).messageId;
    if (!id) addLoss('unreadable');
    else if (!waiting.has(id)) chunk.lines.push(add({ id, text: json, bytes: byteCount(json), handed, chunk }));
  }
  rewrite(new Set([chunk]));
}
