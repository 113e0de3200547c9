/** What a JSON schema allows, in words: pieces of text, and links to objects with a name. */

import { make } from "./dom.js";

const LENGTHS = { minLength: "at least", maxLength: "at most" };
const BOUNDS = { minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<" };
const SIZES = { minItems: "at least", maxItems: "at most", maxProperties: "at most" };

/** What an object stands under in the document, and what people call it. */
export const keyOf = (ref) => ref.split("/").at(-1);
export const nameOf = (key) => key.split("__").at(-1);

export const linkTo = (ref) => make("a", { href: `#${keyOf(ref)}` }, nameOf(keyOf(ref)));

/** The pieces of a list with a word between each two. */
const joined = (lists, word) => lists.flatMap((list, at) => (at ? [word, ...list] : list));

/** Everything a value may be. */
export const typeOf = (schema) => {
  const ways = schema.anyOf ?? schema.oneOf;
  if (ways) return joined(ways.map(typeOf), " or ");
  if (schema.$ref) return [linkTo(schema.$ref)];
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((one) => JSON.stringify(one)).join(" or ")];
  return [...kindOf(schema), ...limitsOf(schema)];
};

const kindOf = (schema) => {
  if (schema.type === "array") return ["list of ", ...inside(schema.items)];
  if (schema.type !== "object") return [schema.type ?? "anything"];
  const values = schema.additionalProperties;
  return values ? ["object with values: ", ...inside(values)] : ["object"];
};

/** Of what a list or an object holds; more than one way stands in brackets. */
const inside = (schema) => {
  if (!schema || schema === true) return ["anything"];
  const isOfWays = schema.anyOf ?? schema.oneOf ?? schema.enum;
  return isOfWays ? ["(", ...typeOf(schema), ")"] : typeOf(schema);
};

const limitsOf = (schema) => {
  const told = (words, unit) =>
    Object.entries(words)
      .filter(([limit]) => limit in schema)
      .map(([limit, word]) => `${word} ${schema[limit]}${unit}`);
  const all = [...told(BOUNDS, ""), ...told(LENGTHS, " characters"), ...told(SIZES, "")];
  return all.length ? [` (${all.join(", ")})`] : [];
};
