import { forget, keep, names, read, recall, remove, write } from '/modules/storage.js';
import { anonymousId, forgetIdentity, setUserId, userId } from '/modules/identity.js';
import { endSession, sessionId } from '/modules/session.js';
import { isAllowed, setConsent } from '/modules/consent.js';
import { configured, equal, fillStorage, holds, saved } from './check.js';

/** As in a browser that forbids it: even to look is an error. */
function forbidStorage() {
  Object.defineProperty(window, 'localStorage', {
    get() {
      throw new DOMException('forbidden', 'SecurityError');
    },
  });
}

function forbidCookies() {
  Object.defineProperty(document, 'cookie', {
    get() {
      throw new DOMException('forbidden', 'SecurityError');
    },
    set() {
      throw new DOMException('forbidden', 'SecurityError');
    },
  });
}

/** @param {Record<string, unknown>} values */
function browserSays(values) {
  for (const [name, value] of Object.entries(values)) Object.defineProperty(navigator, name, { value, configurable: true });
}

export const tests = {
  async 'what is kept stands in localStorage, and in no cookie'() {
    await configured();
    keep('user', 'ana');
    equal(recall('user'), 'ana');
    equal(saved(), ['user']);
    equal(document.cookie, '');
    forget('user');
    holds(!recall('user'), 'nothing');
    equal(saved(), []);
  },

  async 'without localStorage it stands in a cookie of this site'() {
    await configured();
    forbidStorage();
    keep('user', 'ana; =né');
    equal(recall('user'), 'ana; =né');
    holds(/^okla\|test\|user=ana%3B/.test(document.cookie), document.cookie);
    forget('user');
    equal(document.cookie, '');
    holds(!recall('user'), 'nothing');
  },

  async 'without either it is known for as long as the page lives'() {
    await configured();
    forbidStorage();
    forbidCookies();
    keep('user', 'ana');
    equal(recall('user'), 'ana');
    forget('user');
    holds(!recall('user'), 'nothing');
    equal([read('a'), write('a', 'b'), remove('a'), names()], [undefined, undefined, undefined, []]);
  },

  async 'in a storage that is full the newest value wins'() {
    await configured();
    keep('user', 'ana');
    fillStorage();
    keep('user', 'a name that needs more room than there is');
    equal(recall('user'), 'a name that needs more room than there is');
  },

  async 'what another tab has kept is seen at once'() {
    await configured();
    keep('user', 'ana');
    localStorage.setItem('okla|test|user', 'eva');
    equal(userId(), 'eva');
  },

  async 'who logs out in another tab is not remembered in this one'() {
    await configured();
    keep('user', 'ana');
    localStorage.removeItem('okla|test|user');
    holds(!recall('user'), 'nobody');
  },

  async 'what a page without localStorage has kept is found by the next, and moves where there is some'() {
    await configured();
    document.cookie = 'okla|test|user=ana;path=/';
    equal(recall('user'), 'ana');
    keep('user', 'eva');
    equal([recall('user'), document.cookie, saved()], ['eva', '', ['user']]);
  },

  async 'two keys on one page know nothing of each other'() {
    await configured();
    keep('user', 'ana');
    write('q.p.0', 'x');
    const { configure } = await import('/modules/settings.js');
    configure('test.q', {});
    holds(!recall('user'), 'the other key’s user');
    equal(names(), []);
  },

  async 'the anonymous id stays, until it is reset'() {
    await configured();
    const id = anonymousId();
    equal(anonymousId(), id);
    equal(localStorage.getItem('okla|test|anonymous'), id);
    setUserId('ana');
    equal([userId(), anonymousId()], ['ana', id]);
    forgetIdentity();
    holds(!userId(), 'nobody');
    holds(anonymousId() != id, 'a new id');
  },

  async 'a session goes on for 30 minutes after its last event, and not longer'() {
    await configured();
    const minute = 60000;
    let now = Date.now();
    const id = sessionId(now);
    for (let times = 0; times < 5; times++) equal(sessionId((now += 29 * minute)), id);
    const next = sessionId((now += 30 * minute));
    holds(next != id, 'a new session');
    equal(sessionId(now + 999), next);
    endSession();
    holds(sessionId(now) != next, 'a new session after the reset');
  },

  async 'a clock that was set back by a day ends a session, as one set forward does'() {
    await configured();
    const now = Date.now();
    const id = sessionId(now);
    const back = sessionId(now - 86400000);
    holds(back != id, 'a new session');
    holds(sessionId(now) != back, 'another one');
  },

  async 'a session that cannot be read is a new one'() {
    await configured();
    for (const text of ['', 'x', 'x y', ' ', 'x NaN']) {
      localStorage.setItem('okla|test|session', text);
      holds(/^[0-9a-f-]{36}$/.test(sessionId(Date.now())), text);
    }
  },

  async 'what the browser asks for is respected, unless the site or the user says otherwise'() {
    await configured();
    holds(isAllowed(), 'as browsers are');
    browserSays({ doNotTrack: '1' });
    holds(!isAllowed(), 'Do Not Track');
    browserSays({ doNotTrack: '0', globalPrivacyControl: true });
    holds(!isAllowed(), 'Global Privacy Control');
    setConsent('in');
    holds(isAllowed(), 'the user has agreed');
    setConsent('out');
    browserSays({ globalPrivacyControl: false });
    holds(!isAllowed(), 'the user has declined');
    forget('consent');
    await configured({ respectDoNotTrack: false });
    browserSays({ globalPrivacyControl: true });
    holds(isAllowed(), 'the site does not ask');
  },
};
