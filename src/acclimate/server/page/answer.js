/** An answer on the page: its text, sources, rating and correction. */

import { make } from "./dom.js";
import { call } from "./server.js";

/** A card to write an answer into, piece by piece. */
export const answerCard = (heading) => {
  const text = make("div", { class: "text" });
  const title = make("h3", {}, heading);
  const foot = make("div", { class: "foot" });
  const element = make("article", { class: "card answer writing" }, title, text, foot);
  return {
    element,
    get text() {
      return text.textContent;
    },
    write: (piece) => text.append(piece),
    entitle: (said) => title.replaceChildren(said),
    /** It is whole; `about` tells which answer feedback means, null that there is none to give. */
    end(about) {
      element.classList.remove("writing");
      if (about && !text.textContent.trim()) this.note("It said nothing.");
      if (about) foot.append(tools(about, text.textContent));
    },
    cite: (sources) => sources.length && text.after(sourceList(sources)),
    note: (said, ...more) => foot.prepend(make("p", { class: "note" }, said, ...more)),
  };
};

const sourceList = (sources) => {
  const shown = sources.map((source) => make("li", {}, sourceOf(source)));
  return make("div", { class: "sources" }, make("h4", {}, "Sources"), make("ol", {}, ...shown));
};

const sourceOf = (source) => {
  if (typeof source === "string") return source;
  const name = source.title || source.document || "untitled";
  if (!source.text) return name;
  return make("details", {}, make("summary", {}, name), make("p", {}, source.text));
};

/** Good, bad, correct; `about` tells the server which answer is meant. */
const tools = (about, text) => {
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
  const form = correction(text, open, (corrected) => send("/feedback/corrections", { corrected }));
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
