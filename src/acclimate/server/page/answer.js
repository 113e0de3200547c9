/** An answer on the page: its text, sources, rating and correction. */

import { make } from "./dom.js";
import { call } from "./server.js";

/** Said of an answer that stops where no more was allowed. */
export const CUT = "Cut: it reached the longest answer that is allowed.";

/** A card to write an answer into, piece by piece. */
export const answerCard = (heading) => {
  const text = make("div", { class: "text" });
  const title = make("h3", {}, heading);
  const mark = make("div", { class: "mark" });
  const foot = make("div", { class: "foot" });
  const whole = { class: "card answer writing", "aria-label": heading };
  const element = make("article", whole, title, text, mark, foot);
  const correct = (was, corrected) => {
    text.replaceChildren(corrected);
    for (const note of foot.querySelectorAll(":scope > .note")) note.remove(); // of what it said
    mark.replaceChildren(make("p", { class: "note" }, "Corrected by you."));
    if (was.trim()) mark.append(folded("What it said", was));
  };
  return {
    element,
    get text() {
      return text.textContent;
    },
    write: (piece) => text.append(piece),
    entitle(said) {
      title.replaceChildren(said);
      element.setAttribute("aria-label", said);
    },
    /** It is whole; `about` tells which answer feedback means, null that there is none to give. */
    end(about, hear = () => {}) {
      element.classList.remove("writing");
      if (!about) return;
      const was = text.textContent;
      if (!was.trim()) this.note("It said nothing.");
      const show = (corrected) => {
        correct(was, corrected);
        hear(corrected);
      };
      foot.append(tools(about, was, show));
    },
    cite: (sources) => sources.length && mark.after(sourceList(sources)),
    note: (said, ...more) => foot.prepend(make("p", { class: "note" }, said, ...more)),
  };
};

const folded = (heading, text) =>
  make("details", {}, make("summary", {}, heading), make("p", {}, text));

const sourceList = (sources) => {
  const shown = sources.map((source) => make("li", {}, sourceOf(source)));
  return make("div", { class: "sources" }, make("h4", {}, "Sources"), make("ol", {}, ...shown));
};

const sourceOf = (source) => {
  if (typeof source === "string") return source;
  const name = source.title || source.document || "untitled";
  if (!source.text) return name;
  return folded(name, source.text);
};

/** Good, bad, correct; `about` tells the server which answer is meant, `show` how it should be. */
const tools = (about, text, show) => {
  const said = make("span", { class: "said", role: "status" });
  const send = async (path, body) => {
    try {
      await call(path, { body: { ...about, ...body } });
      said.textContent = "Kept, thank you.";
      return true;
    } catch (error) {
      said.textContent = `Not kept: ${error.message}`;
      return false;
    }
  };
  const buttons = { up: "Good", down: "Bad" };
  const rate = async (rating) => {
    if (!(await send("/feedback/ratings", { rating }))) return;
    for (const button of row.querySelectorAll("[data-rating]"))
      button.setAttribute("aria-pressed", String(button.dataset.rating === rating));
  };
  const raters = Object.entries(buttons).map(([rating, label]) => {
    const given = { type: "button", "data-rating": rating, "aria-pressed": "false" };
    return make("button", { ...given, onclick: () => rate(rating) }, label);
  });
  const open = make("button", { type: "button", "aria-expanded": "false" }, "Correct");
  const row = make("div", { class: "tools" }, ...raters, open, said);
  const form = correction(text, open, async (corrected) => {
    const isKept = await send("/feedback/corrections", { corrected });
    if (isKept) show(corrected);
    return isKept;
  });
  return make("div", {}, row, form);
};

/** The answer as it should be, to be written over what it is. */
const correction = (text, open, send) => {
  const field = make("textarea", { rows: "3", maxlength: "100000", required: true });
  field.value = text;
  const label = make("label", {}, "How it should read", field);
  const keep = make("button", { type: "submit", class: "main" }, "Keep correction");
  const cancel = make("button", { type: "button", onclick: () => show(false) }, "Cancel");
  const form = make("form", { class: "correction", hidden: true }, label, keep, cancel);
  const show = (isOpen) => {
    form.hidden = !isOpen;
    open.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? field : open).focus();
  };
  open.addEventListener("click", () => show(form.hidden));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    show(false);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (field.value.trim() && (await send(field.value.trim()))) show(false);
  });
  return form;
};
