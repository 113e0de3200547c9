/** A conversation with one system, streamed. */

import { load } from "./about.js";
import { CUT, answerCard } from "./answer.js";
import { byId, make, onEscape, reader, sendOnEnter } from "./dom.js";
import { answer } from "./stream.js";

const NEAR = 80; // px from the end within which the end is followed

const log = byId("log");
const field = byId("question");
const model = byId("model");
const greeting = log.firstElementChild;
let messages = [];
let running = null;

/** Follow the end of the conversation, unless the person reads further up. */
const follow = (change) => {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  change();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
};

const setRunning = (now) => {
  running = now;
  byId("send").hidden = Boolean(now);
  byId("stop").hidden = !now;
  byId("anew").hidden = Boolean(now) || !log.querySelector(".turn");
};

const ask = async (question) => {
  if (!model.value) await load(); // asked before the page knew who answers
  const own = new AbortController();
  const asked = [...messages, { role: "user", content: question }];
  const task = byId("task").value;
  const about = { messages: asked, task, system: model.value };
  const card = answerCard(about.system);
  const turn = make("div", { class: "turn" }, make("p", { class: "question" }, question));
  turn.append(card.element);
  greeting.remove();
  log.append(turn);
  log.scrollTop = log.scrollHeight;
  setRunning(own);
  const ears = reader(byId("heard"));
  const hear = (piece) => follow(() => { card.write(piece); ears.hear(piece); });
  try {
    const told = await answer({ model: about.system, messages: asked, task }, own.signal, hear);
    follow(() => finish(card, about, told));
    ears.end();
  } catch (error) {
    const isStopped = own.signal.aborted;
    ears.end(isStopped ? "Stopped." : error.message);
    if (isStopped) follow(() => finish(card, about, { isStopped }));
    else follow(() => fail(card, turn, question, error));
  }
  if (running === own) setRunning(null);
};

const finish = (card, about, { sources = [], isCut = false, isStopped = false }) => {
  const text = card.text;
  let reply = { role: "assistant", content: text };
  if (text) messages = [...about.messages, reply];
  // What is asked next goes on from what is shown; what was asked till now stays as it was.
  const correct = (content) => {
    const better = { ...reply, content };
    messages = messages.map((one) => (one === reply ? better : one));
    reply = better;
  };
  card.end(text || !isStopped ? { ...about, answer: text } : null, correct);
  card.cite(sources);
  if (isStopped) card.note("Stopped.");
  else if (isCut) card.note(CUT);
};

/** Say what went wrong and offer what may help; the conversation goes on from before. */
const fail = (card, turn, question, error) => {
  card.end(null);
  const way = (label, act) => {
    const onclick = () => {
      if (running) return;
      drop(turn);
      field.focus();
      act();
    };
    return make("button", { type: "button", onclick }, label);
  };
  const again = way("Ask again", () => ask(question));
  const edit = way("Edit the question", () => restore(question));
  const alone = way("Ask it in a new chat", () => {
    anew();
    ask(question);
  });
  const ways = error.isFinal ? [edit, ...(messages.length ? [alone] : [])] : [again];
  card.note(error.message, make("span", { class: "ways" }, ...ways));
};

const drop = (turn) => {
  turn.remove();
  if (!log.querySelector(".turn")) log.replaceChildren(greeting);
  setRunning(null);
};

/** Put a question back where it was written, before what was written since. */
const restore = (question) => {
  field.value = [question, field.value].filter(Boolean).join("\n");
};

const anew = () => {
  messages = [];
  log.replaceChildren(greeting);
  setRunning(null);
  field.focus();
};

export const startChat = () => {
  sendOnEnter(byId("ask"), field);
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const question = field.value.trim();
    if (!question || running) return;
    field.value = "";
    ask(question);
  });
  const stop = () => {
    running?.abort();
    field.focus();
  };
  byId("stop").addEventListener("click", stop);
  onEscape(() => running && stop());
  byId("anew").addEventListener("click", anew);
};
