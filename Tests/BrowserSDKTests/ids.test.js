import { uuid } from '/modules/ids.js';
import { equal, holds } from './check.js';

export const tests = {
  'an id is a UUID of version 4 and no other is the same'() {
    const ids = Array.from({ length: 1000 }, uuid);
    for (const id of ids) holds(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), id);
    equal(new Set(ids).size, 1000);
  },

  'every digit that is not fixed takes every value'() {
    const seen = Array.from({ length: 36 }, () => new Set());
    for (let count = 0; count < 2000; count++) [...uuid()].forEach((digit, place) => seen[place].add(digit));
    const fixed = [8, 13, 14, 18, 19, 23];
    seen.forEach((digits, place) => equal(digits.size, fixed.includes(place) ? 1 : 16, `digits at ${place}`));
  },
};
