import { batchText, gzip, post } from '/modules/transport.js';
import { configured, equal, holds } from './check.js';

/** @type {{ url: string, options: any }[]} */
const requests = [];

/** @param {() => Promise<Response>} answer */
async function answering(answer) {
  await configured({ host: 'https://events.test/' });
  window.fetch = (url, options) => {
    requests.push({ url: `${url}`, options });
    return answer();
  };
}

export const tests = {
  async 'a batch is the events’ own text'() {
    const batch = batchText([{ text: '{"a":1}' }, { text: '{"b":"é"}' }]);
    holds(/^\{"batch":\[\{"a":1\},\{"b":"é"\}\],"sentAt":"\d{4}-\d\d-\d\dT[\d:.]+Z"\}$/.test(batch), batch);
  },

  async 'what is compressed is what it was'() {
    const text = 'é€🚗'.repeat(10000);
    const bytes = await gzip(text);
    holds(bytes.length < 2000, `${bytes.length} bytes`);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    equal(await new Response(stream).text(), text);
  },

  async 'a browser that cannot compress sends text'() {
    delete window.CompressionStream;
    equal(await gzip('text'), undefined);
  },

  async 'text needs no preflight, compressed bytes say that they are'() {
    await answering(async () => Response.json({ accepted: 1 }, { status: 202 }));
    await post('{}');
    await post(new Uint8Array([31]));
    equal(requests.map(({ url }) => url), Array(2).fill('https://events.test/api/events/batch?writeKey=test'));
    equal(requests.map(({ options }) => options.headers), [{}, { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }]);
    for (const { options } of requests) equal([options.method, options.keepalive, options.credentials], ['POST', true, 'omit']);
  },

  async 'the answer is read, whatever it is'() {
    await answering(async () => new Response('{"code":"rate_limited"}', { status: 429, headers: { 'Retry-After': '3' } }));
    equal(await post('{}'), { status: 429, retryAfter: '3', body: { code: 'rate_limited' } });
    await answering(async () => new Response('<html>', { status: 200 }));
    equal(await post('{}'), { status: 200, retryAfter: null });
  },

  async 'a network that fails is an answer too'() {
    await answering(() => Promise.reject(new TypeError('Failed to fetch')));
    equal((await post('{}')).status, 0);
    await answering(() => {
      throw new Error('a page that has its own fetch');
    });
    equal((await post('{}')).status, 0);
  },

  async 'a body that breaks off is no answer'() {
    const stream = new ReadableStream({ start: (controller) => controller.error(new TypeError('reset')) });
    await answering(async () => new Response(stream, { status: 202 }));
    equal((await post('{}')).status, 0);
  },

  async 'a browser whose requests end with the page sends a beacon'() {
    await answering(async () => Response.json({}));
    delete Request.prototype.keepalive;
    /** @type {unknown[]} */
    const beacons = [];
    navigator.sendBeacon = (...what) => beacons.push(what) > 0;
    equal((await post('{"batch":[]}', true)).status, 0);
    equal(beacons, [['https://events.test/api/events/batch?writeKey=test', '{"batch":[]}']]);
    // While it lives it wants the answer, compressed or not.
    equal([(await post(new Uint8Array([31]))).status, (await post('{}')).status], [200, 200]);
  },
};
