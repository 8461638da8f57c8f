// What the clients written in JavaScript share: a list of named checks, each bounded in time.

export const expect = (condition, message) => {
  if (!condition) throw new Error(message);
};

export const show = (value) =>
  JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v));

export const bounded = (promise, seconds, what = "no answer") => {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
};

/** One JSON-RPC call over HTTP to the full node at a ws:// URL. */
export const rpcOf = (url) => async (method, params = []) => {
  const response = await fetch(url.replace(/^ws/, "http"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${show(error)}`);
  return result;
};

/** Runs the checks one after the other and exits: 0 if all passed. */
export const run = async (tests, seconds, end = () => {}) => {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      const note = await bounded(test(), seconds);
      console.log(`ok      ${name}${note ? `: ${note}` : ""}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n        ${error?.message ?? error}`);
    }
  }
  await end();
  console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};
