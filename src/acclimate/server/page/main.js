/** Puts the page together: its parts by address, the key, and the server's coming and going. */

import { load } from "./about.js";
import { startChat } from "./chat.js";
import { startCompare } from "./compare.js";
import { byId, hasKeyboard, make } from "./dom.js";
import { call, download, hasKey, server, useKey, watch } from "./server.js";

const SECTIONS = ["chat", "compare", "given"];
const KINDS = ["vote", "rating", "correction"];
const FIELDS = { chat: "question", compare: "compare-question" };

/** Show the part that the address names. */
const show = () => {
  const wanted = location.hash.slice(1);
  const shown = SECTIONS.includes(wanted) ? wanted : "chat";
  for (const name of SECTIONS) {
    byId(name).hidden = name !== shown;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown === "given") {
    byId("given-heading").focus();
    count();
  } else if (hasKeyboard()) byId(FIELDS[shown]).focus();
};

const count = async () => {
  byId("given-said").textContent = ""; // now: what is said of a download meanwhile stays
  try {
    const given = await (await call("/feedback")).json();
    const rows = KINDS.map((kind) => {
      const count = given[kind] ?? 0;
      const label = count === 1 ? kind : `${kind}s`;
      return make("div", {}, make("dt", {}, label), make("dd", {}, String(count)));
    });
    byId("counts").replaceChildren(...rows);
  } catch (error) {
    byId("given-said").textContent = error.message;
  }
};

const save = async (button) => {
  const said = byId("given-said");
  try {
    const task = encodeURIComponent(byId("rest-task").value.trim());
    await download(`/feedback/${button.dataset.file}?task=${task}`, button.dataset.file);
    said.textContent = `${button.dataset.file} is saved.`;
  } catch (error) {
    said.textContent = error.message;
  }
};

/** A plain link shows no key, so with one the report is fetched and saved. */
const openReport = (event) => {
  if (!hasKey()) return;
  event.preventDefault();
  download("/report", "report.html").catch((error) => say(error.message));
};

const say = (text) => {
  byId("link").textContent = text;
  byId("link").hidden = !text;
};

const watchServer = () => {
  server.addEventListener("gone", () => {
    byId("link").classList.add("gone");
    say("The server does not answer. What you wrote is still here; looking for it again …");
  });
  server.addEventListener("back", () => {
    byId("link").classList.remove("gone");
    say("The server is back.");
    load();
    setTimeout(() => byId("link").classList.contains("gone") || say(""), 6000);
  });
  watch();
};

const askForKey = () => {
  server.addEventListener("locked", () => {
    if (hasKey()) byId("key-said").textContent = "That key was not accepted.";
    byId("key").hidden = false;
    byId("key-field").focus();
  });
  byId("key").addEventListener("submit", async (event) => {
    event.preventDefault();
    useKey(byId("key-field").value.trim());
    byId("key-field").value = "";
    byId("key").hidden = true;
    await load();
    if (byId("key").hidden) show();
  });
};

startChat();
startCompare();
askForKey();
watchServer();
addEventListener("hashchange", show);
byId("report").addEventListener("click", openReport);
for (const button of document.querySelectorAll("[data-file]"))
  button.addEventListener("click", () => save(button));
show();
load();
