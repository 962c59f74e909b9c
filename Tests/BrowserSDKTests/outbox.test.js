import { waitingBytesMax } from '/modules/limits.js';
import * as outbox from '/modules/outbox.js';
import { takeLosses } from '/modules/losses.js';
import { configured, equal, fillStorage, holds, saved, until } from './check.js';

/** @param {string} id @param {number} [length] */
const text = (id, length = 0) => JSON.stringify({ event: 'a', messageId: id, text: 'x'.repeat(length) });
/** @param {string[]} ids */
const putAll = (...ids) => ids.forEach((id) => equal(outbox.put(id, text(id)), undefined));
const ids = () => outbox.take(1000, 1e9).map((line) => line.id);
const stored = () => /** @type {[string]} */ (['stored']);

async function opened() {
  await configured();
  return outbox.openOutbox();
}

/** Another page's outbox: these modules loaded once more, before the same storage. @returns {Promise<typeof outbox>} */
async function another() {
  const frame = document.body.appendChild(document.createElement('iframe'));
  frame.src = '/';
  await new Promise((resolve) => (frame.onload = resolve));
  const script = frame.contentDocument.createElement('script');
  script.type = 'module';
  script.textContent = `import * as outbox from '/modules/outbox.js'; import { configure } from '/modules/settings.js';
    configure('test', { host: 'https://events.test' }); window.outbox = outbox;`;
  frame.contentDocument.body.append(script);
  await until(() => /** @type {any} */ (frame.contentWindow).outbox, 'the other page');
  return /** @type {any} */ (frame.contentWindow).outbox;
}

