// A public client that is not ours talks to a running development node, as a wallet would.
// Usage: node client.mjs [ws://127.0.0.1:9944], or the URL in ATHANOR_NODE_URL. Starts nothing itself.
import { webcrypto } from "node:crypto";
import { parseArgs } from "node:util";

// Node 18 has both, but not as globals that the libraries look for.
globalThis.crypto ??= webcrypto;
const { default: WebSocket } = await import("ws");
const { createClient, Enum } = await import("polkadot-api");
const { getWsProvider } = await import("polkadot-api/ws");
const { getPolkadotSigner } = await import("polkadot-api/signer");
const { sr25519CreateDerive } = await import("@polkadot-labs/hdkd");
const { DEV_PHRASE, entropyToMiniSecret, mnemonicToEntropy, ss58Address } = await import(
  "@polkadot-labs/hdkd-helpers"
);

const STEP_LIMIT_MS = 45_000;
const UNIT = 1_000_000_000_000n;

const { positionals } = parseArgs({ allowPositionals: true });
const url = positionals[0] ?? process.env.ATHANOR_NODE_URL ?? "ws://127.0.0.1:9944";

const derive = sr25519CreateDerive(entropyToMiniSecret(mnemonicToEntropy(DEV_PHRASE)));
const account = (path) => {
  const pair = derive(path);
  return {
    address: ss58Address(pair.publicKey, 42),
    signer: getPolkadotSigner(pair.publicKey, "Sr25519", pair.sign),
  };
};
const alice = account("//Alice");
const bob = account("//Bob");

const expect = (condition, message) => {
  if (!condition) throw new Error(message);
};
const show = (value) =>
  JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v));

const client = createClient(getWsProvider(url, { websocketClass: WebSocket, timeout: 10_000 }));
const api = client.getUnsafeApi();
const free = async (who) => (await api.query.System.Account.getValue(who.address)).data.free;
const transfer = (value) =>
  api.tx.Balances.transfer_keep_alive({ dest: Enum("Id", bob.address), value });

const tests = {
  "the metadata name this chain and its pallets": async () => {
    const version = await api.constants.System.Version();
    expect(version.spec_name === "athanor", `spec_name is ${version.spec_name}`);
    const { hash } = await client.getFinalizedBlock();
    const metadata = new TextDecoder().decode(await client.getMetadata(hash));
    for (const pallet of ["Babe", "Grandpa", "Balances", "Programs", "ComputeJobs"]) {
      expect(metadata.includes(pallet), `no pallet ${pallet} in the metadata`);
    }
  },

  "a transfer from Alice to Bob arrives and pays a fee": async () => {
    const [aliceBefore, bobBefore] = [await free(alice), await free(bob)];
    const tx = transfer(UNIT);
    const fee = await tx.getEstimatedFees(alice.address);
    expect(fee > 0n, "the estimated fee is zero");
    const result = await tx.signAndSubmit(alice.signer);
    expect(result.ok, `the transfer failed: ${show(result.dispatchError)}`);
    const [aliceAfter, bobAfter] = [await free(alice), await free(bob)];
    expect(bobAfter - bobBefore === UNIT, `Bob got ${bobAfter - bobBefore}`);
    expect(aliceBefore - aliceAfter > UNIT, "Alice paid no fee");
  },

  "a transfer of more than there is fails and moves nothing": async () => {
    const bobBefore = await free(bob);
    const result = await transfer((await free(alice)) + UNIT).signAndSubmit(alice.signer);
    expect(!result.ok, "it succeeded");
    expect(
      result.dispatchError.type === "Token" || result.dispatchError.type === "Arithmetic",
      `unexpected error: ${show(result.dispatchError)}`,
    );
    expect((await free(bob)) === bobBefore, "Bob's balance changed");
  },

  "a dry run tells a transfer that works from one that does not": async () => {
    const dryRun = async (value) => {
      const signed = await transfer(value).sign(alice.signer);
      return client._request("system_dryRun", [`0x${Buffer.from(signed).toString("hex")}`]);
    };
    // The answer is an ApplyExtrinsicResult: Ok(Ok(())), or Ok(Err(…)).
    const works = await dryRun(UNIT);
    expect(works === "0x0000", `a good transfer gives ${works}`);
    const fails = await dryRun((await free(alice)) + UNIT);
    expect(fails.startsWith("0x0001"), `a transfer of too much gives ${fails}`);
  },

  "the runtime gives its metadata in the versions 14 to 16": async () => {
    for (const version of [14, 15, 16]) {
      const argument = `0x${version.toString(16).padStart(2, "0")}000000`;
      const answer = await client._request("state_call", ["Metadata_metadata_at_version", argument]);
      // An Option of bytes: 1, a compact length of four bytes, "meta", the version.
      const found = Buffer.from(answer.slice(2), "hex").subarray(0, 10);
      expect(
        found[0] === 1 && found.subarray(5, 9).toString() === "meta" && found[9] === version,
        `version ${version}: ${answer.slice(0, 24)}`,
      );
    }
  },

  "a fee is told in its parts": async () => {
    const signed = await transfer(UNIT).sign(alice.signer);
    const hex = typeof signed === "string" ? signed : `0x${Buffer.from(signed).toString("hex")}`;
    const { inclusionFee } = await client._request("payment_queryFeeDetails", [hex]);
    const parts = [inclusionFee.baseFee, inclusionFee.lenFee, inclusionFee.adjustedWeightFee];
    expect(parts.every((part) => BigInt(part) > 0n), `the fee's parts are ${parts}`);
  },

  "the view function ComputeJobs.offers answers a list": async () => {
    const offers = await api.view.ComputeJobs.offers();
    expect(Array.isArray(offers), `the answer is ${show(offers)}`);
  },

  "the view function ComputeJobs.job knows no job 4294967295": async () => {
    const job = await api.view.ComputeJobs.job(4294967295n);
    expect(job === undefined, `the answer is ${show(job)}`);
  },

  "the view function Programs.cost knows no cost of a model that does not exist": async () => {
    const cost = await api.view.Programs.cost(4294967295n, 1);
    expect(cost === undefined, `the answer is ${show(cost)}`);
  },
};

const bounded = (promise) => {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${STEP_LIMIT_MS / 1000} s`)),
      STEP_LIMIT_MS,
    );
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
};

try {
  await bounded(client.getFinalizedBlock());
} catch (error) {
  console.error(`cannot reach a node at ${url}: ${error.message}`);
  process.exit(1);
}

let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await bounded(test());
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error?.message ?? error}`);
  }
}
client.destroy();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
