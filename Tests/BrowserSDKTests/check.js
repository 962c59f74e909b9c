// What the tests of the modules say their expectations with. Each file exports `tests`: a function for each sentence, which runs in a
// page of its own, and so with modules that have just been loaded.

/** @param {unknown} actual @param {unknown} expected @param {string} [what] */
export function equal(actual, expected, what = 'value') {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is}, expected ${should}`);
}

/** @param {unknown} condition @param {string} what */
export function holds(condition, what) {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

/** Waits for a state. @param {() => unknown} condition @param {string} what */
export async function until(condition, what) {
  const end = performance.now() + 10000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`did not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Every name in this site's storage, without the prefix. */
export function saved() {
  return Object.keys(localStorage).map((name) => name.replace(/^okla\|test\|/, '')).sort();
}

/** What the modules need before they are used: the write key. */
export async function configured(options = {}) {
  const { configure } = await import('/modules/settings.js');
  configure('test', { host: 'https://events.test', ...options });
}

/** Fills localStorage but for some characters. @param {number} left */
export function fillStorage(left = 0) {
  for (let size = 1 << 22; size; size >>= 1) {
    for (let number = 0; number < 8; number++) {
      try {
        localStorage.setItem(`fill.${size}.${number}`, 'x'.repeat(size));
      } catch {
        break;
      }
    }
  }
  if (!left) return;
  localStorage.removeItem('fill.1.0');
  for (let size = 1; size <= 1 << 22; size <<= 1) {
    if (localStorage.getItem(`fill.${size}.0`) && size >= left) return localStorage.removeItem(`fill.${size}.0`);
  }
}