export const tests = {
  async 'an event waits until it is settled, in memory and in the storage'() {
    const page = await opened();
    putAll('1', '2');
    equal(saved(), [], 'before the turn ends');
    await until(() => saved().length, 'saved');
    equal(saved(), [`q.${page}.0`]);
    equal(ids(), ['1', '2']);
    outbox.settle(outbox.take(1, 1e9), stored);
    equal(ids(), ['2']);
    equal(localStorage.getItem(`okla|test|q.${page}.0`), text('2'));
    outbox.settle(outbox.take(1, 1e9), stored);
    equal(saved(), []);
    equal(outbox.idleEvents(), 0);
  },

  async 'what became of an event is told once'() {
    await opened();
    /** @type {unknown[]} */
    const told = [];
    outbox.put('1', text('1'), (...what) => told.push(what));
    const lines = outbox.take(1, 1e9);
    outbox.settle(lines, () => ['rejected', ['why']]);
    outbox.settle(lines, stored);
    equal(told, [['rejected', ['why']]]);
  },

  async 'what is in a request is not taken again before it comes back'() {
    await opened();
    putAll('1', '2', '3');
    const lines = outbox.take(2, 1e9);
    outbox.mark(lines, true);
    equal(ids(), ['3']);
    equal(outbox.idleEvents(), 1);
    holds(!outbox.areIdle(lines), 'they are idle');
    outbox.mark(lines, false);
    equal(ids(), ['1', '2', '3']);
    equal(outbox.idleEvents(), 3);
    holds(outbox.areIdle(lines), 'they are idle');
  },

  async 'a batch has no more events and bytes than it may'() {
    await opened();
    putAll('1', '2', '3', '4');
    const bytes = text('1').length + 1;
    equal(outbox.take(3, 1e9).length, 3);
    equal(outbox.take(9, 2 * bytes).length, 2);
    equal(outbox.take(9, 3 * bytes - 1).length, 2);
    equal(outbox.take(9, bytes - 1).length, 0);
  },

  async 'bytes are counted as they are sent'() {
    await opened();
    equal(outbox.byteCount('aé€🚗'), 10);
    outbox.put('1', '€'.repeat(10000));
    equal(outbox.take(9, 30000).length, 0);
    equal(outbox.take(9, 30001).length, 1);
    equal(outbox.put('2', '€'.repeat(10700)), 'too_large');
  },

  async 'it is urgent at 100 events or when a closing page could not send more'() {
    await opened();
    for (let number = 0; number < 99; number++) putAll(`${number}`);
    holds(!outbox.isUrgent(), 'not at 99');
    putAll('99');
    holds(outbox.isUrgent(), 'at 100');
    outbox.discardAll('test');
    holds(!outbox.isUrgent(), 'not at 0');
    outbox.put('a', text('a', 30000));
    holds(!outbox.isUrgent(), 'not at 30,000 bytes');
    outbox.put('b', text('b', 30000));
    holds(outbox.isUrgent(), 'at 60,000 bytes');
    outbox.mark(outbox.take(9, 1e9), true);
    holds(!outbox.isUrgent(), 'not when they are in a request');
  },

  async 'what waits is bounded, but for a report of what was lost'() {
    await opened();
    let count = 0;
    while (!outbox.put(`${count}`, text(`${count}`, 20000))) count++;
    holds(count > 200 && count * 20000 <= waitingBytesMax, `${count} events`);
    equal(outbox.put('more', text('more', 20000)), 'queue_full');
    equal(outbox.put('report', text('report', 20000), undefined, true), undefined);
    outbox.settle(outbox.take(2, 1e9), stored);
    equal(outbox.put('more', text('more', 20000)), undefined);
  },

  async 'one page keeps no more than its share of the storage'() {
    await opened();
    for (let number = 0; number < 150; number++) outbox.put(`${number}`, text(`${number}`, 20000));
    await until(() => saved().length, 'saved');
    const characters = saved().reduce((sum, name) => sum + localStorage.getItem(`okla|test|${name}`).length, 0);
    holds(characters > 900000 && characters <= 1000000, `${characters} characters`);
    equal(outbox.idleEvents(), 150);
  },

  async 'a full storage costs nothing but that it is not saved'() {
    await opened();
    fillStorage();
    const before = saved();
    putAll('1');
    outbox.save();
    equal(saved(), before);
    equal(ids(), ['1']);
    outbox.settle(outbox.take(1, 1e9), stored);
    equal(outbox.idleEvents(), 0);
  },

  async 'a page takes over what one that is gone has left'() {
    const gone = await another();
    const name = gone.openOutbox();
    gone.put('1', text('1'));
    gone.put('2', text('2'));
    gone.save();
    await opened();
    putAll('3');
    equal(outbox.strangers(), [name]);
    outbox.adopt(name);
    equal(outbox.strangers(), []);
    equal(ids(), ['3', '1', '2']);
    outbox.settle(outbox.take(9, 1e9), stored);
    equal(saved(), []);
  },

  async 'nothing is taken over twice'() {
    await opened();
    putAll('1');
    outbox.save();
    localStorage.setItem('okla|test|q.other.0', `${text('1')}\n${text('2')}`);
    outbox.adopt('other');
    equal(ids(), ['1', '2']);
    equal(localStorage.getItem('okla|test|q.other.0'), text('2'));
  },

  async 'what cannot be read is counted, and takes nothing else along'() {
    await opened();
    localStorage.setItem('okla|test|q.other.0', `${text('1')}\n{"messageId":"2","te\n\u0000\n"text"\nnull\n{"event":"a"}\n${text('3')}`);
    outbox.adopt('other');
    equal(ids(), ['1', '3']);
    equal(takeLosses(), [['unreadable', 5]]);
  },

  async 'what was handed over and never confirmed goes again within a day, and is counted after it'() {
    await opened();
    const hours = 3600000;
    const [late, early] = [Date.now() - 22 * hours, Date.now() - 24 * hours];
    localStorage.setItem('okla|test|q.other.0', `${late}${text('1')}\n${early}${text('2')}\n${text('3')}`);
    outbox.adopt('other');
    outbox.discardUnconfirmed();
    equal(ids(), ['1', '3']);
    equal(takeLosses(), [['unconfirmed', 1]]);
    equal(localStorage.getItem('okla|test|q.other.0'), `${late}${text('1')}\n${text('3')}`);
  },

  async 'what is in a request when the page ends is noted, the first time'() {
    const page = await opened();
    putAll('1', '2');
    outbox.save();
    const since = Date.now();
    const lines = outbox.take(1, 1e9);
    outbox.mark(lines, true);
    outbox.noteHandedOver();
    const [first, second] = localStorage.getItem(`okla|test|q.${page}.0`).split('\n');
    holds(Math.abs(parseInt(first) - since) < 10000, first);
    equal(first.slice(`${since}`.length), text('1'));
    equal(second, text('2'));
    const before = saved().map((name) => localStorage.getItem(`okla|test|${name}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
    outbox.noteHandedOver();
    equal(saved().map((name) => localStorage.getItem(`okla|test|${name}`)), before);
  },

  async 'a page that comes back leaves what it saved to be taken over, by whoever is first'() {
    const page = await opened();
    /** @type {string[]} */
    const told = [];
    outbox.put('1', text('1'), (status) => told.push(status));
    outbox.save();
    holds(outbox.openOutbox() != page, 'a new name');
    equal(ids(), []);
    equal(outbox.strangers(), [page]);
    outbox.adopt(page);
    equal(ids(), ['1']);
    outbox.settle(outbox.take(1, 1e9), stored);
    equal(told, ['stored']);
    equal(saved(), []);
  },

  async 'a page that ends keeps of what is not saved as much as it can hand over'() {
    await opened();
    fillStorage();
    /** @type {string[]} */
    const told = [];
    for (let number = 0; number < 10; number++) outbox.put(`${number}`, text(`${number}`, 1000), (status, why) => told.push(`${status} ${why}`));
    outbox.save();
    outbox.discardUnsaved(4500);
    equal(takeLosses(), [['not_saved', 6]]);
    equal(ids(), ['0', '1', '2', '3']);
    equal(told, Array(6).fill('discarded not_saved'));
  },

  async 'losses are saved beside the events, and taken over with them'() {
    const page = await opened();
    const { addLoss } = await import('/modules/losses.js');
    addLoss('queue_full', 3);
    outbox.save();
    equal(saved(), [`l.${page}`]);
    outbox.openOutbox();
    equal(takeLosses(), [['queue_full', 3]]);
    outbox.adopt(page);
    equal(takeLosses(), [['queue_full', 3]]);
    outbox.save();
    equal(saved(), []);
  },

  async 'who opts out leaves nothing behind'() {
    await opened();
    localStorage.setItem('okla|test|q.other.0', text('9'));
    localStorage.setItem('okla|test|l.other', '{"queue_full":1}');
    localStorage.setItem('mine', 'the page’s own');
    /** @type {unknown[]} */
    const told = [];
    outbox.put('1', text('1'), (...what) => told.push(what));
    outbox.save();
    equal(outbox.discardAll('opted_out'), 1);
    outbox.eraseSaved();
    equal(told, [['discarded', 'opted_out']]);
    equal(saved(), ['mine']);
  },
};
