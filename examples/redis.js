// As much of a Redis client as a scanner needs, out of Node's own `net`: commands out, one reply each back (RESP2).
const net = require("node:net");

/** A connection to redis://:password@localhost:6379/0, or its like. `ask("GET", "key")` promises the reply, as text. */
async function connect(address) {
  const url = new URL(address);
  const waiting = [];
  const socket = net.connect(Number(url.port || 6379), url.hostname);
  let held = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    held = Buffer.concat([held, bytes]);
    for (let reply; (reply = first(held)); held = held.subarray(reply.size)) {
      const { resolve, reject } = waiting.shift();
      reply.error ? reject(new Error(reply.error)) : resolve(reply.text);
    }
  });
  let broken = null;
  const fail = (error) => {
    broken = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  socket.on("error", fail).on("close", () => fail(new Error(`${url.host} has hung up`)));
  const ask = (...words) =>
    new Promise((resolve, reject) => {
      if (broken) return reject(broken);
      waiting.push({ resolve, reject });
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join("")}`);
    });
  if (url.password) await ask("AUTH", decodeURIComponent(url.username || "default"), decodeURIComponent(url.password));
  if (url.pathname.length > 1) await ask("SELECT", url.pathname.slice(1));
  return { ask, close: () => socket.end() };
}

/** The first reply in these bytes, or null where it has not come whole: + and : are texts, - an error, $ a length. */
function first(bytes) {
  const end = bytes.indexOf("\r\n");
  if (end < 0) return null;
  const kind = String.fromCharCode(bytes[0]);
  const head = bytes.toString("utf8", 1, end);
  if (kind === "-") return { size: end + 2, error: head };
  if (kind !== "$") return { size: end + 2, text: head };
  if (head === "-1") return { size: end + 2, text: null };
  const size = end + 2 + Number(head) + 2;
  return bytes.length < size ? null : { size, text: bytes.toString("utf8", end + 2, size - 2) };
}

module.exports = { connect };
