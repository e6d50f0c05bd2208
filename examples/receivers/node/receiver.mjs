// Receives callbacks: verifies each post, takes each change once, prints it as a line of JSON.
//
// It needs the secret (whsec_...) from RotateCallbackSecret in EVCOMMAND_CALLBACK_SECRET. A real
// receiver listens behind TLS: a broker posts to https only.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Webhook } from "standardwebhooks";

const BODY_LIMIT = 1_000_000;

const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
const webhook = new Webhook(process.env.EVCOMMAND_CALLBACK_SECRET);

// A real receiver keeps these in a table, which it writes before it answers the post.
const seen = new Set();
const newest = new Map();

function take(id, post) {
  if (seen.has(id)) return; // a post may come more than once
  seen.add(id);
  const { name: command, outcome } = post.data;
  const known = newest.get(command) ?? 0;
  newest.set(command, Math.max(known, post.sequence));
  const line = { id, type: post.type, command, sequence: post.sequence, outcome: outcome?.code ?? "" };
  console.log(JSON.stringify({ ...line, newest: post.sequence > known }));
}

async function bodyOf(request) {
  let size = 0;
  const parts = [];
  for await (const part of request) {
    size += part.length;
    if (size > BODY_LIMIT) throw new Error("the body is too large");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

const server = createServer(async (request, response) => {
  try {
    const body = await bodyOf(request); // the signature covers the raw bytes
    const post = webhook.verify(body, request.headers);
    take(request.headers["webhook-id"], post);
    response.writeHead(204).end();
  } catch (error) {
    console.error(`refused: ${error.message}`);
    response.writeHead(400, { "content-length": "0" }).end();
  }
});

server.listen(Number(values.port), "127.0.0.1", () => {
  console.error(`listening on http://127.0.0.1:${server.address().port}/`);
});
