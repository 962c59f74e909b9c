import { whenPageCalled } from '../api.js';
import { pageNow, setReferrer } from '../context.js';
import { later, listen } from '../guard.js';
import { handOver, leave, retryNow, startSender } from '../sender.js';
import { trackAutomatic } from '../tracker.js';
import { watchClicks } from './clicks.js';
import { watchErrors } from './errors.js';
import { watchForms } from './forms.js';
import { route, watchNavigation } from './navigation.js';
import { look, scrollDepth, startScroll, watchScroll } from './scroll.js';
import { countTime, duration, startStopwatch, takeTimes } from './stopwatch.js';

// A visit of a page goes: opened, viewed (once), shown and hidden, left; what was never viewed is not left either. Within a page that navigates by itself there are several.

/**
 * The page of this visit, as it was last seen.
 * @type {import('../context.js').Page}
 */
let page;
let at = '';
let isViewed = false;

/** What a page is watched for. */
export function watch() {
  whenPageCalled(() => {
    follow();
    isViewed = true;
  });
  setReferrer(document.referrer);
  watchErrors();
  watchClicks();
  watchForms();
  watchScroll();
  watchNavigation(() => {
    look();
    // The router has changed the address, and sets the title next.
    later(follow);
  });
  listen(document, 'visibilitychange', () => {
    countTime();
    if (document.hidden) {
      if (isViewed) trackVisibility();
      handOver();
    }
  });
  listen(window, 'pagehide', () => {
    look();
    closeVisit();
    leave();
  });
  listen(window, 'pageshow', ({ persisted }) => {
    if (!persisted) return;
    startSender();
    openVisit();
    view();
  });
  listen(window, 'online', retryNow);
  openVisit();
}

/** The automatic page_view, unless the page has sent its own. */
export function view() {
  page = pageNow();
  if (!isViewed) {
    // An address that was changed before it was ever seen is none of its own.
    at = route();
    trackAutomatic('page_view', { ...page });
  }
  isViewed = true;
}

/** Where the address is another one, one visit ends and the next begins. */
function follow() {
  if (document.prerendering || route() == at) return;
  if (isViewed) {
    closeVisit();
    setReferrer(page.url);
  }
  openVisit();
  // After whoever calls this has had the chance to call page().
  later(view);
}

function openVisit() {
  page = pageNow();
  at = route();
  startStopwatch();
  startScroll();
}

function closeVisit() {
  if (!isViewed) return;
  isViewed = false;
  trackVisibility();
  trackAutomatic('page_leave', { url: page.url, duration: duration(), scrollDepth: scrollDepth() }, page);
}

function trackVisibility() {
  const times = takeTimes();
  if (times.visibleTime + times.hiddenTime > 0.05) trackAutomatic('visibility', { ...times, url: page.url }, page);
}
