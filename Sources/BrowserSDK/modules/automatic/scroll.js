import { later, listen } from '../guard.js';
import { pageNow } from '../context.js';
import { trackAutomatic } from '../tracker.js';

let deepest = 0;
let isPlanned = false;

/** A page is opened now; what was planned for the one before is off. */
export function startScroll() {
  deepest = 0;
  isPlanned = false;
}

/** The deepest point that was seen, in percent of the page's height. */
export function scrollDepth() {
  return deepest;
}

/** Sees how deep the page is scrolled, while it is this page. */
export function look() {
  const { scrollHeight } = document.documentElement;
  const depth = scrollHeight ? Math.round(((scrollY + innerHeight) / scrollHeight) * 100) : 0;
  deepest = Math.max(deepest, Math.min(100, depth));
}

/** Tells of each milestone once, while the user scrolls. */
export function watchScroll() {
  listen(document, 'scroll', ({ target }) => {
    // Asking for the height makes the browser lay the page out: a few times a second, not for each pixel.
    if (isPlanned || target != document) return;
    isPlanned = true;
    later(milestones, 100);
  });
}

function milestones() {
  if (!isPlanned) return;
  isPlanned = false;
  const before = deepest;
  look();
  for (const depth of [25, 50, 75, 100]) {
    if (before < depth && depth <= deepest) trackAutomatic('scroll', { depth, url: pageNow().url });
  }
}
