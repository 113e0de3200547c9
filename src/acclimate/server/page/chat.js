/** A conversation with one system, streamed. */

import { answerCard } from "./answer.js";
import { byId, make, onEscape, reader, sendOnEnter } from "./dom.js";
import { call } from "./server.js";
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
  if (!model.value) await loadModels().catch(() => {}); // asked before the page knew who answers
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
  if (text) messages = [...about.messages, { role: "assistant", content: text }];
  card.end(text || !isStopped ? { ...about, answer: text } : null);
  card.cite(sources);
  if (isStopped) card.note("Stopped.");
  else if (isCut) card.note("Cut: it reached the longest answer that is allowed.");
};

/** Say what went wrong and offer to ask again; the conversation goes on from before. */
const fail = (card, turn, question, error) => {
  card.end(null);
  const again = () => {
    if (running) return;
    turn.remove();
    field.focus();
    ask(question);
  };
  card.note(error.message, " ", make("button", { type: "button", onclick: again }, "Ask again"));
};

const anew = () => {
  messages = [];
  log.replaceChildren(greeting);
  setRunning(null);
  field.focus();
};

/** Fill the choice of systems; with one there is nothing to choose. */
export const loadModels = async () => {
  const { data } = await (await call("/v1/models")).json();
  const was = model.value;
  model.replaceChildren(...data.map(({ id }) => make("option", { value: id }, id)));
  if (data.some(({ id }) => id === was)) model.value = was;
  byId("model-label").hidden = data.length < 2;
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
