// How long a page has been open, seen and hidden, in seconds, by a clock that only goes on: setting the computer's changes nothing.

let opened = 0;
let counted = 0;
let visible = 0;
let hidden = 0;
let wasHidden = false;

/** @param {number} milliseconds */
const seconds = (milliseconds) => Math.round(milliseconds) / 1000;

/** A page is opened now. */
export function startStopwatch() {
  countTime();
  opened = counted;
  visible = hidden = 0;
}

/** Counts the time since the last call as what the page was until now. */
export function countTime() {
  const time = performance.now() - counted;
  if (wasHidden) hidden += time;
  else visible += time;
  counted += time;
  wasHidden = document.hidden;
}

/** What was counted since the last call. */
export function takeTimes() {
  countTime();
  const times = { visibleTime: seconds(visible), hiddenTime: seconds(hidden) };
  visible = hidden = 0;
  return times;
}

/** Since the page was opened. */
export function duration() {
  return seconds(performance.now() - opened);
}
