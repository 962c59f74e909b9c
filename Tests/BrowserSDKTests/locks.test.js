import { exclusively, own, releaseAll } from '/modules/locks.js';
import { configured, equal, holds, until } from './check.js';

const held = async () => (await navigator.locks.query()).held.map((lock) => lock.name);

function withoutLocks() {
  Object.defineProperty(navigator, 'locks', { value: undefined });
}

export const tests = {
  async 'the lock of a page that lives is not given'() {
    await configured();
    holds(await own('here'), 'one that nobody has');
    equal(await held(), ['okla|test|here']);
    holds(!(await own('here')), 'one that is held');
    releaseAll();
    await until(() => own('here'), 'one that was released');
  },

  async 'one works after the other'() {
    await configured();
    /** @type {string[]} */
    const order = [];
    const work = (/** @type {string} */ name) =>
      exclusively(async () => {
        order.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 10));
        order.push(`${name} ends`);
      });
    await Promise.all([work('a'), work('b')]);
    equal(order, ['a begins', 'a ends', 'b begins', 'b ends']);
    equal(await held(), []);
  },

  async 'work that fails does so once, and gives the lock back'() {
    await configured();
    let times = 0;
    const failing = exclusively(async () => {
      times++;
      throw new Error('broken');
    });
    equal(await failing.catch((error) => error.message), 'broken');
    equal(times, 1);
    equal(await held(), []);
  },

  async 'a browser without locks, or that refuses them, works as if alone'() {
    await configured();
    navigator.locks.request = () => Promise.reject(new DOMException('forbidden', 'SecurityError'));
    let times = 0;
    await exclusively(async () => void times++);
    withoutLocks();
    await exclusively(async () => void times++);
    equal(times, 2);
    holds(await own('here'), 'everything is ours');
    releaseAll();
  },
};
