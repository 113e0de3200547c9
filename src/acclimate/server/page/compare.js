/** Two answers side by side, blind until the vote. */

import { CUT, answerCard } from "./answer.js";
import { byId, hasKeyboard, isWriting, onEscape, sendOnEnter } from "./dom.js";
import { call } from "./server.js";

const SIDES = ["first", "second"];
const NAMES = { first: "First answer", second: "Second answer" };

const field = byId("compare-question");
const pair = byId("pair");
const votes = byId("votes");
const said = byId("compare-said");
let cards = [];
let ticket = "";
let running = null;

const setRunning = (now) => {
  running = now;
  byId("compare-send").hidden = Boolean(now);
  byId("compare-stop").hidden = !now;
};

const ask = async (question) => {
  const own = new AbortController();
  setRunning(own);
  votes.hidden = true;
  cards = SIDES.map((side) => answerCard(NAMES[side]));
  pair.replaceChildren(...cards.map((card) => card.element));
  said.textContent = "Both are thinking …";
  try {
    const messages = [{ role: "user", content: question }];
    const response = await call("/feedback/comparisons", {
      body: { messages, task: byId("task").value },
      signal: own.signal,
    });
    show(await response.json());
  } catch (error) {
    pair.replaceChildren();
    field.value ||= question;
    said.textContent = own.signal.aborted ? "Stopped." : error.message;
  }
  if (running === own) setRunning(null);
};

const show = (told) => {
  ticket = told.ticket;
  told.answers.forEach((text, at) => {
    cards[at].write(text);
    cards[at].end({ ticket, side: SIDES[at] });
    if (told.is_cut[at]) cards[at].note(CUT);
  });
  const [first, second] = told.answers;
  const isSame = first.trim() === second.trim();
  said.textContent = isSame ? "Both said the same." : "Which answer is better?";
  for (const button of votes.children) button.removeAttribute("aria-pressed");
  setOpen(true);
  votes.hidden = false;
  pair.focus({ preventScroll: true }); // not on a vote: Enter pressed twice must not give one
};

const setOpen = (isOpen) => {
  for (const button of votes.children) button.disabled = !isOpen;
};

const vote = async (button) => {
  setOpen(false);
  try {
    const path = `/feedback/comparisons/${encodeURIComponent(ticket)}/vote`;
    const response = await call(path, { body: { choice: button.dataset.choice } });
    reveal(await response.json());
    button.setAttribute("aria-pressed", "true");
    if (hasKeyboard()) field.select();
    else pair.focus({ preventScroll: true }); // the button that was pressed can hold it no longer
  } catch (error) {
    said.textContent = `Not kept: ${error.message}`;
    setOpen(true);
    button.focus();
  }
};

const reveal = ({ systems, sources }) => {
  cards.forEach((card, at) => {
    card.entitle(`${NAMES[SIDES[at]]}: ${systems[at]}`);
    card.cite(sources[at]);
  });
  const [one, two] = systems;
  said.textContent =
    one === two
      ? `Kept, thank you. Both were drawn from ${one}.`
      : `Kept, thank you. The first was ${one}, the second ${two}.`;
};

export const startCompare = () => {
  sendOnEnter(byId("compare-ask"), field);
  byId("compare-ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const question = field.value.trim();
    if (question && !running) ask(question);
  });
  votes.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choice]");
    if (button) vote(button);
  });
  byId("compare").addEventListener("keydown", (event) => {
    const button = votes.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
    if (button && !votes.hidden && !isWriting(event)) button.click();
  });
  byId("compare-stop").addEventListener("click", () => running?.abort());
  onEscape(() => running?.abort());
};
