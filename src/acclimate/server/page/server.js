/** Talks to the server: its key, its complaints, and whether it is there. */

const KEY = "acclimate-key";
const SOON = 1500; // ms between looks while it is gone
const SELDOM = 3000; // while it is there
const PATIENCE = 4000; // for a sign of life

/** Tells `gone`, `back` and `locked` (a key is asked for). */
export const server = new EventTarget();
let isGone = false;

export class Gone extends Error {}

const FINAL = ["invalid_request_error", "not_found_error"];

/** What the server would not do; `isFinal`: nor will it when asked the same again. */
export class Refused extends Error {
  constructor(said, type = "") {
    super(said);
    this.isFinal = FINAL.includes(type);
  }
}

export const useKey = (key) => sessionStorage.setItem(KEY, key);
export const hasKey = () => Boolean(sessionStorage.getItem(KEY));

/** Ask the server; what it sends, or an Error whose message is for people. */
export const call = async (path, { body, signal } = {}) => {
  const key = sessionStorage.getItem(KEY);
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const method = body === undefined ? "GET" : "POST";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, { method, headers, body: sent, signal });
  } catch (error) {
    throw lost(error);
  }
  found();
  if (response.ok) return response;
  if (response.status === 401) server.dispatchEvent(new Event("locked"));
  throw await complaint(response);
};

/** What a failed fetch or a broken stream means; stopping it oneself stays what it is. */
export const lost = (error) => {
  if (error.name === "AbortError" || !(error instanceof TypeError)) return error;
  if (!isGone) {
    isGone = true;
    server.dispatchEvent(new Event("gone"));
  }
  return new Gone("The server does not answer.");
};

const found = () => {
  if (!isGone) return;
  isGone = false;
  server.dispatchEvent(new Event("back"));
};

const complaint = async (response) => {
  if (response.status === 401) return new Refused("The server asks for an API key.");
  const told = await response.json().catch(() => ({}));
  const said = told.error?.message ?? told.detail;
  if (typeof said === "string") return new Refused(said, told.error?.type);
  return new Refused(`The server refused (${response.status}).`);
};

/** Look again and again whether the server is there, sooner while it is not. */
export const watch = async () => {
  for (;;) {
    await new Promise((go) => setTimeout(go, isGone ? SOON : SELDOM));
    if (document.hidden && !isGone) continue;
    try {
      await fetch("/health", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
      found();
    } catch (error) {
      lost(error.name === "TimeoutError" ? new TypeError("no answer in time") : error);
    }
  }
};

/** Save a file that the server makes; by hand, since a plain link could not show the key. */
export const download = async (path, name) => {
  const blob = await (await call(path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};
