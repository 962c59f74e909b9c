// Every bound of the SDK. The service's own stand beside them, where there are some.

/** Events in one request: the service's BatchSize. */
export const batchEventsMax = 100;

/** Bytes of one body as sent: the service takes 32,768. */
export const bodyBytesMax = 32000;

/** Bytes of one event's JSON: the service takes 32,768, and the batch around it has some 60. */
export const eventBytesMax = bodyBytesMax - 100;

/** Bytes of one batch before it is compressed, so that compressing is short work. */
export const batchBytesMax = 200000;

/** Bytes that all of a page's requests under way may have, so that they outlive the page: browsers stop at 65,536. */
export const keepaliveBytesMax = 65000;

/** Of these, what a page that is left keeps for the report of its losses. */
export const reportBytes = 5000;

/** With so many bytes waiting the next batch goes at once: what a page that closes can still hand over. */
export const urgentBytes = 60000;

/** Milliseconds that an event waits for others. */
export const flushMilliseconds = 5000;

/** Bytes of events that wait in memory; what comes beyond is dropped, and told. */
export const waitingBytesMax = 4 << 20;

/** Characters that one page keeps in localStorage, of the 5 million or so that a site has. */
export const savedCharactersMax = 1e6;

/** Characters of one saved chunk. */
export const chunkCharactersMax = 60000;

/** Milliseconds a request may take. */
export const requestMilliseconds = 30000;

/** First and longest pause after a failure, in milliseconds. */
export const pauseMilliseconds = 1000;
export const pauseMillisecondsMax = 300000;

/** The longest that a Retry-After is believed, in milliseconds. */
export const retryAfterMillisecondsMax = 3600000;

/** Milliseconds without an event, after which a new session begins. */
export const sessionMilliseconds = 1800000;

/** Milliseconds for which the service is sure to recognise an event that it has seen: somewhat less than its Dedup.Window. */
export const recognisedMilliseconds = 23 * 3600000;

/** JavaScript errors that one page reports. */
export const errorsMax = 10;

/** Characters of an address, of a text taken from the page, of a stack. */
export const addressCharactersMax = 2048;
export const textCharactersMax = 200;
export const stackCharactersMax = 2000;
