/** What is served here: its name, its tasks, and the systems that answer. */

import { byId, make } from "./dom.js";
import { call } from "./server.js";

/** Fill a choice and keep what was chosen; with one there is nothing to choose. */
const fill = (select, names) => {
  const was = select.value;
  select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
  if (names.includes(was)) select.value = was;
  byId(`${select.id}-label`).hidden = names.length < 2;
};

const introduce = async () => {
  const about = await (await call("/page/about.json")).json();
  byId("title").textContent = about.title;
  document.title = about.title;
  byId("report").hidden = !about.has_report;
  fill(byId("task"), about.tasks);
  byId("rest").hidden = about.tasks.length === 1;
  byId("rest-tasks").replaceChildren(...about.tasks.map((value) => make("option", { value })));
  document.body.classList.toggle("mute", !about.has_feedback);
  if (!about.has_feedback && location.hash) location.hash = "#chat"; // there is nothing else
};

/** Ask for all of it; who answers comes last, so that where it is known, all is. */
export const load = async () => {
  try {
    await introduce();
    const { data } = await (await call("/v1/models")).json();
    fill(byId("model"), data.map(({ id }) => id));
  } catch {
    // The banner says why, and once the server is back it is asked again.
  }
};
