// What all scripts of the page use: elements, what is remembered, and what is told to screen readers.
(report => {
  report.one = (selector, inside = document) => inside.querySelector(selector);
  report.all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Make an element: make("button", {type: "button", class: "quiet", text: "Copy"}, child, ...).
  report.make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "text") made.textContent = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };

  // A browser may refuse to keep anything, as for pages from a disk: then nothing is remembered.
  report.remember = (key, value) => { try { localStorage.setItem(`comfy-report.${key}`, value); } catch { /* so be it */ } };
  report.remembered = key => { try { return localStorage.getItem(`comfy-report.${key}`); } catch { return null; } };

  report.tell = text => { report.one("#told").textContent = text; };

  // What the buttons with data-do do, by name; each gets its button.
  report.actions = {};
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-do]");
    if (button) report.actions[button.dataset.do]?.(button);
  });

  report.actions.copy = async button => {
    await navigator.clipboard.writeText(report.one("code", button.parentElement).textContent);
    button.textContent = "Copied";
    report.tell("Copied");
  };

  for (const one of report.all(".tools, .filter, [data-group], [data-do='copy']")) one.hidden = false;
})(window.ComfyReport ??= {});
