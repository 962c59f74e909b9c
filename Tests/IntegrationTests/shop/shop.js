// What a shop's own page does: its own work must go on whatever becomes of the SDK.
window.shop = { beats: 0, sent: [], outcomes: [] };
setInterval(() => shop.beats++, 20);

customElements.define(
  'shop-card',
  class extends HTMLElement {
    connectedCallback() {
      const shadow = this.attachShadow({ mode: 'open' });
      const button = document.createElement('button');
      button.id = 'inside';
      button.dataset.track = 'card';
      button.textContent = 'Ver';
      shadow.append(button);
    }
  },
);

// A page that stops its clicks sees them all the same.
addEventListener('DOMContentLoaded', () => {
  document.getElementById('call').addEventListener('click', (event) => event.stopImmediatePropagation());
  document.getElementById('newsletter-footer').addEventListener('submit', (event) => {
    if (!shop.submits) event.preventDefault();
  });
});

// An application that navigates by itself: the address first, the title a moment later.
shop.navigate = (path, title, how = 'pushState') => {
  history[how]({}, '', path);
  document.title = title;
};

// Tracks, and keeps what was sent and what became of it.
shop.track = (number) => {
  shop.sent.push(number);
  return okla.track('vehicle_view', { vehicleId: `v-${number}`, source: 'test' }, (error) => shop.outcomes.push([number, error ? error.message : null]));
};

// What became of a call, without waiting for other events.
shop.answered = (outcome) => {
  okla.flush();
  return outcome;
};
