/** Answers as they are written: server-sent events of `/v1/chat/completions`. */

import { Refused, call, lost } from "./server.js";

/** The data of each event. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  } catch (error) {
    throw lost(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Ask, hand over each piece, and return the sources and whether the answer was cut. */
export const answer = async (asked, signal, hear) => {
  const response = await call("/v1/chat/completions", {
    body: { ...asked, stream: true },
    signal,
  });
  let sources = [];
  let reason = "";
  for await (const data of events(response)) {
    if (data === "[DONE]") return { sources, isCut: reason === "length" };
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Refused(chunk.error.message, chunk.error.type);
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) hear(choice.delta.content);
    reason = choice?.finish_reason || reason;
    sources = choice?.delta?.sources ?? sources;
  }
  throw new Error("The answer broke off.");
};
