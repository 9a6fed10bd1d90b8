/** Tabs by the pattern of https://www.w3.org/WAI/ARIA/apg/patterns/tabs/: arrow keys move, the address remembers. */

/** @typedef {{readonly selected: string, select: (panel: string) => void}} Tabs panel: the id of what a tab controls */

/**
 * @param {HTMLElement} list its buttons have role=tab and aria-controls
 * @param {(panel: string) => void} onChange before another panel is shown
 * @returns {Tabs}
 */
export function createTabs(list, onChange) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...list.querySelectorAll('[role=tab]')]);
  const names = buttons.map((button) => button.getAttribute('aria-controls') ?? '');
  let selected = names[0];
  buttons.forEach((button, i) => {
    button.addEventListener('click', () => select(names[i]));
    button.addEventListener('keydown', (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = (i + step + buttons.length) % buttons.length;
      select(names[next]);
      buttons[next].focus();
    });
  });
  const asked = location.hash.slice(1);
  if (names.includes(asked)) select(asked);
  return {
    get selected() {
      return selected;
    },
    select,
  };

  /** @param {string} panel */
  function select(panel) {
    if (panel === selected) return;
    onChange(panel);
    selected = panel;
    names.forEach((name, i) => {
      buttons[i].setAttribute('aria-selected', String(name === panel));
      buttons[i].tabIndex = name === panel ? 0 : -1;
      const content = document.getElementById(name);
      if (content !== null) content.hidden = name !== panel;
    });
    history.replaceState(null, '', `#${panel}`);
  }
}
