/** The OpenAPI document as a page: every path, what it takes and what it answers. */

import { byId, make } from "./dom.js";
import { keyOf, linkTo, nameOf, typeOf } from "./schema.js";
import { call } from "./server.js";

/** Text in which `such` is code. */
const prose = (text = "") =>
  text.split("`").map((part, at) => (at % 2 ? make("code", {}, part) : part));

const operationsOf = (told) =>
  Object.entries(told.paths).flatMap(([path, ways]) =>
    Object.entries(ways).map(([method, about]) => ({
      ...about,
      path,
      method: method.toUpperCase(),
      id: `${method}${path}`.replace(/[^\w.]+/g, "-"),
    })),
  );

/** Fields with type, default and description. */
const fieldList = (fields) =>
  make("dl", { class: "fields" }, ...fields.map(({ name, schema, is_required, description }) => {
    const must = make("span", { class: "must" }, "required");
    const preset = `default: ${JSON.stringify(schema.default)}`;
    const how = "default" in schema ? [preset] : is_required ? [must] : ["may be left out"];
    const said = prose(description ?? schema.description);
    return make("div", {},
      make("dt", {}, make("code", {}, name)),
      make("dd", {}, make("p", { class: "type" }, ...typeOf(schema), "; ", ...how),
        make("p", {}, ...said)));
  }));

/** Those that must be given first. */
const fieldsOf = (schema) => {
  const needed = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    schema: field,
    is_required: needed.has(name),
  }));
  return fields.sort((one, other) => other.is_required - one.is_required);
};

const parametersOf = (given) =>
  given.map((one) => ({ ...one, name: `${one.name} (${one.in})`, is_required: one.required }));

/** What is sent: one schema for each kind of content. */
const bodyOf = (content, schemas) =>
  Object.entries(content).flatMap(([kind, { schema }]) => {
    const ref = schema.$ref;
    const whole = ref ? schemas[keyOf(ref)] : schema;
    return [make("h4", {}, `Body, ${kind}`), fieldList(fieldsOf(whole))];
  });

const answersOf = (answers) => {
  const rows = Object.entries(answers).map(([status, { description, content = {} }]) => {
    const kinds = Object.entries(content).map(([kind, { schema }]) =>
      schema?.$ref ? [" ", linkTo(schema.$ref)] : [` (${kind})`]);
    return make("div", {},
      make("dt", {}, make("code", {}, status)),
      make("dd", {}, ...prose(description), ...kinds.flat()));
  });
  return make("details", {}, make("summary", {}, `Answers: ${Object.keys(answers).join(", ")}`),
    make("dl", { class: "answers" }, ...rows));
};

const article = (way, schemas) => {
  const given = way.parameters?.length
    ? [make("h4", {}, "Parameters"), fieldList(parametersOf(way.parameters))] : [];
  const sent = way.requestBody ? bodyOf(way.requestBody.content, schemas) : [];
  return make("article", { id: way.id, tabindex: "-1" },
    make("h3", {}, make("span", { class: "way" }, way.method), " ", make("code", {}, way.path)),
    make("p", {}, ...prose(way.description)), ...given, ...sent, answersOf(way.responses));
};

const object = ([key, schema]) =>
  make("article", { id: key, tabindex: "-1" }, make("h3", {}, make("code", {}, nameOf(key))),
    make("p", {}, ...prose(schema.description)), fieldList(fieldsOf(schema)));

/** What fields and answers name; what a path takes stands there whole. */
const objectsOf = (ways, schemas) => {
  const contents = ways.flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}));
  const bodies = new Set(contents.map(({ schema }) => schema.$ref && keyOf(schema.$ref)));
  return Object.entries(schemas).filter(([key]) => !bodies.has(key));
};

const show = (told) => {
  const ways = operationsOf(told);
  const schemas = told.components?.schemas ?? {};
  byId("title").textContent = `${told.info.title} ${told.info.version}: the interface`;
  byId("about").replaceChildren(...prose(told.info.description));
  for (const tag of new Set(ways.map((way) => way.tags?.[0] ?? "Other"))) {
    const own = ways.filter((way) => (way.tags?.[0] ?? "Other") === tag);
    const links = own.map((way) => make("li", {},
      make("a", { href: `#${way.id}` }, make("span", { class: "way" }, way.method), " ", way.path)));
    byId("contents").append(make("ul", { "aria-label": tag }, ...links));
    byId("paths").append(make("section", {}, make("h2", {}, tag),
      ...own.map((way) => article(way, schemas))));
  }
  byId("objects").append(...objectsOf(ways, schemas).map(object));
  byId("contents").hidden = byId("objects").hidden = false;
};

const goToHash = () => {
  const id = location.hash.slice(1);
  if (id) document.querySelector(`[id="${CSS.escape(id)}"]`)?.scrollIntoView();
};

try {
  show(await (await call("/openapi.json")).json());
  goToHash();
} catch (error) {
  byId("about").textContent = `The document could not be read. ${error.message}`;
}
