/** Elements from text: what a model wrote is never read as HTML. */

export const byId = (id) => document.getElementById(id);

/** An element; attributes that begin with "on" are listened to, booleans are there or not. */
export const make = (tag, given = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

/** Enter sends a form, Shift with it breaks the line; a word still being composed is left alone. */
export const sendOnEnter = (form, field) =>
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

/** Whether a key belongs to a text, or to the browser. */
export const isWriting = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select");

/** Whether there is a keyboard already; on a phone it would cover what one came to read. */
export const hasKeyboard = () => matchMedia("(hover: hover)").matches;

/** Escape does something while there is something to stop. */
export const onEscape = (act) =>
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && !event.defaultPrevented) act();
  });

/** Says a stream to screen readers, a sentence at a time: piece by piece would be stutter. */
export const reader = (node) => {
  let unsaid = "";
  node.textContent = "";
  const say = (text) => text.trim() && node.append(make("span", {}, text));
  return {
    hear(piece) {
      unsaid += piece;
      const end = Math.max(unsaid.lastIndexOf(". "), unsaid.lastIndexOf("\n")) + 1;
      if (end > 0) say(unsaid.slice(0, end));
      unsaid = unsaid.slice(end);
    },
    end(word = "") {
      say(`${unsaid} ${word}`);
      unsaid = "";
    },
  };
};
