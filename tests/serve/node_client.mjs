// Asks a server at argv[2] with OpenAI's client for Node and with a WebSocket; prints what came as one JSON object.
// tests/serve/test_node_client.py runs it.
import OpenAI from "openai";
import WebSocket from "ws";

const address = process.argv[2];
const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });
const ask = { model: "tiny-chat", temperature: 0, max_tokens: 12 };
const messages = [{ role: "user", content: "what is a mill?" }];
const found = {};

found.models = (await client.models.list()).data.map((model) => model.id);

const completion = await client.completions.create({ ...ask, prompt: "the tide mill" });
found.completion = completion.choices[0].text;
found.usage = completion.usage;

found.streamed = "";
for await (const chunk of await client.completions.create({ ...ask, prompt: "the tide mill", stream: true }))
  found.streamed += chunk.choices[0]?.text ?? "";

found.chat = (await client.chat.completions.create({ ...ask, messages })).choices[0].message.content;
found.streamedChat = "";
for await (const chunk of await client.chat.completions.create({ ...ask, messages, stream: true }))
  found.streamedChat += chunk.choices[0]?.delta?.content ?? "";

const schema = { type: "object", properties: { n: { type: "integer", minimum: 1, maximum: 9 } }, required: ["n"] };
const held = await client.chat.completions.create({
  ...ask,
  max_tokens: 60,
  messages,
  response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema } },
});
found.held = JSON.parse(held.choices[0].message.content);

try {
  await client.completions.create({ ...ask, prompt: "x", temperature: 9 });
} catch (error) {
  found.refused = { status: error.status, param: error.param, isBadRequest: error instanceof OpenAI.BadRequestError };
}

const aborted = new AbortController();
const endless = await client.completions.create(
  { ...ask, prompt: "x", max_tokens: 20000, ignore_eos: true, stream: true }, { signal: aborted.signal });
for await (const _ of endless) {
  aborted.abort();
  break;
}

found.socket = await new Promise((resolve, reject) => {
  const socket = new WebSocket(`${address.replace("http", "ws")}/v1/stream`);
  let text = "";
  socket.on("error", reject);
  socket.on("open", () => socket.send(JSON.stringify({ id: "a", prompt: "the tide mill", temperature: 0, max_tokens: 12 })));
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "chunk") return void (text += message.data.choices[0].text);
    socket.close();
    resolve({ type: message.type, text });
  });
});

console.log(JSON.stringify(found));
