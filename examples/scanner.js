// A trading process in JavaScript that the engine can learn from; beside it, redis.js is all that it needs.
// A line of its input is a candidate, a sale, or the end of a session:
//   {"time": "2024-01-31T21:00:00Z", "session": "2024-01-31", "symbol": "A", "price": 12.5, "features": {"rsi": 0.9}}
//   {"time": "2024-02-02T21:00:00Z", "symbol": "A", "sold": 12.9}
//   {"time": "2024-02-02T21:05:00Z", "closed": "2024-02-02"}
// It asks the broker at every candidate, and so waits for it: who cannot wait follows params.updated in the background.
const { createHash } = require("node:crypto");
const { createInterface } = require("node:readline");
const { connect } = require("./redis.js");

const { STRATEGY = "main", LEARNING_PREFIX: PREFIX = "", RQ_REDIS_URL = "redis://127.0.0.1:6379/0" } = process.env;
const APPLY = /^\s*(1|true|yes|on)\s*$/i.test(process.env.LEARNING_APPLY_PARAMETERS ?? ""); // off as installed
const DEFAULTS = { "threshold.score": 0.5 }; // hold while nothing better is known
const sha256 = (text) => createHash("sha256").update(text, "utf8").digest();

/** RFC 8785: the text that the checksum of a version is of. */
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join()}}`;
}

/** The values of the arm that `unit` belongs to: integer arithmetic, the same in every language. */
function armOf({ id, arms }, unit) {
  const n = sha256(`${id}:${unit}`).readUInt32BE(0);
  let cumulative = 0;
  return arms.find((arm) => n * 10000 < (cumulative += arm.share) * 2 ** 32).values;
}

/** The values in force for `unit`, and what events say of them. A version that is not sound is not used. */
function valuesFor(unit, snapshot) {
  const { checksum, ...version } = JSON.parse(snapshot ?? "{}");
  if (checksum !== sha256(canonical(version)).toString("hex")) return { values: DEFAULTS, said: {} };
  const values = Object.assign({}, DEFAULTS, version.values, ...version.allocations.map((split) => armOf(split, unit)));
  return { values, said: { params_version: `${version.epoch}-${version.number}`, unit } };
}

async function main() {
  const redis = await connect(RQ_REDIS_URL);
  // Sent twice, an event counts once: its id is made of what it says, not drawn.
  const tell = (type, id, time, fields) => {
    const data = { strategy: STRATEGY, ...fields };
    const event = { id: `${STRATEGY}/${type}/${id}`, source: "scanner-js", type, time, data };
    return redis.ask("XADD", PREFIX + type, "*", "event", JSON.stringify(event));
  };
  const held = new Map(); // by symbol: the decision that it was bought by, and the price
  for await (const line of createInterface({ input: process.stdin })) {
    const { time, symbol, session, price, features, sold, closed } = JSON.parse(line);
    if (features) {
      const snapshot = APPLY ? await redis.ask("GET", `${PREFIX}params:${STRATEGY}:snapshot`) : null;
      const { values, said } = valuesFor(`${symbol}/${session}`, snapshot);
      const id = `${symbol}-${session}`;
      const score = Object.values(features).reduce((sum, feature) => sum + feature, 0) / Object.keys(features).length;
      const buy = score >= values["threshold.score"];
      const decision = { decision_id: id, alert_id: id, action: buy ? "BUY" : "IGNORE", size: buy ? 0.02 : 0 };
      await tell("alert.raised", id, time, { alert_id: id, symbol, score, price, features, ...said });
      await tell("decision.made", id, time, { ...decision, symbol, score, price, ...said });
      if (buy) held.set(symbol, { decision_id: id, entry_price: price });
    } else if (sold && held.has(symbol)) {
      const trade = { ...held.get(symbol), exit_price: sold, exit_time: time, exit_reason: "time_exit" };
      held.delete(symbol);
      await tell("outcome.observed", trade.decision_id, time, { outcome_id: `${trade.decision_id}-close`, ...trade });
    } else if (closed) await tell("session.closed", closed, time, { session: closed });
  }
  redis.close();
}

module.exports = { armOf, canonical };
if (require.main === module) main().catch((error) => (console.error(`scanner.js: ${error.message}`), process.exit(1)));
